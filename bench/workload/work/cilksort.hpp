#pragma once

#include "../forking.hpp"
#include "../quicksort.hpp"

#include <algorithm>
#include <span>
#include <vector>

namespace bench {

/// Sorts quarters, merges them in pairs, and merges the halves; merges are split as well (the sort of the Cilk
/// distribution, after Akl and Santoro, Optimal parallel merging and sorting without memory conflicts, 1987).
struct cilksort {
  using part = std::span<std::int32_t>;
  static constexpr std::size_t grain = 2048;

  explicit cilksort(const request& asked) : values(asked.number("n", 4'000'000)), scratch(values.size()) {}

  [[nodiscard]] std::uint64_t units() const { return 1; }
  void prepare() { fill_shuffled(values); }

  template <class Fork>
  static void merge(Fork here, part left, part right, part out) {
    if (left.size() < right.size()) std::swap(left, right);
    if (out.size() <= grain) {
      std::merge(left.begin(), left.end(), right.begin(), right.end(), out.begin());
      return;
    }
    const std::size_t middle = left.size() / 2;
    const auto below =
        static_cast<std::size_t>(std::lower_bound(right.begin(), right.end(), left[middle]) - right.begin());
    here.fork([&](Fork to) { merge(to, left.first(middle), right.first(below), out.first(middle + below)); },
              [&](Fork to) { merge(to, left.subspan(middle), right.subspan(below), out.subspan(middle + below)); });
  }

  template <class Fork>
  static void sort(Fork here, part all, part spare) {
    if (all.size() <= grain) return sort_serially(all);
    const std::size_t half = all.size() / 2;
    const auto sort_half = [](Fork on, part pair, part room) {
      const std::size_t quarter = pair.size() / 2;
      on.fork([&](Fork to) { sort(to, pair.first(quarter), room.first(quarter)); },
              [&](Fork to) { sort(to, pair.subspan(quarter), room.subspan(quarter)); });
      merge(on, pair.first(quarter), pair.subspan(quarter), room);
    };
    here.fork([&](Fork to) { sort_half(to, all.first(half), spare.first(half)); },
              [&](Fork to) { sort_half(to, all.subspan(half), spare.subspan(half)); });
    merge(here, spare.first(half), spare.subspan(half), all);
  }

  template <class Fork>
  void run(Fork here) {
    sort(here, part(values), part(scratch));
  }
  [[nodiscard]] bool right() const {
    require_sorted(values);
    return true;
  }

  std::vector<std::int32_t> values, scratch;
};

}  // namespace bench
