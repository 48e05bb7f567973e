#pragma once

#include <treadle/algorithm/detail/for_work.hpp>
#include <treadle/algorithm/detail/split.hpp>
#include <treadle/algorithm/with.hpp>

#include <concepts>
#include <cstddef>
#include <stdexcept>
#include <type_traits>
#include <utility>

namespace treadle {

/// Calls `body(index)`, or `body(worker&, index)`, for each index of [first, last), in parallel; neither order nor
/// worker is promised, but one worker goes upwards. Nothing is called if `last` is not above `first`.
///
/// `where` is a worker, a pool, or what `with` makes of either. Blocks until all is over, outside the pool too;
/// allocates nothing on a worker, and once to enter a pool. After a throw nothing more is started, and the exception
/// of the lowest place that threw is rethrown. Throws std::system_error with `errc::cancelled` if a stop kept it from
/// calling all, what a refusing pool says, and std::out_of_range for a negative `first` where `last` is of an
/// unsigned type. Source of the algorithm: docs/design/loops.md.
template <detail::place Where, std::integral First, std::integral Last, class Body>
requires detail::is_body<Body, std::common_type_t<First, Last>>
void parallel_for(Where&& where, First first, Last last, Body&& body) {
  using index = std::common_type_t<First, Last>;
  static_assert(sizeof(index) <= sizeof(std::size_t));
  if (std::cmp_greater_equal(first, last)) return;
  if (!std::in_range<index>(first)) throw std::out_of_range("treadle::parallel_for: the first index is negative");
  // Unsigned, for the distance between two signed numbers may be no signed one.
  const auto origin = static_cast<std::size_t>(static_cast<index>(first));
  const auto count = static_cast<std::size_t>(static_cast<index>(last)) - origin;
  const auto chunk = [&](worker& self, std::size_t from,
                         std::size_t to) noexcept(noexcept(detail::call_body(body, self, index{}))) {
    for (std::size_t at = from; at != to; ++at) detail::call_body(body, self, static_cast<index>(origin + at));
  };
  detail::for_work work(chunk);
  detail::run_split(where, count, work);
}

}  // namespace treadle
