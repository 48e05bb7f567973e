#pragma once

#include <treadle/algorithm/detail/ranges.hpp>
#include <treadle/algorithm/detail/scan.hpp>
#include <treadle/algorithm/with.hpp>

#include <functional>
#include <iterator>
#include <optional>
#include <utility>

namespace treadle {

/// Stores, from `out` on, for each element of [first, last) the fold by `op` (the sum without it) of `init`, if
/// given, and all elements up to it, it included. Returns the end of what was stored. `op` must be associative; it is
/// called in order. `out` may be `first`, and must be an iterator of random access, too. Where it runs, what it
/// throws and when it blocks or allocates: as `parallel_for`. One worker makes one pass, as serial code does.
template <detail::place Where, std::random_access_iterator Iterator, std::sized_sentinel_for<Iterator> Last,
          std::random_access_iterator Out, class Op = std::plus<>>
Out inclusive_scan(Where&& where, Iterator first, Last last, Out out, Op op = {}) {
  using value = std::iter_value_t<Iterator>;
  return detail::run_scan<true, value>(where, first, detail::count_between(first, last), out, op, std::nullopt);
}
template <detail::place Where, std::random_access_iterator Iterator, std::sized_sentinel_for<Iterator> Last,
          std::random_access_iterator Out, class Op, class T>
Out inclusive_scan(Where&& where, Iterator first, Last last, Out out, Op op, T init) {
  return detail::run_scan<true, T>(where, first, detail::count_between(first, last), out, op,
                                   std::optional<T>(std::move(init)));
}
template <detail::place Where, detail::random_access_range Range, std::random_access_iterator Out,
          class Op = std::plus<>>
Out inclusive_scan(Where&& where, Range&& range, Out out, Op op = {}) {
  return treadle::inclusive_scan(where, detail::begin_of(range), detail::end_of(range), out, std::move(op));
}
template <detail::place Where, detail::random_access_range Range, std::random_access_iterator Out, class Op, class T>
Out inclusive_scan(Where&& where, Range&& range, Out out, Op op, T init) {
  return treadle::inclusive_scan(where, detail::begin_of(range), detail::end_of(range), out, std::move(op),
                                 std::move(init));
}

}  // namespace treadle
