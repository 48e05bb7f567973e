#pragma once

#include <treadle/config.hpp>
#include <treadle/coro/task.hpp>
#include <treadle/io/file_status.hpp>
#include <treadle/result.hpp>

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <utility>
#include <vector>

namespace treadle::io {

/// How to open a file; combined by `|`.
enum class open_mode : std::uint32_t {
  read = 1,
  write = 2,
  create = 4,     ///< makes it if there is none
  exclusive = 8,  ///< with `create`: fails with `std::errc::file_exists` if there is one
  truncate = 16,  ///< with `write`: empties it
  append = 32,    ///< writes at the end, wherever that is by then
  direct = 64,    ///< goes past the system's memory: places, sizes and addresses are multiples of the disk's blocks
};
constexpr open_mode operator|(open_mode one, open_mode other) noexcept {
  return static_cast<open_mode>(static_cast<std::uint32_t>(one) | static_cast<std::uint32_t>(other));
}

/// An open file. Several coroutines may read and write at a time. Move-only; must outlive every operation on it.
///
/// All operations are coroutines, on whatever pool they run. What the system has in memory is read and written at once.
/// Reads that go to the disk, `sync`, and writes of a `direct` file are the kernel's until they are done, and hold no
/// thread, where io_uring is to be had (`treadle::io::current_backend`). For the rest another worker takes this one's
/// place, as with `treadle::blocking`, while its thread waits for the disk. No request to stop reaches the disk: what
/// has begun is awaited, and between two steps of at most a megabyte it ends with `errc::cancelled`. Else the errors
/// are those of the system call.
class TREADLE_EXPORT file {
 public:
  file() noexcept = default;
  file(file&& other) noexcept : number_(std::exchange(other.number_, -1)), past_memory_(other.past_memory_) {}
  file& operator=(file&& other) noexcept {
    if (this != &other) {
      close();
      number_ = std::exchange(other.number_, -1);
      past_memory_ = other.past_memory_;
    }
    return *this;
  }
  file(const file&) = delete;
  file& operator=(const file&) = delete;
  ~file() { close(); }

  /// Opens the file at `path`. `permissions`: of one that is made, less the process's umask. Fails as `open` does, and
  /// with `std::errc::invalid_argument` if the path holds a zero byte.
  static coro::task<result<file>> open(std::string path, open_mode how = open_mode::read, unsigned permissions = 0666);

  /// Reads from `offset` on until `into` is full or the file ends. Returns how many bytes; fewer than asked for at the
  /// end.
  coro::task<result<std::size_t>> read_at(std::uint64_t offset, std::span<std::byte> into);
  /// Reads all there is from the beginning on, also where the size is not known before, as in /proc. Fails with
  /// `std::errc::file_too_large` if there are more than `at_most` bytes. Throws what a vector throws that cannot grow.
  coro::task<result<std::vector<std::byte>>> read_all(std::size_t at_most = SIZE_MAX);
  /// Writes all of `from` at `offset`, or at the end of a file that was opened to append. When it fails, some may have
  /// been written.
  coro::task<result<void>> write_at(std::uint64_t offset, std::span<const std::byte> from);
  /// Waits until all that was written is on the disk, size included.
  coro::task<result<void>> sync();
  /// Cuts the file off, or fills it up with zeros.
  coro::task<result<void>> resize(std::uint64_t bytes);
  coro::task<result<std::uint64_t>> size();
  coro::task<result<file_status>> status();

  /// Returns the number; -1 if there is none. Still owned by this.
  [[nodiscard]] int number() const noexcept { return number_; }
  explicit operator bool() const noexcept { return number_ >= 0; }
  /// Closes it. No operation is under way. What was not synced may fail to reach the disk without anybody being told.
  void close() noexcept;

 private:
  file(int number, bool past_memory) noexcept : number_(number), past_memory_(past_memory) {}

  int number_ = -1;
  bool past_memory_ = false;  ///< no try for what is in memory comes first
};

}  // namespace treadle::io
