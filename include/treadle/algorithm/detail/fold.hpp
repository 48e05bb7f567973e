#pragma once

#include <treadle/algorithm/detail/split.hpp>
#include <treadle/worker.hpp>

#include <cstddef>
#include <functional>
#include <optional>
#include <type_traits>
#include <utility>

namespace treadle::detail {

/// What some neighbours come to: T, or, where nothing can stand for a part that was left out, a T that may be
/// missing.
template <class T>
using partial = std::conditional_t<std::is_arithmetic_v<T>, T, std::optional<T>>;

template <class T>
T&& taken_out(T& whole) noexcept {
  return std::move(whole);
}
template <class T>
T&& taken_out(std::optional<T>& whole) noexcept {
  return *std::move(whole);
}

/// Combines two neighbours. What was left out, because the loop has failed, stays left out.
template <class T, class Op>
partial<T> joined(Op& op, partial<T>&& lower, partial<T>&& upper) {
  if constexpr (!std::is_arithmetic_v<T>) {
    if (!lower || !upper) return std::nullopt;
  }
  return static_cast<T>(std::invoke(op, taken_out(lower), taken_out(upper)));
}

/// Folds `get(first)`, ..., `get(last - 1)`, at least one, from left to right.
template <class T, class Get, class Op>
[[gnu::always_inline]] inline T fold_in_order(Get& get, Op& op, std::size_t first, std::size_t last) {
  T total = static_cast<T>(get(first));
  for (std::size_t at = first + 1; at != last; ++at) total = static_cast<T>(std::invoke(op, std::move(total), get(at)));
  return total;
}

/// Whether `Op` adds numbers of type T.
template <class T, class Op>
inline constexpr bool adds_numbers =
    std::is_arithmetic_v<T> && !std::is_same_v<T, bool> &&
    (std::is_same_v<std::remove_cv_t<Op>, std::plus<>> || std::is_same_v<std::remove_cv_t<Op>, std::plus<T>>);

/// The same for a sum of numbers, but in as many lanes as hide an addition's latency. Integers are added modulo 2^n,
/// so that no partial sum overflows where the sum does not; floating-point numbers are reassociated.
template <class T, class Get>
[[gnu::always_inline]] inline T sum_in_lanes(Get& get, std::size_t first, std::size_t last) {
  using lane = typename std::conditional_t<std::is_integral_v<T>, std::make_unsigned<T>, std::type_identity<T>>::type;
  using quad [[gnu::vector_size(16)]] = lane;
  constexpr std::size_t width = 16 / sizeof(T), quads = 4;
  quad sums[quads] = {};
  std::size_t at = first;
  for (; last - at >= width * quads; at += width * quads) {
    for (std::size_t i = 0; i < quads; ++i) {
      quad next{};
      for (std::size_t j = 0; j < width; ++j) next[j] = static_cast<lane>(static_cast<T>(get(at + i * width + j)));
      sums[i] += next;
    }
  }
  lane sum = 0;
  for (; at != last; ++at) sum = static_cast<lane>(sum + static_cast<lane>(static_cast<T>(get(at))));
  for (const quad& each : sums) {
    for (std::size_t j = 0; j < width; ++j) sum = static_cast<lane>(sum + each[j]);
  }
  return static_cast<T>(sum);
}

/// The fold of a range, in any grouping, but without a change of order.
template <class T, class Get, class Op>
class fold_work {
 public:
  using value = partial<T>;

  fold_work(Get& get, Op& op) noexcept : get_(get), op_(op) {}

  value part(worker&, std::size_t first, std::size_t last) {
    if constexpr (adds_numbers<T, Op>) {
      return sum_in_lanes<T>(get_, first, last);
    } else {
      return fold_in_order<T>(get_, op_, first, last);
    }
  }
  value join(value&& lower, value&& upper) const { return joined<T>(op_, std::move(lower), std::move(upper)); }
  static value nothing() noexcept { return {}; }
  static bool is_over(std::size_t) noexcept { return false; }

 private:
  Get& get_;
  Op& op_;
};

/// Returns `init` combined with the fold of `get(0)`, ..., `get(count - 1)`.
template <class T, place Where, class Get, class Op>
T fold(Where&& where, std::size_t count, T init, Get& get, Op& op) {
  if (count == 0) return init;
  fold_work<T, Get, Op> work(get, op);
  partial<T> total = run_split(where, count, work);
  return static_cast<T>(std::invoke(op, std::move(init), taken_out(total)));
}

}  // namespace treadle::detail
