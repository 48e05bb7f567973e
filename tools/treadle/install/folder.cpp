#include "folder.hpp"

#include "fault.hpp"

#include <dirent.h>
#include <sys/stat.h>

#include <algorithm>
#include <array>
#include <cstring>
#include <memory>

namespace tool::install {

namespace {

struct close_listing {
  void operator()(DIR* listing) const noexcept { ::closedir(listing); }
};
using listing = std::unique_ptr<DIR, close_listing>;

listing open_listing(int at, const char* name) noexcept {
  const int fd = ::openat(at, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
  if (fd < 0) return nullptr;
  listing opened(::fdopendir(fd));
  if (opened == nullptr) ::close(fd);
  return opened;
}

bool is_dots(const char* name) noexcept { return std::strcmp(name, ".") == 0 || std::strcmp(name, "..") == 0; }

}  // namespace

handle open_folder(const std::string& path) { return handle(::open(path.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC)); }

void make_folders(int at, std::string_view path, unsigned mode) {
  const std::string whole(path);
  if (::mkdirat(at, whole.c_str(), mode) == 0 || errno == EEXIST) return;
  if (errno != ENOENT) throw_errno(whole);
  for (std::size_t end = whole.find('/', 1); end != whole.npos; end = whole.find('/', end + 1)) {
    if (::mkdirat(at, whole.substr(0, end).c_str(), mode) != 0 && errno != EEXIST) throw_errno(whole);
  }
  if (::mkdirat(at, whole.c_str(), mode) != 0 && errno != EEXIST) throw_errno(whole);
}

bool remove_tree(int at, const char* name) noexcept {
  if (::unlinkat(at, name, 0) == 0 || errno == ENOENT) return true;
  if (errno != EISDIR && errno != EPERM) return false;
  {
    listing inside = open_listing(at, name);
    if (inside == nullptr && errno == EACCES && ::fchmodat(at, name, 0700, 0) == 0) inside = open_listing(at, name);
    if (inside == nullptr) return false;
    const int fd = ::dirfd(inside.get());
    bool is_empty = true;
    while (const dirent* const found = ::readdir(inside.get())) {
      if (!is_dots(found->d_name)) is_empty = remove_tree(fd, found->d_name) && is_empty;
    }
    if (!is_empty) return false;
  }
  return ::unlinkat(at, name, AT_REMOVEDIR) == 0 || errno == ENOENT;
}

std::vector<std::string> names_in(int at, const char* name) {
  std::vector<std::string> names;
  if (const listing inside = open_listing(at, name)) {
    while (const dirent* const found = ::readdir(inside.get())) {
      if (!is_dots(found->d_name)) names.emplace_back(found->d_name);
    }
  }
  std::sort(names.begin(), names.end());
  return names;
}

std::string read_file(const std::string& path) {
  const handle file(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
  if (!file) throw_errno(path);
  std::string text;
  std::array<char, 64 * 1024> part;
  for (;;) {
    const ssize_t read = ::read(file.number(), part.data(), part.size());
    if (read < 0 && errno == EINTR) continue;
    if (read < 0) throw_errno(path);
    if (read == 0) return text;
    text.append(part.data(), static_cast<std::size_t>(read));
  }
}

void write_file(int at, const std::string& name, std::string_view text, unsigned mode) {
  const handle file(::openat(at, name.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, mode));
  if (!file) throw_errno(name);
  while (!text.empty()) {
    const ssize_t written = ::write(file.number(), text.data(), text.size());
    if (written < 0 && errno == EINTR) continue;
    if (written < 0) throw_errno(name);
    text.remove_prefix(static_cast<std::size_t>(written));
  }
}

std::vector<std::string_view> components(std::string_view path) {
  std::vector<std::string_view> parts;
  while (!path.empty()) {
    const std::size_t end = std::min(path.find('/'), path.size());
    const std::string_view part = path.substr(0, end);
    if (!part.empty() && part != ".") parts.push_back(part);
    path.remove_prefix(std::min(end + 1, path.size()));
  }
  return parts;
}

std::string confined(std::string_view path) {
  std::vector<std::string_view> kept;
  for (const std::string_view part : components(path)) {
    if (part != "..") {
      kept.push_back(part);
    } else if (!kept.empty()) {
      kept.pop_back();
    }
  }
  std::string joined;
  for (const std::string_view part : kept) {
    if (!joined.empty()) joined += '/';
    joined += part;
  }
  return joined;
}

unsigned current_umask() {
  // The system has no call that only looks, but for this file; a process without /proc gets the usual one.
  static const unsigned found = [] {
    unsigned mask = 022;
    try {
      const std::string status = read_file("/proc/self/status");
      const std::size_t at = status.find("\nUmask:");
      if (at != status.npos) mask = static_cast<unsigned>(std::stoul(status.substr(at + 7), nullptr, 8));
    } catch (const std::exception&) {
      return mask;
    }
    return mask;
  }();
  return found;
}

}  // namespace tool::install
