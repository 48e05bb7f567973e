#pragma once

#include <treadle/algorithm/detail/ranges.hpp>
#include <treadle/algorithm/detail/scan.hpp>
#include <treadle/algorithm/with.hpp>

#include <functional>
#include <iterator>
#include <optional>
#include <utility>

namespace treadle {

/// Stores, from `out` on, for each element of [first, last) the fold by `op` (the sum without it) of `init` and all
/// elements before it. All else as `inclusive_scan`.
template <detail::place Where, std::random_access_iterator Iterator, std::sized_sentinel_for<Iterator> Last,
          std::random_access_iterator Out, class T, class Op = std::plus<>>
Out exclusive_scan(Where&& where, Iterator first, Last last, Out out, T init, Op op = {}) {
  return detail::run_scan<false, T>(where, first, detail::count_between(first, last), out, op,
                                    std::optional<T>(std::move(init)));
}
template <detail::place Where, detail::random_access_range Range, std::random_access_iterator Out, class T,
          class Op = std::plus<>>
Out exclusive_scan(Where&& where, Range&& range, Out out, T init, Op op = {}) {
  return treadle::exclusive_scan(where, detail::begin_of(range), detail::end_of(range), out, std::move(init),
                                 std::move(op));
}

}  // namespace treadle
