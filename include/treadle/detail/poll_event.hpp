#pragma once

#include <treadle/assert.hpp>
#include <treadle/detail/event.hpp>
#include <treadle/detail/poll_driver.hpp>

#include <atomic>
#include <cstdint>

namespace treadle::detail {

/// The event of all who sleep in the driver: tokens that any of them may take, for the kernel does not let a waker
/// choose among them. At most as many tokens as waiters; a shutdown is sticky. docs/design/io.md.
///
/// A ring of the bell wakes one sleeper, and two rings may be heard as one. So whoever has heard it and leaves tokens
/// behind rings again.
template <class P, class Task>
class poll_event {
 public:
  using driver = poll_driver<Task>;

  constexpr poll_event() noexcept = default;
  poll_event(const poll_event&) = delete;
  poll_event& operator=(const poll_event&) = delete;

  /// Announces a waiter, who ends the announcement by `wait_armed`, `disarm` or `leave`. Any thread.
  void arm() noexcept { word_.fetch_add(one_waiter, std::memory_order_release); }  // E-EVENT: a claimer sees the driver

  /// Withdraws `arm`, as `event::disarm` does. `heard`: the caller has heard the bell.
  event_result disarm(driver& bell, bool heard) noexcept { return end(bell, heard, false); }

  /// Sleeps until a token comes, the event is shut down, `deadline_ns` passes or `into` has something in it. Consumes
  /// the token and ends the announcement, but for `timed_out`: then the caller is still announced.
  event_result wait_armed(driver& bell, std::int64_t deadline_ns, poll_batch& into) noexcept {
    for (;;) {
      // Not older than the bell: the driver orders what comes before a ring before the wait that it ends.
      const event_result result = end(bell, into.heard_bell, true);
      if (result != event_result::timed_out) return result;
      if (into.count != 0 || (deadline_ns != INT64_MAX && P::now_ns() >= deadline_ns)) return event_result::timed_out;
      bell.wait(deadline_ns, into);
    }
  }

  /// Leaves a token if there are more waiters than tokens. Returns whether it did; then the caller rings the bell.
  [[nodiscard]] bool claim(bool with_grant) noexcept {
    std::uint32_t word = word_.load(std::memory_order_relaxed);
    do {
      if ((word & stopped) != 0 || tokens(word) == waiters(word)) return false;
    } while (!word_.compare_exchange_weak(word, (word + one_token) | (with_grant ? grant : 0),
                                          std::memory_order_acq_rel, std::memory_order_relaxed));  // E-EVENT
    return true;
  }

  /// Withdraws `arm` for good, unless a token is left for somebody or, with `stays`, no other waiter is.
  [[nodiscard]] bool leave(bool stays) noexcept {
    std::uint32_t word = word_.load(std::memory_order_relaxed);
    do {
      if ((word & stopped) != 0 || tokens(word) != 0 || (stays && waiters(word) == 1)) return false;
    } while (!word_.compare_exchange_weak(word, word - one_waiter, std::memory_order_relaxed));
    return true;
  }

  /// Ends all waits, now and later: each that ends rings for the next. Any thread.
  void shut_down(driver& bell) noexcept {
    const std::uint32_t before = word_.fetch_or(stopped, std::memory_order_release);  // E-EVENT
    if (waiters(before) != 0) bell.ring();
  }

  /// Who is no waiter has heard the bell: says whether it was for somebody.
  [[nodiscard]] bool must_ring_again() const noexcept {
    const std::uint32_t word = word_.load(std::memory_order_relaxed);
    return waiters(word) != 0 && (tokens(word) != 0 || (word & stopped) != 0);
  }
  [[nodiscard]] bool has_one_waiter() const noexcept { return waiters(word_.load(std::memory_order_relaxed)) == 1; }
  [[nodiscard]] bool has_waiters() const noexcept { return waiters(word_.load(std::memory_order_relaxed)) != 0; }

 private:
  /// Withdraws `arm`; `only_if_called`: not if there is neither a token nor a shutdown, which is `timed_out` then.
  event_result end(driver& bell, bool heard, bool only_if_called) noexcept {
    std::uint32_t word = word_.load(std::memory_order_relaxed);
    std::uint32_t next = 0;
    do {
      TREADLE_ASSERT(waiters(word) != 0, word, 0);
      if (only_if_called && tokens(word) == 0 && (word & stopped) == 0) return event_result::timed_out;
      next = word - one_waiter;
      if (tokens(word) != 0) next = (next - one_token) & ~grant;
      // E-EVENT: the waiter sees what the notifier did before.
    } while (!word_.compare_exchange_weak(word, next, std::memory_order_acquire, std::memory_order_relaxed));
    const bool tokens_left = heard && !P::seed_defect(142) && tokens(next) != 0;
    if (waiters(next) != 0 && (tokens_left || (next & stopped) != 0)) bell.ring();
    if (tokens(word) != 0) return (word & grant) != 0 ? event_result::granted : event_result::notified;
    return (word & stopped) != 0 ? event_result::shut_down : event_result::timed_out;
  }

  static constexpr std::uint32_t stopped = 1, grant = 2, one_token = 4, one_waiter = 1u << 16;
  static constexpr std::uint32_t tokens(std::uint32_t word) noexcept { return (word & 0xffff) >> 2; }
  static constexpr std::uint32_t waiters(std::uint32_t word) noexcept { return word >> 16; }

  typename P::template atomic<std::uint32_t> word_{0};
};

}  // namespace treadle::detail
