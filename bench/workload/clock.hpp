#pragma once

#include <cerrno>
#include <cstdint>
#include <ctime>

namespace bench {

inline std::uint64_t read_clock(clockid_t clock) noexcept {
  timespec now{};
  clock_gettime(clock, &now);
  return static_cast<std::uint64_t>(now.tv_sec) * 1'000'000'000u + static_cast<std::uint64_t>(now.tv_nsec);
}

/// Wall time that no clock adjustment moves.
inline std::uint64_t wall_ns() noexcept { return read_clock(CLOCK_MONOTONIC); }

/// User and system time of all threads of this process.
inline std::uint64_t cpu_ns() noexcept { return read_clock(CLOCK_PROCESS_CPUTIME_ID); }

/// Gives the processor up for about `ns`; the timer slack of the process decides how exactly.
inline void sleep_ns(std::uint64_t ns) noexcept {
  timespec left{static_cast<time_t>(ns / 1'000'000'000u), static_cast<long>(ns % 1'000'000'000u)};
  while (clock_nanosleep(CLOCK_MONOTONIC, 0, &left, &left) == EINTR) {
  }
}

/// Sleeps until `wall_ns()` reads `at` or later.
inline void sleep_until_ns(std::uint64_t at) noexcept {
  const timespec when{static_cast<time_t>(at / 1'000'000'000u), static_cast<long>(at % 1'000'000'000u)};
  while (clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &when, nullptr) == EINTR) {
  }
}

/// Burns a processor for `ns`: the body of a task of known length.
inline void spin_ns(std::uint64_t ns) noexcept {
  const std::uint64_t start = wall_ns();
  while (wall_ns() - start < ns) {
  }
}

}  // namespace bench
