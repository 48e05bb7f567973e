#pragma once

#include <treadle/config.hpp>
#include <treadle/coro/task.hpp>
#include <treadle/io/descriptor.hpp>
#include <treadle/result.hpp>
#include <treadle/thread_pool.hpp>

#include <cstddef>
#include <span>
#include <utility>

namespace treadle::io {

/// One end of a pipe, or of another stream of bytes that is no socket: standard input, a terminal, a FIFO. Move-only;
/// must outlive every operation on it, and its pool it.
///
/// All operations are coroutines that suspend and never block a worker. Each may fail with `errc::cancelled` if the
/// coroutine was asked to stop before it was done, `errc::shut_down` if the pool is, and with the errors of the system
/// call.
class TREADLE_EXPORT pipe_end {
 public:
  pipe_end() noexcept = default;

  /// Takes over an open descriptor, as `descriptor::adopt` does: who shares it meets calls that do not block, too. What
  /// cannot be watched, such as a file, is read and written without waiting; its calls may block.
  static result<pipe_end> adopt(thread_pool& pool, int number) noexcept;
  /// Takes a descriptor of its own for what `number` names, which stays the caller's as it is: for standard input and
  /// output, 0 and 1. A pipe or a terminal is opened anew; anything else is shared as in `adopt`. Any thread; does not
  /// block.
  static result<pipe_end> share(thread_pool& pool, int number) noexcept;

  /// Reads what there is, at most `into.size()` bytes, and waits if there is nothing. Returns how many; 0 at the end,
  /// or if `into` is empty.
  coro::task<result<std::size_t>> read(std::span<std::byte> into);
  /// Reads until `into` is full or the stream ends. Returns how many bytes; fewer than asked for at the end.
  coro::task<result<std::size_t>> read_all(std::span<std::byte> into);
  /// Writes as much as there is room for, at least one byte unless `from` is empty. Returns how many. Fails with
  /// `std::errc::broken_pipe` if nobody reads any more; no SIGPIPE is raised.
  coro::task<result<std::size_t>> write(std::span<const std::byte> from);
  /// Writes all of it. When it fails, some may have been written.
  coro::task<result<void>> write_all(std::span<const std::byte> from);

  /// Returns the descriptor, owned by this.
  [[nodiscard]] descriptor& handle() noexcept { return end_; }
  explicit operator bool() const noexcept { return static_cast<bool>(end_); }
  /// Closes this end. No operation is under way.
  void close() noexcept { end_.close(); }

 private:
  friend struct pipe;
  explicit pipe_end(descriptor end) noexcept : end_(std::move(end)) {}

  descriptor end_;
};

/// The two ends of a pipe: what goes in at one comes out at the other, in the same process or, by `handle().release()`,
/// in another.
struct TREADLE_EXPORT pipe {
  pipe_end reads, writes;

  /// Makes a pipe. Any thread; does not block. Fails as `pipe2` and `descriptor::adopt` do.
  static result<pipe> make(thread_pool& pool) noexcept;
};

}  // namespace treadle::io
