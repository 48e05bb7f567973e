#pragma once

#include "allocations.hpp"
#include "contender.hpp"

#include <cstdint>

/// What the coroutine rows have in common.
namespace bench {

/// How many coroutines give way to each other.
inline constexpr std::uint64_t yielders = 100;
/// How many are awaited together.
inline constexpr std::uint64_t group = 1000;

/// Measures `once(n)`, which does n operations. `twice(n, spent)` does them once as warm-up, then again, and says what
/// that has allocated: inside one coroutine, so that what a run needs outside is not in it.
template <class Once, class Twice>
void measure_steady(const request& asked, answer& given, Once once, Twice twice) {
  const std::uint64_t n = asked.number("n", 100'000);
  measure(asked, given, n, [&] { once(n); });
  std::uint64_t spent = 0;
  twice(n, spent);
  given.add("allocations", static_cast<double>(spent) * 1000 / static_cast<double>(n));
}

inline std::uint64_t allocations_so_far() noexcept { return allocations.load(std::memory_order_relaxed); }

}  // namespace bench
