#pragma once

#include "limits.hpp"
#include "random.hpp"

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <string>
#include <type_traits>
#include <vector>

namespace treadle::test {

/// How the elements of an input lie.
enum class sort_input {
  random,
  sorted,
  reversed,
  few_distinct,
  equal,
  organ_pipe,
  median_of_three_killer,
  sorted_tail
};
inline constexpr sort_input all_sort_inputs[] = {
    sort_input::random,
    sort_input::sorted,
    sort_input::reversed,
    sort_input::few_distinct,
    sort_input::equal,
    sort_input::organ_pipe,
    sort_input::median_of_three_killer,
    sort_input::sorted_tail,
};

inline const char* name_of(sort_input input) {
  static constexpr const char* names[] = {
      "random", "sorted", "reversed", "few distinct", "equal", "organ pipe", "median-of-three killer", "sorted tail"};
  return names[static_cast<std::size_t>(input)];
}

/// Sizes around every limit at which sorts go another way; with the largest, numbers are moved by all workers.
template <class T>
std::vector<std::size_t> sort_sizes() {
  constexpr std::size_t largest = std::is_arithmetic_v<T> ? 70'001 : smaller_if_slow(20'001);
  return {0, 1, 2, 3, 7, 8, 15, 16, 17, 31, 32, 33, 100, 257, 513, 2'000, 9'001, largest};
}

template <class T>
T sort_value(std::uint64_t number) {
  if constexpr (std::is_same_v<T, std::string>) {
    std::string digits = std::to_string(number);
    return std::string(20 - digits.size(), '0') + digits;
  } else if constexpr (std::is_floating_point_v<T>) {
    return static_cast<T>(static_cast<std::int64_t>(number)) / T{16};
  } else {
    return static_cast<T>(number);
  }
}

template <class T>
std::vector<T> make_sort_input(sort_input input, std::size_t count, random_source& random) {
  std::vector<T> values(count);
  for (std::size_t i = 0; i < count; ++i) {
    switch (input) {
      case sort_input::random:
        values[i] = sort_value<T>(random.next());
        break;
      case sort_input::sorted:
        values[i] = sort_value<T>(i);
        break;
      case sort_input::reversed:
        values[i] = sort_value<T>(count - i);
        break;
      case sort_input::few_distinct:
        values[i] = sort_value<T>(random.below(7) * 0x1234'5678'9abc'def1u);
        break;
      case sort_input::equal:
        values[i] = sort_value<T>(42);
        break;
      case sort_input::organ_pipe:
        values[i] = sort_value<T>(std::min(i, count - i));
        break;
      // After Musser, Introspective Sorting and Selection Algorithms (1997).
      case sort_input::median_of_three_killer: {
        const std::size_t half = count / 2;
        const std::size_t value = i < half ? (i % 2 == 0 ? i + 1 : half + i) : 2 * (i - half + 1);
        values[i] = sort_value<T>(value);
        break;
      }
      case sort_input::sorted_tail:
        values[i] = i < count - count / 16 ? sort_value<T>(i) : sort_value<T>(random.next());
        break;
    }
  }
  return values;
}

}  // namespace treadle::test
