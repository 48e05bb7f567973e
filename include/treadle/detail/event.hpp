#pragma once

#include <treadle/assert.hpp>

#include <atomic>
#include <cstdint>

namespace treadle::detail {

/// How a wait ended. `granted` is `notified` by someone who handed a right over with the token.
enum class event_result { notified, granted, timed_out, shut_down };

/// One token in one futex word, with a count of those who wait for it and a sticky shutdown.
/// After kprotty's Event; the count replaces its WAITING state, which a newcomer could wipe out while others slept
/// (seed defect 6), and no transition leaves `stopped` (seed defect 7). See docs/design/event.md.
template <class P>
class event {
 public:
  constexpr event() noexcept = default;
  event(const event&) = delete;
  event& operator=(const event&) = delete;

  /// Announces a waiter, who ends the announcement by `wait_armed` or `disarm`. Any thread; does not block.
  void arm() noexcept { word_.fetch_add(one_waiter, std::memory_order_relaxed); }

  /// Withdraws `arm`. `timed_out` means that nothing had come; anything else is consumed, and the caller must act on
  /// it.
  event_result disarm() noexcept {
    std::uint32_t word = word_.load(std::memory_order_relaxed);
    for (;;) {
      TREADLE_ASSERT(word >= one_waiter, word, 0);
      const std::uint32_t next = (word - one_waiter) & ~(token | grant);
      // E-EVENT: the waiter sees what the notifier did before.
      if (word_.compare_exchange_weak(word, next, std::memory_order_acquire, std::memory_order_relaxed)) {
        // A token comes before a shutdown: whoever left it counts on its being taken.
        if ((word & token) != 0) return (word & grant) != 0 ? event_result::granted : event_result::notified;
        return (word & stopped) != 0 ? event_result::shut_down : event_result::timed_out;
      }
    }
  }

  /// Sleeps until a token comes, the event is shut down or `deadline_ns` passes. Consumes the token and ends the
  /// announcement, but for `timed_out`: then the caller is still announced.
  event_result wait_armed(std::int64_t deadline_ns) noexcept {
    bool in_time = true;
    for (;;) {
      const std::uint32_t word = word_.load(std::memory_order_relaxed);
      if ((word & state_mask) != 0) {
        const event_result result = disarm();
        if (result != event_result::timed_out) return result;
        arm();  // another waiter was faster
        continue;
      }
      if (!in_time && !P::seed_defect(16)) return event_result::timed_out;
      in_time = P::futex_wait(word_, word, deadline_ns);
    }
  }

  /// Announces, waits and ends the announcement.
  event_result wait(std::int64_t deadline_ns) noexcept {
    arm();
    const event_result result = wait_armed(deadline_ns);
    return result == event_result::timed_out ? disarm() : result;
  }

  /// Leaves a token (at most one is kept) and wakes one waiter. Any thread.
  void notify() noexcept {
    std::uint32_t word = word_.load(std::memory_order_relaxed);
    if constexpr (P::seed_defect(7)) {
      word = word_.exchange((word & ~state_mask) | token, std::memory_order_release);  // E-EVENT
    } else {
      do {
        if ((word & stopped) != 0) return;
        // What the notifier did before is visible to the waiter that consumes the token. Written even if a token is
        // there already: a mere look at it might be older than its being consumed. E-EVENT
      } while (!word_.compare_exchange_weak(word, word | token, std::memory_order_release, std::memory_order_relaxed));
      if ((word & token) != 0) return;
    }
    if (word >= one_waiter) P::futex_wake(&word_, 1);  // LAST TOUCH
  }

  /// Leaves a token only if someone waits and none is pending, and wakes the waiter. Returns whether it did.
  /// `with_grant`: the waiter gets `granted`.
  [[nodiscard]] bool claim(bool with_grant) noexcept {
    std::uint32_t word = word_.load(std::memory_order_relaxed);
    do {
      if ((word & state_mask) != 0 || word < one_waiter) return false;
    } while (!word_.compare_exchange_weak(word, word | token | (with_grant ? grant : 0), std::memory_order_release,
                                          std::memory_order_relaxed));  // E-EVENT
    P::futex_wake(&word_, 1);                                           // LAST TOUCH
    return true;
  }

  /// Ends all waits, now and later. Any thread.
  void shut_down() noexcept {
    const std::uint32_t before = word_.fetch_or(stopped, std::memory_order_release);  // E-EVENT
    if constexpr (P::seed_defect(6)) {
      if (before < one_waiter || (before & token) != 0) return;
    }
    static_cast<void>(before);
    P::futex_wake(&word_, everyone);  // LAST TOUCH
  }

 private:
  static constexpr std::uint32_t token = 1, grant = 2, stopped = 4, state_mask = 7, one_waiter = 8;
  static constexpr std::uint32_t everyone = INT32_MAX;

  typename P::template atomic<std::uint32_t> word_{0};
};

}  // namespace treadle::detail
