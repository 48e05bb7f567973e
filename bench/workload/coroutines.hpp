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

/// Measures `once(n)`, which does n operations, and counts what it allocates after the warm-up.
template <class Once>
void measure_steady(const request& asked, answer& given, Once once) {
  const std::uint64_t n = asked.number("n", 100'000);
  std::uint64_t runs = 0, before = 0;
  const auto note = [&] {
    if (runs++ == 1) before = allocations.load(std::memory_order_relaxed);
  };
  measure(asked, given, n, note, [&] { once(n); });
  const auto spent = static_cast<double>(allocations.load(std::memory_order_relaxed) - before);
  given.add("allocations", spent * 1000 / static_cast<double>(n * (runs - 1)));
}

}  // namespace bench
