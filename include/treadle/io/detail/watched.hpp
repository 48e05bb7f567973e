#pragma once

#include <treadle/config.hpp>
#include <treadle/coro/detail/waiter.hpp>
#include <treadle/detail/system_policy.hpp>
#include <treadle/result.hpp>

#include <atomic>
#include <cstdint>
#include <system_error>

namespace treadle {
class thread_pool;
}

namespace treadle::io::detail {

class epoll_driver;

enum class direction : std::uint32_t { in = 0, out = 1 };

/// One direction of a descriptor: how many edges the driver has seen, and who waits for the next.
struct side : coro::detail::wait_queue {
  /// Moved with the lock held. Who has read it before a call that would block waits only while it is the same.
  treadle::detail::system_policy::atomic<std::uint32_t> edges{0};
  treadle::detail::system_policy::atomic<bool> ended{false};  ///< no edge will come any more
};

/// What the driver knows of one descriptor. Stays where it is until the driver ends, for a worker may hold an event of
/// one that was closed: then the generation in it is an old one.
class TREADLE_EXPORT watched {
 public:
  /// Suspends the awaiting coroutine until an edge has come since `seen`. Clear when it may try again;
  /// `errc::cancelled` if it was asked to stop before, `errc::shut_down` if the pool was.
  class [[nodiscard]] wait : public coro::detail::queued_wait<wait> {
   public:
    wait(side& of, std::uint32_t seen) noexcept : coro::detail::queued_wait<wait>(of), of_(&of), seen_(seen) {}
    [[nodiscard]] bool try_now() const noexcept {
      return of_->edges.load(std::memory_order_relaxed) != seen_ || of_->ended.load(std::memory_order_relaxed);
    }
    std::error_code await_resume() noexcept;

   private:
    side* of_;
    std::uint32_t seen_;
  };

  /// Returns the number of edges, to be read before a call that may have to be waited for.
  [[nodiscard]] std::uint32_t edges(direction which) const noexcept {
    return at(which).edges.load(std::memory_order_acquire);  // E-EDGE
  }
  /// Has the driver watch `descriptor` in this direction, if it does not yet. Any thread; does not block.
  [[nodiscard]] std::error_code watch(int descriptor, direction which) noexcept;
  /// After a `watch`, and with what `edges` had said before the call that would have blocked.
  [[nodiscard]] wait next_edge(direction which, std::uint32_t seen) noexcept { return wait(at(which), seen); }

 private:
  friend class epoll_driver;
  friend TREADLE_EXPORT void release_watched(watched& over, int descriptor) noexcept;

  [[nodiscard]] side& at(direction which) noexcept { return sides_[static_cast<std::uint32_t>(which)]; }
  [[nodiscard]] const side& at(direction which) const noexcept { return sides_[static_cast<std::uint32_t>(which)]; }

  side sides_[2];
  treadle::detail::brief_lock<treadle::detail::system_policy> lock_;
  std::uint32_t watched_for_ = 0;  ///< what the kernel has been asked for; under the lock
  epoll_driver* driver_ = nullptr;
  std::uint32_t index_ = 0;
  treadle::detail::system_policy::atomic<std::uint32_t> generation_{0};
  watched* next_free_ = nullptr;
};

/// Returns a place to watch a descriptor of `pool` from; makes the pool's driver if it has none. Any thread; may
/// allocate.
[[nodiscard]] TREADLE_EXPORT result<watched*> acquire_watched(thread_pool& pool) noexcept;
/// Gives it back. Nobody waits there. `descriptor`: one that the kernel is to forget, because it stays open; else -1.
TREADLE_EXPORT void release_watched(watched& over, int descriptor) noexcept;

}  // namespace treadle::io::detail
