#pragma once

#include <treadle/algorithm/reduce.hpp>

#include <cstddef>
#include <functional>
#include <iterator>
#include <utility>

namespace treadle {

/// Returns `init` combined by `op` with `map(element)` of all elements of [first, last). As `reduce`.
template <detail::place Where, std::random_access_iterator Iterator, std::sized_sentinel_for<Iterator> Last, class T,
          class Op, class Map>
T transform_reduce(Where&& where, Iterator first, Last last, T init, Op op, Map map) {
  const auto get = [&](std::size_t i) -> decltype(auto) { return std::invoke(map, *detail::at(first, i)); };
  return detail::fold(where, detail::count_between(first, last), std::move(init), get, op);
}
template <detail::place Where, detail::random_access_range Range, class T, class Op, class Map>
T transform_reduce(Where&& where, Range&& range, T init, Op op, Map map) {
  return treadle::transform_reduce(where, detail::begin_of(range), detail::end_of(range), std::move(init),
                                   std::move(op), std::move(map));
}

/// The same, but bit-identical over workers and runs.
template <detail::place Where, std::random_access_iterator Iterator, std::sized_sentinel_for<Iterator> Last, class T,
          class Op, class Map>
T transform_reduce(deterministic_t, Where&& where, Iterator first, Last last, T init, Op op, Map map) {
  const auto get = [&](std::size_t i) -> decltype(auto) { return std::invoke(map, *detail::at(first, i)); };
  return detail::fold_fixed(where, detail::count_between(first, last), std::move(init), get, op);
}
template <detail::place Where, detail::random_access_range Range, class T, class Op, class Map>
T transform_reduce(deterministic_t tag, Where&& where, Range&& range, T init, Op op, Map map) {
  return treadle::transform_reduce(tag, where, detail::begin_of(range), detail::end_of(range), std::move(init),
                                   std::move(op), std::move(map));
}

/// Returns `init` combined by `op` with `map(a, b)` of all pairs of elements of [first, last) and of the range that
/// begins at `other`; without `op` and `map` that is the inner product. As `reduce`.
template <detail::place Where, std::random_access_iterator Iterator, std::sized_sentinel_for<Iterator> Last,
          std::random_access_iterator Other, class T, class Op = std::plus<>, class Map = std::multiplies<>>
T transform_reduce(Where&& where, Iterator first, Last last, Other other, T init, Op op = {}, Map map = {}) {
  const auto get = [&](std::size_t i) -> decltype(auto) {
    return std::invoke(map, *detail::at(first, i), *detail::at(other, i));
  };
  return detail::fold(where, detail::count_between(first, last), std::move(init), get, op);
}

}  // namespace treadle
