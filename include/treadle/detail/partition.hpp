#pragma once

#include <treadle/detail/small_sort.hpp>

#include <cstddef>
#include <iterator>
#include <utility>

namespace treadle::detail {

template <class Iterator>
[[nodiscard]] inline Iterator at_index(Iterator first, std::size_t index) {
  return first + static_cast<std::iter_difference_t<Iterator>>(index);
}

/// Moves the elements that `goes_left` to the front and returns how many these are. Whatever the predicate throws, no
/// element is lost. What is cheap to copy goes round in cycles through one free place, without a branch: Lomuto's
/// partition as Bergdoll and Peters made it branchless (2023); the rest is exchanged in pairs, after Hoare.
template <class Iterator, class GoesLeft>
std::size_t partition_elements(Iterator first, std::size_t count, const GoesLeft& goes_left) {
  using T = std::iter_value_t<Iterator>;
  if (count == 0) return 0;
  if constexpr (is_cheap_to_copy<T> && std::is_pointer_v<Iterator>) {
    T* left = first;
    {
      free_place<T*> gap(first);
      const auto step = [&](T* right) {
        const bool moves = goes_left(*right);
        *gap.at = *left;
        *left = *right;
        gap.at = right;
        left += moves;
      };
      T *right = first + 1, *const last = first + count;
      for (; last - right >= 4; right += 4) {
        step(right);
        step(right + 1);
        step(right + 2);
        step(right + 3);
      }
      for (; right != last; ++right) step(right);
      const bool moves = goes_left(gap.value);
      *gap.at = *left;
      gap.at = left;
      left += moves;
    }
    return static_cast<std::size_t>(left - first);
  } else {
    Iterator left = first, right = at_index(first, count);
    for (;;) {
      while (left != right && goes_left(*left)) ++left;
      while (left != right && !goes_left(*(right - 1))) --right;
      if (left == right) return static_cast<std::size_t>(left - first);
      std::ranges::iter_swap(left, --right);
      ++left;
    }
  }
}

template <class Iterator, class Less>
Iterator median_of_three(Iterator a, Iterator b, Iterator c, Less& less) {
  const bool b_first = less(*b, *a), c_before_a = less(*c, *a);
  if (b_first != c_before_a) return a;
  return (less(*c, *b) != b_first) ? c : b;
}

/// Returns about the median of a sample of count^0.6 elements around three places, a pseudo-median of medians.
template <class Iterator, class Less>
Iterator pseudo_median(Iterator a, Iterator b, Iterator c, std::size_t spread, Less& less) {
  if (spread >= 8) {
    const std::size_t next = spread / 8;
    a = pseudo_median(a, at_index(a, next * 4), at_index(a, next * 7), next, less);
    b = pseudo_median(b, at_index(b, next * 4), at_index(b, next * 7), next, less);
    c = pseudo_median(c, at_index(c, next * 4), at_index(c, next * 7), next, less);
  }
  return median_of_three(a, b, c, less);
}

template <class Iterator, class Less>
Iterator choose_pivot(Iterator first, std::size_t count, Less& less) {
  const std::size_t spread = count / 8;
  const Iterator a = first, b = at_index(first, spread * 4), c = at_index(first, spread * 7);
  return count < 64 ? median_of_three(a, b, c, less) : pseudo_median(a, b, c, spread, less);
}

/// Sorts in place and in O(n log n) whatever the input, by exchanges only.
template <class Iterator, class Less>
void heap_sort(Iterator first, std::size_t count, Less& less) {
  const auto sift_down = [&](std::size_t root, std::size_t end) {
    for (;;) {
      std::size_t child = 2 * root + 1;
      if (child >= end) return;
      if (child + 1 < end && less(*at_index(first, child), *at_index(first, child + 1))) ++child;
      if (!less(*at_index(first, root), *at_index(first, child))) return;
      std::ranges::iter_swap(at_index(first, root), at_index(first, child));
      root = child;
    }
  };
  for (std::size_t root = count / 2; root != 0; --root) sift_down(root - 1, count);
  for (std::size_t end = count; end > 1; --end) {
    std::ranges::iter_swap(first, at_index(first, end - 1));
    sift_down(0, end - 1);
  }
}

}  // namespace treadle::detail
