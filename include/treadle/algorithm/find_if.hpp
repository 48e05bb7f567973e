#pragma once

#include <treadle/algorithm/detail/ranges.hpp>
#include <treadle/algorithm/detail/split.hpp>
#include <treadle/algorithm/with.hpp>

#include <atomic>
#include <cstddef>
#include <functional>
#include <iterator>
#include <utility>
#include <variant>

namespace treadle {

namespace detail {

/// Looks for the lowest index that `is_found` says yes to. Whatever lies above the lowest known so far is left out.
template <class Test>
class find_work {
 public:
  using value = std::monostate;

  find_work(Test& is_found, std::size_t count) noexcept : is_found_(is_found), lowest_(count) {}

  value part(worker&, std::size_t first, std::size_t last) {
    for (std::size_t at = first; at != last; ++at) {
      if (!is_found_(at)) continue;
      // Relaxed: the number alone is passed on; who reads the last one has joined all who wrote.
      std::size_t lowest = lowest_.load(std::memory_order_relaxed);
      while (at < lowest && !lowest_.compare_exchange_weak(lowest, at, std::memory_order_relaxed)) {
      }
      break;
    }
    return {};
  }
  static value join(value, value) noexcept { return {}; }
  static value nothing() noexcept { return {}; }
  [[nodiscard]] bool is_over(std::size_t first) const noexcept { return first >= lowest(); }

  [[nodiscard]] std::size_t lowest() const noexcept { return lowest_.load(std::memory_order_relaxed); }

 private:
  Test& is_found_;
  std::atomic<std::size_t> lowest_;
};

}  // namespace detail

/// Returns the first element of [first, last) of which `predicate` is true, or `last`: the first in order, as
/// std::find_if, whatever is found sooner. Elements above one that was found are looked at only by those who have not
/// learnt of it. Where it runs, what it throws and when it blocks or allocates: as `parallel_for`.
template <detail::place Where, std::random_access_iterator Iterator, std::sized_sentinel_for<Iterator> Last,
          class Predicate>
requires std::is_invocable_v<Predicate&, std::iter_reference_t<Iterator>> Iterator find_if(Where&& where,
                                                                                           Iterator first, Last last,
                                                                                           Predicate predicate) {
  const std::size_t count = detail::count_between(first, last);
  const auto test = [&](std::size_t i) { return static_cast<bool>(std::invoke(predicate, *detail::at(first, i))); };
  detail::find_work work(test, count);
  detail::run_split(where, count, work);
  return detail::at(first, work.lowest());
}
template <detail::place Where, detail::random_access_range Range, class Predicate>
detail::range_iterator<Range> find_if(Where&& where, Range&& range, Predicate predicate) {
  return treadle::find_if(where, detail::begin_of(range), detail::end_of(range), std::move(predicate));
}

}  // namespace treadle
