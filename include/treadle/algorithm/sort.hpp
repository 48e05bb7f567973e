#pragma once

#include <treadle/detail/quicksort.hpp>
#include <treadle/detail/sort_job.hpp>
#include <treadle/stop_token.hpp>
#include <treadle/worker.hpp>

#include <cstddef>
#include <functional>
#include <iterator>

namespace treadle {

namespace detail {

template <class Iterator, class Compare, class Projection>
void sort_on(worker& self, const stop_token* stop, Iterator first, std::size_t count, Compare& compare,
             Projection& projection) {
  auto less = projected_less(compare, projection);
  stop_if_requested(stop);
  const order_found found = find_order(self, first, count, less);
  if (found == order_found::ascending) return;
  if (found == order_found::descending) return reverse_in_parallel(self, first, count);
  quicksort<Iterator, decltype(less)>(less, stop)(self, first, count);
}

}  // namespace detail

/// Sorts [first, last) by `compare`; equal elements may change places. `where` is the worker that calls, or a pool:
/// from outside the caller blocks until a worker of it has sorted, on one of its own workers the call goes on there.
///
/// `compare` is called by several workers at once, with const elements. If it throws, or an exchange of elements does,
/// the others are awaited, the exception is rethrown, and all elements are there, in some order. O(n log n) comparisons
/// whatever the input; n - 1 when it is sorted or strictly descending. In place: allocates nothing.
/// Sources: docs/guide/sorting.md.
template <detail::sort_place Where, std::random_access_iterator Iterator, class Compare = std::ranges::less>
requires std::sortable<Iterator, Compare>
void sort(Where& where, Iterator first, Iterator last, Compare compare = {}) {
  std::identity itself;
  detail::on_a_worker(where, [&](worker& self) {
    detail::sort_on(self, nullptr, detail::as_pointer(first), static_cast<std::size_t>(last - first), compare, itself);
  });
}
/// The same for a range with random access, by a projection of its elements.
template <detail::sort_place Where, class Range, class Compare = std::ranges::less, class Projection = std::identity>
requires std::sortable<detail::sorted_iterator<Range>, Compare, Projection>
void sort(Where& where, Range&& range, Compare compare = {}, Projection projection = {}) {
  const auto first = std::begin(range);
  const auto count = static_cast<std::size_t>(std::end(range) - first);
  detail::on_a_worker(where, [&](worker& self) {
    detail::sort_on(self, nullptr, detail::as_pointer(first), count, compare, projection);
  });
}

/// The same, but when a stop is requested it ends early, with all elements in some order, and throws std::system_error
/// with `errc::cancelled`.
template <detail::sort_place Where, std::random_access_iterator Iterator, class Compare = std::ranges::less>
requires std::sortable<Iterator, Compare>
void sort(Where& where, const stop_token& stop, Iterator first, Iterator last, Compare compare = {}) {
  std::identity itself;
  detail::on_a_worker(where, [&](worker& self) {
    detail::sort_on(self, &stop, detail::as_pointer(first), static_cast<std::size_t>(last - first), compare, itself);
  });
}
template <detail::sort_place Where, class Range, class Compare = std::ranges::less, class Projection = std::identity>
requires std::sortable<detail::sorted_iterator<Range>, Compare, Projection>
void sort(Where& where, const stop_token& stop, Range&& range, Compare compare = {}, Projection projection = {}) {
  const auto first = std::begin(range);
  const auto count = static_cast<std::size_t>(std::end(range) - first);
  detail::on_a_worker(where, [&](worker& self) {
    detail::sort_on(self, &stop, detail::as_pointer(first), count, compare, projection);
  });
}

}  // namespace treadle
