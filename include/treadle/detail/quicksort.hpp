#pragma once

#include <treadle/detail/partition.hpp>
#include <treadle/detail/small_sort.hpp>
#include <treadle/detail/sort_job.hpp>
#include <treadle/fork_join.hpp>
#include <treadle/stop_token.hpp>
#include <treadle/worker.hpp>

#include <algorithm>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <iterator>
#include <utility>

namespace treadle::detail {

/// Does what `partition_elements` does, by many workers: each part is partitioned alone, then what lies on the wrong
/// side is exchanged, piece by piece.
template <class Iterator, class GoesLeft>
class parallel_partition {
 public:
  parallel_partition(worker& self, Iterator first, std::size_t count, const GoesLeft& goes_left)
      : first_(first), parts_(cut_for(self, count, 1 << 14)) {
    for_each_part(self, 0, parts_.parts(), [&](worker&, std::size_t part) {
      const std::size_t begin = parts_.begin(part);
      middle_[part] = begin + partition_elements(at_index(first, begin), parts_.end(part) - begin, goes_left);
    });
    for (std::size_t part = 0; part != parts_.parts(); ++part) left_count_ += middle_[part] - parts_.begin(part);
    std::size_t misplaced = 0;
    for (std::size_t part = 0; part != parts_.parts(); ++part) {
      const span there = wrong_on_left(part);
      misplaced += there.end - there.begin;
    }
    const cutting pieces = cut_for(self, misplaced, 1 << 14);
    for_each_part(self, 0, pieces.parts(),
                  [&](worker&, std::size_t piece) { exchange(pieces.begin(piece), pieces.end(piece)); });
  }
  [[nodiscard]] std::size_t left_count() const noexcept { return left_count_; }

 private:
  struct span {
    std::size_t begin, end;
  };

  /// What of the part lies in the left side and does not belong there.
  [[nodiscard]] span wrong_on_left(std::size_t part) const noexcept {
    const std::size_t end = std::min(parts_.end(part), left_count_);
    return {std::min(middle_[part], end), end};
  }
  [[nodiscard]] span wrong_on_right(std::size_t part) const noexcept {
    const std::size_t begin = std::max(parts_.begin(part), left_count_);
    return {begin, std::max(middle_[part], begin)};
  }

  /// A walk over the misplaced elements of one side, from the `skipped`th on.
  template <class SpanOf>
  class walk {
   public:
    walk(std::size_t skipped, SpanOf span_of) : span_of_(span_of), now_(span_of(0)) {
      while (skipped >= now_.end - now_.begin) {
        skipped -= now_.end - now_.begin;
        now_ = span_of_(++part_);
      }
      now_.begin += skipped;
    }
    std::size_t next() {
      while (now_.begin == now_.end) now_ = span_of_(++part_);
      return now_.begin++;
    }

   private:
    SpanOf span_of_;
    std::size_t part_ = 0;
    span now_;
  };

  void exchange(std::size_t begin, std::size_t end) {
    if (begin == end) return;
    const auto spans_of_left = [this](std::size_t part) { return wrong_on_left(part); };
    const auto spans_of_right = [this](std::size_t part) { return wrong_on_right(part); };
    walk<decltype(spans_of_left)> left(begin, spans_of_left);  // clang 14 deduces no template of a template
    walk<decltype(spans_of_right)> right(begin, spans_of_right);
    for (; begin != end; ++begin) std::ranges::iter_swap(at_index(first_, left.next()), at_index(first_, right.next()));
  }

  Iterator first_;
  cutting parts_;
  std::size_t left_count_ = 0;
  std::size_t middle_[most_parts];  ///< where each part's right side begins
};

/// Sorts with no room but the stack. Quicksort with the guards of pdqsort (Peters, 2021): what equals the pivot before
/// is put aside in one pass, and when the pivots turn out bad heapsort takes over, so it is O(n log n).
template <class Iterator, class Less>
class quicksort {
 public:
  quicksort(Less& less, const stop_token* stop) noexcept : less_(less), stop_(stop) {}

  void operator()(worker& self, Iterator first, std::size_t count) const {
    // Above that share of the whole, a partition by one worker would leave others without work.
    const std::size_t workers = self.pool().worker_limit();
    const std::size_t wide = workers <= 1 ? SIZE_MAX : std::max<std::size_t>(count / workers, 1 << 16);
    sort(self, first, count, {wide, 2 * static_cast<unsigned>(std::bit_width(count)), false});
  }

 private:
  static constexpr std::size_t fork_limit = 1 << 9;

  struct state {
    std::size_t wide;         ///< partitions of more elements are done in parallel
    unsigned pivots_left;     ///< until heapsort
    bool has_pivot_in_front;  ///< the element before the first is a pivot, and nothing here is less
  };

  void sort(worker& self, Iterator first, std::size_t count, state now) const {
    while (count > small_sort_limit<std::iter_value_t<Iterator>>) {
      if (now.pivots_left-- == 0) return heap_sort(first, count, less_);
      std::ranges::iter_swap(first, choose_pivot(first, count, less_));
      if (now.has_pivot_in_front && !less_(*(first - 1), *first)) {
        const std::size_t equal =
            1 + split(self, first, count, now, [this](auto& pivot, auto& each) { return !less_(pivot, each); });
        first = at_index(first, equal);
        count -= equal;
        continue;
      }
      const std::size_t smaller =
          split(self, first, count, now, [this](auto& pivot, auto& each) { return less_(each, pivot); });
      std::ranges::iter_swap(first, at_index(first, smaller));
      const Iterator behind = at_index(first, smaller + 1);
      const std::size_t greater = count - smaller - 1;
      state after = now;
      after.has_pivot_in_front = true;
      if (count > fork_limit) {
        fork_join(
            self, [&](worker& here) { sort_unless_stopped(here, first, smaller, now); },
            [&](worker& here) { sort_unless_stopped(here, behind, greater, after); });
        return;
      }
      sort(self, first, smaller, now);
      first = behind;
      count = greater;
      now = after;
    }
    small_sort(first, count, less_);
  }

  void sort_unless_stopped(worker& self, Iterator first, std::size_t count, state now) const {
    stop_if_requested(stop_);
    sort(self, first, count, now);
  }

  /// Partitions what is behind the pivot, the first element; returns how many go left.
  template <class GoesLeft>
  std::size_t split(worker& self, Iterator first, std::size_t count, const state& now,
                    const GoesLeft& goes_left) const {
    using T = std::iter_value_t<Iterator>;
    if constexpr (is_cheap_to_copy<T>) {
      const T pivot = *first;  // a copy, which no store can change
      return split_by(self, first, count, now, [&](auto& each) { return goes_left(pivot, each); });
    } else {
      return split_by(self, first, count, now, [&](auto& each) { return goes_left(*first, each); });
    }
  }
  template <class GoesLeft>
  std::size_t split_by(worker& self, Iterator first, std::size_t count, const state& now,
                       const GoesLeft& goes_left) const {
    if (count <= now.wide) return partition_elements(first + 1, count - 1, goes_left);
    return parallel_partition<Iterator, GoesLeft>(self, first + 1, count - 1, goes_left).left_count();
  }

  Less& less_;
  const stop_token* stop_;
};

}  // namespace treadle::detail
