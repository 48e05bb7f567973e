#pragma once

#include <treadle/algorithm/detail/for_work.hpp>
#include <treadle/algorithm/detail/ranges.hpp>
#include <treadle/algorithm/detail/split.hpp>
#include <treadle/algorithm/with.hpp>

#include <cstddef>
#include <functional>
#include <iterator>

namespace treadle {

/// Stores `map(element)` of all elements of [first, last) from `out` on, which may be `first`, and returns the end of
/// what was stored. `out` must be an iterator of random access, too. Where it runs, what it throws and when it blocks
/// or allocates: as `parallel_for`.
template <detail::place Where, std::random_access_iterator Iterator, std::sized_sentinel_for<Iterator> Last,
          std::random_access_iterator Out, class Map>
requires std::is_invocable_v<Map&, std::iter_reference_t<Iterator>> Out transform(Where&& where, Iterator first,
                                                                                  Last last, Out out, Map map) {
  const auto chunk = [&](worker&, std::size_t from, std::size_t to) {
    Iterator each = detail::at(first, from);
    Out made = detail::at(out, from);
    for (std::size_t left = to - from; left != 0; --left, ++each, ++made) *made = std::invoke(map, *each);
  };
  const std::size_t count = detail::count_between(first, last);
  detail::for_work work(chunk);
  detail::run_split(where, count, work);
  return detail::at(out, count);
}
template <detail::place Where, detail::random_access_range Range, std::random_access_iterator Out, class Map>
Out transform(Where&& where, Range&& range, Out out, Map map) {
  return treadle::transform(where, detail::begin_of(range), detail::end_of(range), out, std::move(map));
}

/// The same with `map(a, b)` of all pairs of elements of [first, last) and of the range that begins at `other`.
template <detail::place Where, std::random_access_iterator Iterator, std::sized_sentinel_for<Iterator> Last,
          std::random_access_iterator Other, std::random_access_iterator Out, class Map>
Out transform(Where&& where, Iterator first, Last last, Other other, Out out, Map map) {
  const auto chunk = [&](worker&, std::size_t from, std::size_t to) {
    Iterator each = detail::at(first, from);
    Other beside = detail::at(other, from);
    Out made = detail::at(out, from);
    for (std::size_t left = to - from; left != 0; --left, ++each, ++beside, ++made) {
      *made = std::invoke(map, *each, *beside);
    }
  };
  const std::size_t count = detail::count_between(first, last);
  detail::for_work work(chunk);
  detail::run_split(where, count, work);
  return detail::at(out, count);
}

}  // namespace treadle
