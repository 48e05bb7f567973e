#pragma once

#include <treadle/detail/system_policy.hpp>

#include <algorithm>
#include <cstddef>
#include <cstdint>

namespace treadle::detail {

/// Reads the cheapest clock there is. Its unit is the machine's; see `ticks_in_a_row`.
inline std::uint64_t ticks_now() noexcept {
#if defined(__x86_64__) || defined(__i386__)
  return __builtin_ia32_rdtsc();
#elif defined(__aarch64__)
  std::uint64_t now;
  asm volatile("mrs %0, cntvct_el0" : "=r"(now));
  return now;
#else
  return static_cast<std::uint64_t>(monotonic_ns());
#endif
}

/// Returns how long a loop runs in a row before it may fork again: some 3 microseconds, against some 20 ns for the
/// fork and the clock.
inline std::uint64_t ticks_in_a_row() noexcept {
#if defined(__x86_64__) || defined(__i386__)
  return 8192;
#elif defined(__aarch64__)
  std::uint64_t a_second;
  asm("mrs %0, cntfrq_el0" : "=r"(a_second));
  return a_second / 300'000 + 1;
#else
  return 3'000;
#endif
}

/// How many indices one worker takes in a row in one loop, learnt from how long the last ones took: one at first, for
/// they may be long.
class pace {
 public:
  /// `shows_first`: show the forks before the first index. `stretch`: how many times the usual length shall be run.
  pace(std::size_t grain, bool shows_first, std::uint32_t stretch = 1) noexcept
      : least_(grain != 0 ? grain : 1), step_(least_), stretch_(stretch), shows_next_(shows_first) {}

  /// How many indices are worth no fork.
  [[nodiscard]] std::size_t step() const noexcept { return step_; }
  /// How many indices run between two looks at who is hungry: few enough not to keep others waiting when indices turn
  /// out to be long all of a sudden, and enough for a look to cost nothing.
  [[nodiscard]] std::size_t block() const noexcept {
    return std::max(least_, std::min(step_ / blocks_in_a_row, most_in_a_block));
  }
  /// How many indices are not worth another fork when somebody is hungry.
  [[nodiscard]] std::size_t rest() const noexcept { return step_ / 4; }

  /// Says whether the forks of this worker shall be shown to others before it goes on, for that may take long.
  [[nodiscard]] bool shows_forks() const noexcept { return shows_next_; }

  /// Learns that `count` indices took `ticks`.
  void took(std::size_t count, std::uint64_t ticks) noexcept {
    const std::uint64_t goal = ticks_in_a_row() * stretch_;
    shows_next_ = ticks > 8 * goal;
    if (ticks < goal / 8) {
      step_ = std::max(step_, times(count, 8));
    } else if (ticks < goal / 2) {
      step_ = std::max(step_, times(count, 2));
    } else if (ticks > 2 * goal) {
      step_ = std::max<std::size_t>(least_, count / (ticks / goal));
    }
  }
  /// Forgets all but the length of a block: the rest shall be forked.
  void shorten() noexcept { step_ = block(); }

 private:
  static std::size_t times(std::size_t count, std::size_t by) noexcept {
    return count < SIZE_MAX / by ? count * by : SIZE_MAX;
  }
  static constexpr std::size_t blocks_in_a_row = 8, most_in_a_block = 1024;

  std::size_t least_, step_;
  std::uint32_t stretch_;
  bool shows_next_;
};

}  // namespace treadle::detail
