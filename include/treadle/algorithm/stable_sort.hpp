#pragma once

#include <treadle/detail/merge_sort.hpp>
#include <treadle/detail/quicksort.hpp>
#include <treadle/detail/sort_job.hpp>
#include <treadle/stop_token.hpp>
#include <treadle/worker.hpp>

#include <concepts>
#include <cstddef>
#include <functional>
#include <iterator>
#include <type_traits>

namespace treadle {

namespace detail {

template <class Compare, class T>
inline constexpr bool is_builtin_order =
    std::is_same_v<Compare, std::ranges::less> || std::is_same_v<Compare, std::less<>> ||
    std::is_same_v<Compare, std::less<T>> || std::is_same_v<Compare, std::ranges::greater> ||
    std::is_same_v<Compare, std::greater<>> || std::is_same_v<Compare, std::greater<T>>;

template <class Iterator, class Compare, class Projection>
void stable_sort_on(worker& self, const stop_token* stop, Iterator first, std::size_t count, Compare& compare,
                    Projection& projection) {
  using T = std::iter_value_t<Iterator>;
  auto less = projected_less(compare, projection);
  using less_type = decltype(less);
  stop_if_requested(stop);
  const order_found found = find_order(self, first, count, less);
  if (found == order_found::ascending) return;
  if (found == order_found::descending) return reverse_in_parallel(self, first, count);
  using in_place = moving_merge_sort<Iterator, less_type>;
  if constexpr (std::integral<T> && is_builtin_order<Compare, T> && std::is_same_v<Projection, std::identity>) {
    quicksort<Iterator, less_type>(less, stop)(self, first, count);  // nobody can tell equal integers apart
  } else if constexpr (in_place::uses_room) {
    const spare_room<T> room(count);
    if constexpr (std::is_pointer_v<Iterator> && is_cheap_to_copy<T>) {
      if (room.data() != nullptr) {
        return copying_merge_sort<T, less_type>(less, stop)(self, first, room.data(), count);
      }
    }
    in_place(less, stop)(self, first, room.data(), count);
  } else {
    in_place(less, stop)(self, first, nullptr, count);
  }
}

}  // namespace detail

/// Sorts [first, last) by `compare`; equal elements stay in their order. `where` is the worker that calls, or a pool:
/// from outside the caller blocks until a worker of it has sorted, on one of its own workers the call goes on there.
///
/// Takes room for n elements beside. When that cannot be had, or when moving an element may throw, it goes without, in
/// O(n log^2 n) moves; else O(n log n); n - 1 comparisons when the input is sorted or strictly descending.
/// `compare` is called by several workers at once, with const elements. If it throws, the others are awaited, the
/// exception is rethrown, and all elements are there, in some order. Integers in their built-in order need no room.
/// Sources: docs/guide/sorting.md.
template <detail::sort_place Where, std::random_access_iterator Iterator, class Compare = std::ranges::less>
requires std::sortable<Iterator, Compare>
void stable_sort(Where& where, Iterator first, Iterator last, Compare compare = {}) {
  std::identity itself;
  detail::on_a_worker(where, [&](worker& self) {
    detail::stable_sort_on(self, nullptr, detail::as_pointer(first), static_cast<std::size_t>(last - first), compare,
                           itself);
  });
}
/// The same for a range with random access, by a projection of its elements.
template <detail::sort_place Where, class Range, class Compare = std::ranges::less, class Projection = std::identity>
requires std::sortable<detail::sorted_iterator<Range>, Compare, Projection>
void stable_sort(Where& where, Range&& range, Compare compare = {}, Projection projection = {}) {
  const auto first = std::begin(range);
  const auto count = static_cast<std::size_t>(std::end(range) - first);
  detail::on_a_worker(where, [&](worker& self) {
    detail::stable_sort_on(self, nullptr, detail::as_pointer(first), count, compare, projection);
  });
}

/// The same, but when a stop is requested it ends early, with all elements in some order, and throws std::system_error
/// with `errc::cancelled`.
template <detail::sort_place Where, std::random_access_iterator Iterator, class Compare = std::ranges::less>
requires std::sortable<Iterator, Compare>
void stable_sort(Where& where, const stop_token& stop, Iterator first, Iterator last, Compare compare = {}) {
  std::identity itself;
  detail::on_a_worker(where, [&](worker& self) {
    detail::stable_sort_on(self, &stop, detail::as_pointer(first), static_cast<std::size_t>(last - first), compare,
                           itself);
  });
}
template <detail::sort_place Where, class Range, class Compare = std::ranges::less, class Projection = std::identity>
requires std::sortable<detail::sorted_iterator<Range>, Compare, Projection>
void stable_sort(Where& where, const stop_token& stop, Range&& range, Compare compare = {},
                 Projection projection = {}) {
  const auto first = std::begin(range);
  const auto count = static_cast<std::size_t>(std::end(range) - first);
  detail::on_a_worker(where, [&](worker& self) {
    detail::stable_sort_on(self, &stop, detail::as_pointer(first), count, compare, projection);
  });
}

}  // namespace treadle
