#pragma once

#include <concepts>
#include <cstddef>
#include <iterator>
#include <type_traits>
#include <utility>

namespace treadle::detail {

/// Where a range begins and how many elements it has. Not by <ranges>: clang 14 does not compile that of libstdc++
/// 12.
template <class Range>
auto begin_of(Range& range) -> decltype(std::begin(range)) {
  return std::begin(range);
}
template <class Range>
auto end_of(Range& range) -> decltype(std::end(range)) {
  return std::end(range);
}

/// A range whose elements can be reached by their number: the algorithms halve what they are given.
template <class Range>
concept random_access_range = requires(std::remove_reference_t<Range>& range) {
  { begin_of(range) } -> std::random_access_iterator;
  { end_of(range) } -> std::sized_sentinel_for<decltype(begin_of(range))>;
};

template <random_access_range Range>
using range_iterator = decltype(begin_of(std::declval<std::remove_reference_t<Range>&>()));

/// Returns how many elements lie before `last`: none if it lies before `first`.
template <class Iterator, class Sentinel>
std::size_t count_between(const Iterator& first, const Sentinel& last) {
  const auto count = last - first;
  return count > 0 ? static_cast<std::size_t>(count) : 0;
}

/// Returns the iterator to the element of that number.
template <class Iterator>
Iterator at(const Iterator& first, std::size_t number) {
  return first + static_cast<std::iter_difference_t<Iterator>>(number);
}

}  // namespace treadle::detail
