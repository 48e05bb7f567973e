#pragma once

#include <treadle/detail/timer_wheel.hpp>

#include <atomic>
#include <cstddef>
#include <cstdint>

namespace treadle::detail {

/// The pool's timers, and who sleeps no longer than until the next of them: a keeper, one of the parked workers. Armed
/// timers that nobody keeps are work that is left. docs/design/timers.md.
template <class P>
class timekeeping {
 public:
  using wheel = timer_wheel<P>;
  static constexpr std::int64_t never = wheel::never;

  constexpr timekeeping() noexcept = default;

  /// Gives the pool its wheels. Returns false if it has some already, or no timer is to be armed any more.
  [[nodiscard]] bool adopt_wheels(wheel* table, std::uint32_t count) noexcept {
    wheel_count_.store(count, std::memory_order_relaxed);  // the same number from everybody
    wheel* none = nullptr;
    // E-WHEELS: who finds the table finds wheels in it. Who is too late looks for it with `wheels`.
    return wheels_.compare_exchange_strong(none, table, std::memory_order_release, std::memory_order_relaxed);
  }
  /// Returns the table, or null if the pool has none to use.
  [[nodiscard]] wheel* wheels() const noexcept {
    wheel* const table = wheels_.load(std::memory_order_acquire);  // E-WHEELS
    return table != closed_table() ? table : nullptr;
  }
  [[nodiscard]] std::uint32_t wheel_count() const noexcept { return wheel_count_.load(std::memory_order_relaxed); }

  /// Hands every armed timer to `sink`, and sees to it that none is armed from now on. Once.
  template <class Sink>
  void close_wheels(Sink&& sink) noexcept {
    wheel* none = nullptr;
    // E-WHEELS: who finds the table closed finds that the pool ends.
    if (wheels_.compare_exchange_strong(none, closed_table(), std::memory_order_release, std::memory_order_relaxed)) {
      return;
    }
    wheel* const table = wheels();
    if (table == nullptr) return;
    for (std::uint32_t i = 0; i < wheel_count(); ++i) table[i].close(sink);
  }

  /// Returns the earliest time at which a timer of the pool may expire. A snapshot, any thread.
  [[nodiscard]] std::int64_t next_due_ns() const noexcept {
    const wheel* const table = wheels();
    if (table == nullptr) return never;
    std::int64_t next = never;
    for (std::uint32_t i = 0; i < wheel_count(); ++i) {
      const std::int64_t here = table[i].next_ns();
      if (here < next) next = here;
    }
    return next;
  }

  /// Says whether a timer expires before any keeper gets up. After a barrier that follows the arming, or the giving up
  /// of the post.
  [[nodiscard]] bool time_is_unkept() const noexcept {
    const std::int64_t next = next_due_ns();
    return next != never && next < kept_until_ns_.load(std::memory_order_relaxed);  // the barrier orders it: E-KEEPER
  }

 protected:
  /// Hands what is due in any wheel to `sink`, up to `most` of each.
  template <class Sink>
  void take_due(std::size_t most, Sink&& sink) noexcept {
    wheel* const table = wheels();
    const std::int64_t now = P::now_ns();
    for (std::uint32_t i = 0; table != nullptr && i < wheel_count(); ++i) table[i].expire(now, most, sink);
  }

  /// A parked worker, who has announced that, takes the post if nobody is to get up in time for the next timer. Returns
  /// the time at which it has to get up, or `never` if it has none.
  [[nodiscard]] std::int64_t take_post() noexcept {
    const std::int64_t next = next_due_ns();
    std::int64_t kept = kept_until_ns_.load(std::memory_order_relaxed);
    while (next < kept) {
      // E-KEEPER: who arms sees the post taken, or us parked. The barrier after the announcement sees to that.
      if (kept_until_ns_.compare_exchange_weak(kept, next, std::memory_order_relaxed)) return next;
    }
    return never;
  }

  /// The worker gets up, and puts a barrier between this and its next look around. Whoever has taken the post over for
  /// an earlier time keeps it.
  void leave_post(std::int64_t until_ns) noexcept {
    kept_until_ns_.compare_exchange_strong(until_ns, never, std::memory_order_relaxed);  // E-KEEPER
  }

 private:
  static wheel* closed_table() noexcept { return reinterpret_cast<wheel*>(alignof(wheel)); }

  typename P::template atomic<wheel*> wheels_{nullptr};
  typename P::template atomic<std::uint32_t> wheel_count_{0};
  typename P::template atomic<std::int64_t> kept_until_ns_{never};
};

}  // namespace treadle::detail
