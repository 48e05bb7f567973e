#pragma once

#include <fcntl.h>
#include <unistd.h>

#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace tool::install {

/// A descriptor that is closed with its owner. Move-only.
class handle {
 public:
  handle() noexcept = default;
  explicit handle(int number) noexcept : number_(number) {}
  handle(handle&& other) noexcept : number_(std::exchange(other.number_, -1)) {}
  handle& operator=(handle&& other) noexcept {
    std::swap(number_, other.number_);
    return *this;
  }
  handle(const handle&) = delete;
  handle& operator=(const handle&) = delete;
  ~handle() {
    if (number_ >= 0) ::close(number_);
  }
  [[nodiscard]] int number() const noexcept { return number_; }
  explicit operator bool() const noexcept { return number_ >= 0; }

 private:
  int number_ = -1;
};

/// Opens a directory; an empty handle and errno if that fails.
[[nodiscard]] handle open_folder(const std::string& path);

/// Opens `path` below `at` as `flags` say, and follows no symbolic link on the way, nor "..": an empty handle and
/// errno, which is ELOOP for a link, if that fails.
[[nodiscard]] handle open_beneath(int at, std::string_view path, int flags);

/// Makes `path` below `at`, and what lies between. Throws outage.
void make_folders(int at, std::string_view path, unsigned mode);

/// Removes `name` in `at` and all below it, however deep and whatever its modes; links are not followed. Returns
/// whether nothing of it is left.
bool remove_tree(int at, const char* name) noexcept;

/// Returns the names in a directory but for "." and "..", sorted; none if it cannot be read.
[[nodiscard]] std::vector<std::string> names_in(int at, const char* name);

/// Returns all of a file, or of what else can be read. Throws outage.
[[nodiscard]] std::string read_file(const std::string& path);

/// Opens a file to read it. Throws outage, and fault for what is no regular file: it waits for no writer of a pipe, and
/// wakes no device.
[[nodiscard]] handle open_regular(const std::string& path);
/// Returns all of a regular file. Throws as `open_regular` does.
[[nodiscard]] std::string read_regular(const std::string& path);

/// Writes all of `text` to the new file `name` in `at`. Throws outage.
void write_file(int at, const std::string& name, std::string_view text, unsigned mode);

/// Splits at slashes; what is empty and "." is left out.
[[nodiscard]] std::vector<std::string_view> components(std::string_view path);

/// Returns `path` as seen from an own root: without "." and "..", which end there, and without a slash in front.
[[nodiscard]] std::string confined(std::string_view path);

/// Returns `to` as seen from the folder `from`, both as seen from the same place.
[[nodiscard]] std::string relative_path(std::string_view from, std::string_view to);

/// Returns the process's umask. Thread-safe.
[[nodiscard]] unsigned current_umask();

}  // namespace tool::install
