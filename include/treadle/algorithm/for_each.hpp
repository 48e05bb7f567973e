#pragma once

#include <treadle/algorithm/detail/for_work.hpp>
#include <treadle/algorithm/detail/ranges.hpp>
#include <treadle/algorithm/detail/split.hpp>
#include <treadle/algorithm/with.hpp>

#include <cstddef>
#include <iterator>

namespace treadle {

/// Calls `body(element)`, or `body(worker&, element)`, for each element of [first, last), in parallel, in no promised
/// order. Where it runs, what it throws and when it blocks or allocates: as `parallel_for`.
template <detail::place Where, std::random_access_iterator Iterator, std::sized_sentinel_for<Iterator> Last, class Body>
requires detail::is_body<Body, std::iter_reference_t<Iterator>>
void for_each(Where&& where, Iterator first, Last last, Body&& body) {
  const auto chunk = [&](worker& self, std::size_t from,
                         std::size_t to) noexcept(noexcept(detail::call_body(body, self, *first))) {
    Iterator each = detail::at(first, from);
    for (std::size_t left = to - from; left != 0; --left, ++each) detail::call_body(body, self, *each);
  };
  detail::for_work work(chunk);
  detail::run_split(where, detail::count_between(first, last), work);
}
template <detail::place Where, detail::random_access_range Range, class Body>
requires detail::is_body<Body, std::iter_reference_t<detail::range_iterator<Range>>>
void for_each(Where&& where, Range&& range, Body&& body) {
  treadle::for_each(where, detail::begin_of(range), detail::end_of(range), body);
}

}  // namespace treadle
