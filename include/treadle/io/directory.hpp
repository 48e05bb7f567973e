#pragma once

#include <treadle/config.hpp>
#include <treadle/coro/task.hpp>
#include <treadle/io/detail/directory_reader.hpp>
#include <treadle/io/directory_entry.hpp>
#include <treadle/result.hpp>

#include <optional>
#include <string>
#include <utility>

namespace treadle::io {

/// An open directory, read entry by entry in the order that the file system has them in; 32 KiB of them are in memory,
/// however many there are. Move-only, used by one coroutine at a time; must outlive every operation on it.
///
/// All operations are coroutines, on whatever pool they run; another worker takes this one's place while they wait for
/// the disk. No request to stop reaches the disk: what has begun is awaited. They fail with the errors of the system
/// call, and with `errc::cancelled` if the coroutine was asked to stop before a call.
class TREADLE_EXPORT directory {
 public:
  directory() noexcept = default;

  /// Opens the directory at `path`; a link is followed. Fails with `std::errc::not_a_directory`, and with
  /// `std::errc::invalid_argument` if the path holds a zero byte.
  static coro::task<result<directory>> open(std::string path);

  /// Returns the next entry, but for "." and ".."; none at the end. What is made or removed meanwhile may be there or
  /// not. After a failure of the disk there is no more. Throws std::bad_alloc.
  coro::task<result<std::optional<directory_entry>>> next();

  /// Returns the number of the descriptor; -1 if there is none. Still owned by this.
  [[nodiscard]] int number() const noexcept { return reader_.number(); }
  explicit operator bool() const noexcept { return number() >= 0; }
  /// Closes it. No operation is under way.
  void close() noexcept { reader_.close(); }

 private:
  explicit directory(detail::directory_reader&& opened) noexcept : reader_(std::move(opened)) {}

  detail::directory_reader reader_;
};

}  // namespace treadle::io
