#pragma once

#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <span>
#include <utility>
#include <vector>

namespace bench {

/// Below this many elements a part is sorted by insertion. The same in every language.
inline constexpr std::size_t insertion_limit = 32;

/// Writes 0, 1, 2, ... in an order that is the same for every contender.
inline void fill_shuffled(std::span<std::int32_t> values, std::uint64_t seed = 0x9e3779b97f4a7c15u) {
  for (std::size_t i = 0; i < values.size(); ++i) values[i] = static_cast<std::int32_t>(i);
  std::uint64_t x = seed;
  for (std::size_t i = values.size(); i > 1; --i) {
    x ^= x << 13;
    x ^= x >> 7;
    x ^= x << 17;
    std::swap(values[i - 1], values[static_cast<std::size_t>(x % i)]);
  }
}

inline void insertion_sort(std::span<std::int32_t> values) noexcept {
  for (std::size_t i = 1; i < values.size(); ++i) {
    const std::int32_t moved = values[i];
    std::size_t j = i;
    for (; j > 0 && values[j - 1] > moved; --j) values[j] = values[j - 1];
    values[j] = moved;
  }
}

/// Lomuto's partition around the last element; returns the place of the pivot.
inline std::size_t partition(std::span<std::int32_t> values) noexcept {
  const std::size_t last = values.size() - 1;
  const std::int32_t pivot = values[last];
  std::size_t smaller = 0;
  for (std::size_t i = 0; i < last; ++i) {
    if (values[i] <= pivot) {
      std::swap(values[i], values[smaller]);
      ++smaller;
    }
  }
  std::swap(values[last], values[smaller]);
  return smaller;
}

inline void sort_serially(std::span<std::int32_t> values) noexcept {
  if (values.size() <= insertion_limit) return insertion_sort(values);
  const std::size_t pivot = partition(values);
  sort_serially(values.first(pivot));
  sort_serially(values.subspan(pivot + 1));
}

/// A contender that does not sort has not won.
inline void require_sorted(std::span<const std::int32_t> values) {
  for (std::size_t i = 0; i < values.size(); ++i) {
    if (values[i] == static_cast<std::int32_t>(i)) continue;
    std::fprintf(stderr, "not sorted at %zu\n", i);
    std::exit(1);
  }
}

}  // namespace bench
