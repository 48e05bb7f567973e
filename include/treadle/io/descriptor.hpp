#pragma once

#include <treadle/config.hpp>
#include <treadle/coro/task.hpp>
#include <treadle/io/detail/watched.hpp>
#include <treadle/result.hpp>
#include <treadle/thread_pool.hpp>

#include <utility>

namespace treadle::io {

/// A file descriptor whose readiness coroutines can wait for, on the workers of a pool: no thread blocks, and an idle
/// pool uses no CPU for it. For sockets, pipes, eventfds and whatever else epoll can watch; move-only. It must outlive
/// every wait for it, and its pool it.
class TREADLE_EXPORT descriptor {
 public:
  descriptor() noexcept = default;
  descriptor(descriptor&& other) noexcept
      : number_(std::exchange(other.number_, -1)), place_(std::exchange(other.place_, nullptr)) {}
  descriptor& operator=(descriptor&& other) noexcept {
    if (this != &other) {
      close();
      number_ = std::exchange(other.number_, -1);
      place_ = std::exchange(other.place_, nullptr);
    }
    return *this;
  }
  ~descriptor() { close(); }

  /// Takes the open descriptor `number` over, and makes its calls such that they do not block. On failure it stays
  /// the caller's. Any thread; the first one of a pool makes its driver. Fails as `epoll_create` does (too many open
  /// files), or with `errc::out_of_memory`, `errc::inherited_by_fork`.
  static result<descriptor> adopt(thread_pool& pool, int number) noexcept;

  /// Waits until there is something to read, or the end; another reader may be faster than who has waited. More than
  /// one may wait.
  /// Fails with `errc::cancelled` if the coroutine was asked to stop, `errc::shut_down` if the pool is, EAGAIN if it
  /// can get no thread and the coroutine is on another, and as `epoll_ctl` does; EPERM says that the descriptor cannot
  /// be watched, for example a regular file.
  coro::task<result<void>> readable();
  /// The same until there is room to write.
  coro::task<result<void>> writable();

  /// Returns the number; -1 if there is none. Still owned by this. Of a stream's socket: who has it may do what treadle
  /// does not see, so from then on the stream asks the system once more before it waits for something to receive.
  [[nodiscard]] int number() const noexcept {
    if (place_ != nullptr) place_->doubt_short_reads();
    return number_;
  }
  explicit operator bool() const noexcept { return number_ >= 0; }
  /// Gives the descriptor back to the caller, unwatched.
  int release() noexcept;
  /// Closes it. Nobody waits for it.
  void close() noexcept;

 private:
  friend class datagram;
  friend class listener;
  friend class operation;
  friend class pipe_end;
  friend class stream;
  friend struct pipe;

  descriptor(int number, detail::watched& place) noexcept : number_(number), place_(&place) {}
  /// Takes over one whose calls do not block; closes it on failure.
  static result<descriptor> own(thread_pool& pool, int number) noexcept;
  coro::task<result<void>> edge(detail::direction which);

  int number_ = -1;
  detail::watched* place_ = nullptr;
};

}  // namespace treadle::io
