#pragma once

#include <treadle/assert.hpp>
#include <treadle/coro/detail/sleeper.hpp>
#include <treadle/detail/deadline.hpp>

#include <chrono>
#include <cstdint>

namespace treadle::coro {

/// Ticks at the multiples of a period, counted from when it was made, whatever is done between two waits. Used by one
/// coroutine at a time, and must outlive its waits. It has no timer of its own: who does not wait pays nothing.
class ticker {
 public:
  /// The period must be positive; one of more than a century never ends.
  template <class Rep, class Period>
  explicit ticker(std::chrono::duration<Rep, Period> period) noexcept
      : next_ns_(treadle::detail::deadline_after(period)), period_ns_(treadle::detail::no_deadline) {
    TREADLE_ASSERT(next_ns_ != 0, 0, 0);
    if (next_ns_ != treadle::detail::no_deadline) {
      period_ns_ = std::chrono::ceil<std::chrono::nanoseconds>(period).count();
    }
  }

  /// What `next` returns.
  class [[nodiscard]] awaiter : public detail::sleeper {
   public:
    explicit awaiter(ticker& of) noexcept : sleeper(of.next_ns_), of_(&of) {}
    std::uint64_t await_resume() {
      if (!settle()) detail::throw_cancelled();
      return of_->take();
    }

   private:
    ticker* of_;
  };

  /// Suspends the awaiting coroutine until the next tick, and returns how many there have been since the last that was
  /// waited for: one, and more if some were missed, which are not made up for. If there was one already it does not
  /// suspend. Throws `errc::cancelled` if the coroutine is asked to stop before, or its pool is shut down; then no tick
  /// is lost. Throws std::system_error if the pool's first timer finds no memory.
  awaiter next() noexcept { return awaiter(*this); }

 private:
  std::uint64_t take() noexcept {
    const std::int64_t ticks = 1 + (treadle::detail::monotonic_ns() - next_ns_) / period_ns_;
    next_ns_ += ticks * period_ns_;
    return static_cast<std::uint64_t>(ticks);
  }

  std::int64_t next_ns_;
  std::int64_t period_ns_;
};

/// Returns a ticker whose first tick is one period from now. Neither blocks nor allocates.
template <class Rep, class Period>
[[nodiscard]] ticker every(std::chrono::duration<Rep, Period> period) noexcept {
  return ticker(period);
}

}  // namespace treadle::coro
