#pragma once

#include <treadle/algorithm/detail/fold.hpp>
#include <treadle/algorithm/detail/prefix.hpp>
#include <treadle/algorithm/detail/ranges.hpp>

#include <array>
#include <cstddef>
#include <functional>
#include <optional>
#include <utility>

namespace treadle::detail {

/// A scan: each output is the fold of all inputs before it, the one at its place among them or not.
template <bool IsInclusive, class T, class Iterator, class Out, class Op>
class scan_work {
 public:
  scan_work(Iterator first, Out out, Op& op, std::optional<T> init)
      : first_(first), out_(out), op_(op), carried_(std::move(init)) {}

  void pass(std::size_t first, std::size_t last) { carried_ = scan(first, last, std::move(carried_)); }

  void begin(std::size_t, std::size_t) noexcept {}
  void look(std::size_t block, std::size_t first, std::size_t last) {
    const auto get = [this](std::size_t i) -> decltype(auto) { return *at(first_, i); };
    if constexpr (adds_numbers<T, Op>) {
      blocks_[block] = sum_in_lanes<T>(get, first, last);
    } else {
      blocks_[block] = fold_in_order<T>(get, op_, first, last);
    }
  }
  void settle(std::size_t blocks) {
    for (std::size_t i = 0; i != blocks; ++i) {
      std::optional<T> next(carried_ ? static_cast<T>(std::invoke(op_, *carried_, *std::move(blocks_[i])))
                                     : *std::move(blocks_[i]));
      blocks_[i] = std::move(carried_);
      carried_ = std::move(next);
    }
  }
  void finish(std::size_t block, std::size_t first, std::size_t last) {
    static_cast<void>(scan(first, last, std::move(blocks_[block])));
  }

 private:
  T scan(std::size_t first, std::size_t last, std::optional<T>&& before) {
    Iterator in = at(first_, first);
    Out out = at(out_, first);
    std::size_t left = last - first;
    if constexpr (IsInclusive) {
      T sum = before ? static_cast<T>(std::invoke(op_, *std::move(before), *in)) : static_cast<T>(*in);
      for (*out = sum; --left != 0; *out = sum) {
        ++in, ++out;
        sum = static_cast<T>(std::invoke(op_, std::move(sum), *in));
      }
      return sum;
    } else {
      T sum = *std::move(before);
      for (; left != 0; --left, ++in, ++out) {
        T next = static_cast<T>(std::invoke(op_, sum, *in));  // before the input is overwritten, maybe
        *out = std::move(sum);
        sum = std::move(next);
      }
      return sum;
    }
  }

  const Iterator first_;
  const Out out_;
  Op& op_;
  std::optional<T> carried_;
  std::array<std::optional<T>, prefix<scan_work>::most_blocks> blocks_;
};

/// Runs a scan of `count` elements. Returns the end of the output.
template <bool IsInclusive, class T, place Where, class Iterator, class Out, class Op>
Out run_scan(Where&& where, Iterator first, std::size_t count, Out out, Op& op, std::optional<T> init) {
  constexpr std::size_t stretch_bytes = std::size_t{2} << 20;
  constexpr std::size_t stretch = stretch_bytes / sizeof(T) > 4096 ? stretch_bytes / sizeof(T) : 4096;
  scan_work<IsInclusive, T, Iterator, Out, Op> work(first, out, op, std::move(init));
  run_prefix(where, count, stretch, work);
  return at(out, count);
}

}  // namespace treadle::detail
