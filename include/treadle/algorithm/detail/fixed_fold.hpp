#pragma once

#include <treadle/algorithm/detail/fold.hpp>
#include <treadle/algorithm/detail/loop_guard.hpp>
#include <treadle/fork_join.hpp>
#include <treadle/worker.hpp>

#include <algorithm>
#include <bit>
#include <cstddef>
#include <functional>
#include <type_traits>
#include <utility>

namespace treadle::detail {

/// The fold of a range whose grouping depends on the number of elements and the grain alone: chunks of equal length,
/// each folded from left to right, combined by a tree over their numbers that always parts at the greatest power of
/// two. Several chunks are folded at a time, in turns, to hide the latency of the operation: that changes no result.
template <class T, class Get, class Op>
class fixed_fold {
 public:
  using value = partial<T>;

  fixed_fold(Get& get, Op& op, std::size_t count, const loop_terms& terms) noexcept
      : get_(get), op_(op), guard_(terms), count_(count), chunk_(chunk_of(count, terms.grain)) {}

  value run(worker& self) { return over(self, 0, (count_ + chunk_ - 1) / chunk_); }

 private:
  static constexpr std::size_t at_a_time = 8;     ///< chunks that are folded in turns; a power of two
  static constexpr std::size_t longest = 1000;    ///< no power of two: eight chunks shall not meet in one cache set
  static constexpr std::size_t usual_count = 64;  ///< chunks of a small range, whose elements may be long
  static constexpr std::size_t short_one = 64;    ///< chunks of which it is not worth while to fold several in turns

  static std::size_t chunk_of(std::size_t count, std::size_t grain) noexcept {
    return grain != 0 ? grain : std::clamp<std::size_t>(count / usual_count, 1, longest);
  }

  static std::size_t parted(std::size_t first, std::size_t last) noexcept {
    return first + std::bit_floor(last - first - 1);
  }

  value over(worker& self, std::size_t first, std::size_t last) {
    if (last - first <= (chunk_ < short_one ? 1 : at_a_time)) {
      if (guard_.must_stop()) return {};
      return guard_.attempt([&]() -> value { return some(first, last); });
    }
    if (guard_.has_failed()) return {};
    const std::size_t middle = parted(first, last);
    auto [lower, upper] = fork_two(
        self, [&](worker& here) { return over(here, first, middle); },
        [this, middle, last](worker& here) { return over(here, middle, last); });
    return joined<T>(op_, std::move(lower), std::move(upper));
  }

  T some(std::size_t first, std::size_t last) {
    if (last - first == 1) return one(first);
    if constexpr (std::is_arithmetic_v<T>) {
      if (last - first == at_a_time && last * chunk_ <= count_) return in_turns(first * chunk_);
    }
    const std::size_t middle = parted(first, last);
    T lower = some(first, middle);
    return static_cast<T>(std::invoke(op_, std::move(lower), some(middle, last)));
  }

  T one(std::size_t number) {
    const std::size_t first = number * chunk_;
    return fold_in_order<T>(get_, op_, first, std::min(first + chunk_, count_));
  }

  T in_turns(std::size_t first) { return in_turns(first, std::make_index_sequence<at_a_time>{}); }

  /// Spelled out for each of the chunks, for the totals to stay in registers.
  template <std::size_t... Each>
  T in_turns(std::size_t first, std::index_sequence<Each...>) {
    const std::size_t starts[] = {first + Each * chunk_...};
    T totals[] = {static_cast<T>(get_(starts[Each]))...};
    const std::size_t length = chunk_;
    for (std::size_t at = 1; at != length; ++at) {
      ((totals[Each] = static_cast<T>(std::invoke(op_, totals[Each], get_(starts[Each] + at)))), ...);
    }
    for (std::size_t half = at_a_time; half != 1; half /= 2) {
      for (std::size_t i = 0; i < half / 2; ++i) {
        totals[i] = static_cast<T>(std::invoke(op_, totals[2 * i], totals[2 * i + 1]));
      }
    }
    return totals[0];
  }

  Get& get_;
  Op& op_;
  loop_guard guard_;
  const std::size_t count_, chunk_;
};

/// Returns `init` combined with the fold of `get(0)`, ..., `get(count - 1)`, the same to the bit whoever runs it.
template <class T, place Where, class Get, class Op>
T fold_fixed(Where&& where, std::size_t count, T init, Get& get, Op& op) {
  if (count == 0) return init;
  partial<T> total = enter(where, [&](worker& self, const loop_terms& terms) {
    return fixed_fold<T, Get, Op>(get, op, count, terms).run(self);
  });
  return static_cast<T>(std::invoke(op, std::move(init), taken_out(total)));
}

}  // namespace treadle::detail
