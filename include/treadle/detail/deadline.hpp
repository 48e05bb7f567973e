#pragma once

#include <treadle/detail/system_policy.hpp>

#include <chrono>
#include <cstdint>
#include <type_traits>

namespace treadle::detail {

/// Returns the CLOCK_MONOTONIC time in nanoseconds that is `timeout` from now; what is more than a century off is for
/// ever.
template <class Rep, class Period>
[[nodiscard]] std::int64_t deadline_after(std::chrono::duration<Rep, Period> timeout) noexcept {
  using seconds = std::chrono::duration<double>;
  constexpr seconds century = std::chrono::hours(24 * 365 * 100);
  const seconds rough = timeout;
  if (!(rough < century)) return no_deadline;
  if (rough <= seconds::zero()) return 0;
  return monotonic_ns() + std::chrono::ceil<std::chrono::nanoseconds>(timeout).count();
}

/// The same for a point in time of any clock.
template <class Clock, class Duration>
[[nodiscard]] std::int64_t deadline_at(std::chrono::time_point<Clock, Duration> deadline) noexcept {
  using seconds = std::chrono::duration<double>;
  constexpr seconds century = std::chrono::hours(24 * 365 * 100);
  if constexpr (std::is_same_v<Clock, std::chrono::steady_clock>) {
    // It shows CLOCK_MONOTONIC, from the start of the machine on.
    const seconds since_start = deadline.time_since_epoch();
    if (!(since_start < century)) return no_deadline;
    if (since_start <= seconds::zero()) return 0;
    return std::chrono::ceil<std::chrono::nanoseconds>(deadline.time_since_epoch()).count();
  }
  const auto now = Clock::now();
  const seconds rough = seconds(deadline.time_since_epoch()) - seconds(now.time_since_epoch());
  if (!(rough < century)) return no_deadline;
  if (rough <= -century) return 0;
  return deadline_after(deadline - now);
}

}  // namespace treadle::detail
