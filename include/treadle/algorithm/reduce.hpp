#pragma once

#include <treadle/algorithm/detail/fixed_fold.hpp>
#include <treadle/algorithm/detail/fold.hpp>
#include <treadle/algorithm/detail/ranges.hpp>
#include <treadle/algorithm/with.hpp>

#include <cstddef>
#include <functional>
#include <iterator>
#include <utility>

namespace treadle {

/// The first argument of a reduction whose result shall be the same to the bit on any number of workers: chunks
/// depend on the number of elements and the grain only, are folded from left to right, and are combined by a tree
/// over their numbers.
struct deterministic_t {};
inline constexpr deterministic_t deterministic{};

/// Returns `init` combined by `op`, or added up, with all elements of [first, last), grouped in any way but in their
/// order: `op` must be associative, and need not commute. Floating-point sums differ in the last bits from run to
/// run; see `deterministic`. Where it runs, what it throws and when it blocks or allocates: as `parallel_for`.
template <detail::place Where, std::random_access_iterator Iterator, std::sized_sentinel_for<Iterator> Last, class T,
          class Op = std::plus<>>
T reduce(Where&& where, Iterator first, Last last, T init, Op op = {}) {
  const auto get = [&](std::size_t i) -> decltype(auto) { return *detail::at(first, i); };
  return detail::fold(where, detail::count_between(first, last), std::move(init), get, op);
}
template <detail::place Where, std::random_access_iterator Iterator, std::sized_sentinel_for<Iterator> Last>
std::iter_value_t<Iterator> reduce(Where&& where, Iterator first, Last last) {
  return treadle::reduce(where, first, last, std::iter_value_t<Iterator>{});
}
template <detail::place Where, detail::random_access_range Range, class T, class Op = std::plus<>>
T reduce(Where&& where, Range&& range, T init, Op op = {}) {
  return treadle::reduce(where, detail::begin_of(range), detail::end_of(range), std::move(init), std::move(op));
}
template <detail::place Where, detail::random_access_range Range>
std::iter_value_t<detail::range_iterator<Range>> reduce(Where&& where, Range&& range) {
  return treadle::reduce(where, detail::begin_of(range), detail::end_of(range));
}

/// The same, but bit-identical over workers and runs.
template <detail::place Where, std::random_access_iterator Iterator, std::sized_sentinel_for<Iterator> Last, class T,
          class Op = std::plus<>>
T reduce(deterministic_t, Where&& where, Iterator first, Last last, T init, Op op = {}) {
  const auto get = [&](std::size_t i) -> decltype(auto) { return *detail::at(first, i); };
  return detail::fold_fixed(where, detail::count_between(first, last), std::move(init), get, op);
}
template <detail::place Where, std::random_access_iterator Iterator, std::sized_sentinel_for<Iterator> Last>
std::iter_value_t<Iterator> reduce(deterministic_t tag, Where&& where, Iterator first, Last last) {
  return treadle::reduce(tag, where, first, last, std::iter_value_t<Iterator>{});
}
template <detail::place Where, detail::random_access_range Range, class T, class Op = std::plus<>>
T reduce(deterministic_t tag, Where&& where, Range&& range, T init, Op op = {}) {
  return treadle::reduce(tag, where, detail::begin_of(range), detail::end_of(range), std::move(init), std::move(op));
}
template <detail::place Where, detail::random_access_range Range>
std::iter_value_t<detail::range_iterator<Range>> reduce(deterministic_t tag, Where&& where, Range&& range) {
  return treadle::reduce(tag, where, detail::begin_of(range), detail::end_of(range));
}

}  // namespace treadle
