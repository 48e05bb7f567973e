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

namespace treadle::io {
class operation;
}

namespace treadle::io::detail {

class epoll_driver;
class feed;

enum class direction : std::uint32_t { in = 0, out = 1 };

/// One direction of a descriptor: how many edges the driver has seen, and who waits for the next.
struct side : coro::detail::wait_queue {
  explicit side(coro::detail::wait_kind what) noexcept : kind(what) {}

  /// Moved with the lock held. Who has read it before a call that would block waits only while it is the same.
  treadle::detail::system_policy::atomic<std::uint32_t> edges{0};
  treadle::detail::system_policy::atomic<bool> ended{false};  ///< no edge will come any more
  // For who looks what is stuck.
  treadle::detail::system_policy::atomic<std::uint32_t> number{0};  ///< of the descriptor, once it is watched
  const coro::detail::wait_kind kind;
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
    /// Without the lock: who finds nothing new looks again with it.
    [[nodiscard]] bool await_ready() const noexcept { return try_now(); }
    [[nodiscard]] bool try_now() const noexcept {
      return of_->edges.load(std::memory_order_relaxed) != seen_ || of_->ended.load(std::memory_order_relaxed);
    }
    void show_wait(coro::detail::wakeable& self) const noexcept {
      self.shows(of_->kind, of_->number.load(std::memory_order_relaxed));
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

  // Why a receive need not ask the system what is known already: docs/design/io.md, "What a short read says".

  /// Says that a receive that gets less than it asked for has emptied the system's buffer. Of TCP sockets of our own
  /// making, before anybody else knows them.
  void trust_short_reads() noexcept { trusts_short_reads_.store(true, std::memory_order_relaxed); }
  /// From now on each receive asks. Any thread.
  void doubt_short_reads() noexcept { trusts_short_reads_.store(false, std::memory_order_relaxed); }
  /// Notes what a receive has found; `seen`: what `edges` had said before it.
  void note_receive(std::uint32_t seen, bool emptied) noexcept {
    drained_at_.store(emptied ? seen : never,
                      std::memory_order_relaxed);  // the same coroutine reads it, or a later one
  }
  /// Says whether there is nothing to receive until another edge comes. `seen`: what `edges` says.
  [[nodiscard]] bool is_drained(std::uint32_t seen) const noexcept {
    return drained_at_.load(std::memory_order_relaxed) == seen && is_watched(direction::in) &&
           trusts_short_reads_.load(std::memory_order_relaxed);
  }

  /// What the kernel brings for this descriptor by itself; null if it brings nothing.
  [[nodiscard]] feed* fed_by() const noexcept {
    return feed_.load(std::memory_order_acquire);  // E-FEED
  }
  [[nodiscard]] epoll_driver& driver() const noexcept { return *driver_; }

 private:
  friend class epoll_driver;
  friend class feed;
  friend class io::operation;
  friend TREADLE_EXPORT void release_watched(watched& over, int descriptor) noexcept;

  [[nodiscard]] side& at(direction which) noexcept { return sides_[static_cast<std::uint32_t>(which)]; }
  [[nodiscard]] const side& at(direction which) const noexcept { return sides_[static_cast<std::uint32_t>(which)]; }
  [[nodiscard]] bool is_watched(direction which) const noexcept {
    return (watched_for_.load(std::memory_order_relaxed) & 1u << static_cast<std::uint32_t>(which)) != 0;
  }

  static constexpr std::uint64_t never = UINT64_MAX;

  side sides_[2]{side(coro::detail::wait_kind::readable), side(coro::detail::wait_kind::writable)};
  treadle::detail::brief_lock<treadle::detail::system_policy> lock_;
  /// What the kernel has been asked for, a bit a direction. Changed with the lock held.
  treadle::detail::system_policy::atomic<std::uint32_t> watched_for_{0};
  treadle::detail::system_policy::atomic<bool> trusts_short_reads_{false};
  /// The number of edges before the latest receive, if that has emptied the buffer.
  treadle::detail::system_policy::atomic<std::uint64_t> drained_at_{never};
  treadle::detail::system_policy::atomic<feed*> feed_{nullptr};
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
