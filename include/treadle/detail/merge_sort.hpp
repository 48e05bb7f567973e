#pragma once

#include <treadle/detail/small_sort.hpp>
#include <treadle/detail/sort_job.hpp>
#include <treadle/fork_join.hpp>
#include <treadle/stop_token.hpp>
#include <treadle/worker.hpp>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <iterator>
#include <memory>
#include <type_traits>
#include <utility>

namespace treadle::detail {

/// Two sorted runs, the left one before the right one.
template <class Iterator>
struct two_runs {
  Iterator left;
  std::size_t left_count;
  Iterator right;
  std::size_t right_count;

  [[nodiscard]] std::size_t count() const noexcept { return left_count + right_count; }

  /// Returns how many of the first `wanted` elements of the merge come from the left: a binary search along the
  /// diagonal, as in Merge Path (Odeh et al., 2012). Equal elements come from the left first.
  template <class Less>
  [[nodiscard]] std::size_t from_left(std::size_t wanted, Less& less) const {
    std::size_t low = wanted > right_count ? wanted - right_count : 0, high = std::min(wanted, left_count);
    while (low != high) {
      const std::size_t middle = low + (high - low) / 2;
      if (less(*at_index(right, wanted - middle - 1), *at_index(left, middle))) {
        high = middle;
      } else {
        low = middle + 1;
      }
    }
    return low;
  }
  [[nodiscard]] two_runs before(std::size_t from_left, std::size_t from_right) const {
    return {left, from_left, right, from_right};
  }
  [[nodiscard]] two_runs behind(std::size_t from_left, std::size_t from_right) const {
    return {at_index(left, from_left), left_count - from_left, at_index(right, from_right), right_count - from_right};
  }
  template <class Less>
  [[nodiscard]] bool are_in_order(Less& less) const {
    return left_count == 0 || right_count == 0 || !less(*right, *at_index(left, left_count - 1));
  }
};

/// Merges of more elements than that are cut, so that nobody waits for one worker.
[[nodiscard]] inline std::size_t wide_merge(worker& self, std::size_t count) {
  const std::size_t workers = self.pool().worker_limit();
  return workers <= 1 ? SIZE_MAX : std::max<std::size_t>(count / workers, 1 << 14);
}

/// Merge sort between two arrays for what is cheap to copy; the comparisons decide addresses, never branches.
/// Home holds all elements, in some order, whenever a comparison throws: what is merged out of home stays there, and
/// what was to be merged into it is then copied.
template <class T, class Less>
class copying_merge_sort {
 public:
  copying_merge_sort(Less& less, const stop_token* stop) noexcept : less_(less), stop_(stop) {}

  void operator()(worker& self, T* home, T* room, std::size_t count) const {
    sort(self, home, room, count, true, wide_merge(self, count));
  }

 private:
  static constexpr std::size_t fork_limit = 1 << 9;

  /// Sorts what is at home, so that it ends there, or in the room.
  void sort(worker& self, T* home, T* room, std::size_t count, bool ends_at_home, std::size_t wide) const {
    if (count <= small_sort_limit<T>) {
      small_sort(home, count, less_);
      if (!ends_at_home) std::copy_n(home, count, room);
      return;
    }
    const std::size_t half = count / 2;
    if (count > fork_limit) {
      fork_join(
          self, [&](worker& here) { sort_unless_stopped(here, home, room, half, !ends_at_home, wide); },
          [&](worker& here) {
            sort_unless_stopped(here, home + half, room + half, count - half, !ends_at_home, wide);
          });
    } else {
      sort(self, home, room, half, !ends_at_home, wide);
      sort(self, home + half, room + half, count - half, !ends_at_home, wide);
    }
    struct restored {
      const T* room;
      T* home;
      std::size_t count;
      ~restored() {
        if (count != 0) std::copy_n(room, count, home);
      }
    };
    restored safe{room, home, ends_at_home ? count : 0};
    merge(self, ends_at_home ? room : home, count, ends_at_home ? home : room, wide);
    safe.count = 0;
  }

  void sort_unless_stopped(worker& self, T* home, T* room, std::size_t count, bool ends_at_home,
                           std::size_t wide) const {
    stop_if_requested(stop_);
    sort(self, home, room, count, ends_at_home, wide);
  }

  /// Merges the two halves.
  void merge(worker& self, const T* from, std::size_t count, T* to, std::size_t wide) const {
    const std::size_t half = count / 2;
    const two_runs<const T*> runs{from, half, from + half, count - half};
    if (runs.are_in_order(less_)) {
      std::copy_n(from, count, to);
    } else if (count <= wide) {
      merge_halves(from, count, to, less_);
    } else {
      merge_runs(self, runs, to, wide / 4);
    }
  }

  void merge_runs(worker& self, const two_runs<const T*>& runs, T* to, std::size_t wide) const {
    if (runs.count() > wide) {
      const std::size_t half = runs.count() / 2, lefts = runs.from_left(half, less_);
      fork_join(
          self, [&](worker& here) { merge_runs(here, runs.before(lefts, half - lefts), to, wide); },
          [&](worker& here) { merge_runs(here, runs.behind(lefts, half - lefts), to + half, wide); });
      return;
    }
    const T *left = runs.left, *const left_end = left + runs.left_count;
    const T *right = runs.right, *const right_end = right + runs.right_count;
    while (left != left_end && right != right_end) {
      const bool takes_right = less_(*right, *left);
      *to++ = *(takes_right ? right : left);
      right += takes_right;
      left += !takes_right;
    }
    to = std::copy(left, left_end, to);
    std::copy(right, right_end, to);
  }

  Less& less_;
  const stop_token* stop_;
};

/// Merge sort in one array for all that moves: of two runs the left one moves into the room and is merged back. Without
/// room, or when moving may throw, or when several workers are to merge, the inner parts are exchanged by a rotation,
/// which leaves two merges of half the size: SymMerge (Kim and Kutzner, 2004).
template <class Iterator, class Less>
class moving_merge_sort {
 public:
  using T = std::iter_value_t<Iterator>;
  static constexpr bool uses_room = std::is_nothrow_move_constructible_v<T> && std::is_nothrow_move_assignable_v<T>;

  moving_merge_sort(Less& less, const stop_token* stop) noexcept : less_(less), stop_(stop) {}

  /// `room` may be null.
  void operator()(worker& self, Iterator first, T* room, std::size_t count) const {
    sort(self, first, room, count, wide_merge(self, count));
  }

 private:
  static constexpr std::size_t fork_limit = 1 << 7;

  void sort(worker& self, Iterator first, T* room, std::size_t count, std::size_t wide) const {
    if (count <= small_sort_limit<T>) return small_sort(first, count, less_);
    const std::size_t half = count / 2;
    const Iterator middle = at_index(first, half);
    T* const room_behind = room == nullptr ? nullptr : room + half;
    if (count > fork_limit) {
      fork_join(
          self, [&](worker& here) { sort_unless_stopped(here, first, room, half, wide); },
          [&](worker& here) { sort_unless_stopped(here, middle, room_behind, count - half, wide); });
    } else {
      sort(self, first, room, half, wide);
      sort(self, middle, room_behind, count - half, wide);
    }
    merge(self, {first, half, middle, count - half}, room, wide);
  }

  void sort_unless_stopped(worker& self, Iterator first, T* room, std::size_t count, std::size_t wide) const {
    stop_if_requested(stop_);
    sort(self, first, room, count, wide);
  }

  /// Merges two runs that lie one behind the other.
  void merge(worker& self, const two_runs<Iterator>& runs, T* room, std::size_t wide) const {
    if (runs.are_in_order(less_)) return;
    if constexpr (uses_room) {
      if (room != nullptr && runs.count() <= wide) return merge_through(runs, room);
    }
    if (runs.count() == 2) return std::ranges::iter_swap(runs.left, runs.right);
    const std::size_t half = runs.count() / 2, lefts = runs.from_left(half, less_), rights = half - lefts;
    std::rotate(at_index(runs.left, lefts), runs.right, at_index(runs.right, rights));
    const two_runs<Iterator> front{runs.left, lefts, at_index(runs.left, lefts), rights};
    const Iterator middle = at_index(runs.left, half);
    const std::size_t lefts_behind = runs.left_count - lefts;
    const two_runs<Iterator> back{middle, lefts_behind, at_index(middle, lefts_behind), runs.right_count - rights};
    T* const room_behind = room == nullptr ? nullptr : room + half;
    if (runs.count() > fork_limit) {
      fork_join(
          self, [&](worker& here) { merge(here, front, room, wide); },
          [&](worker& here) { merge(here, back, room_behind, wide); });
    } else {
      merge(self, front, room, wide);
      merge(self, back, room_behind, wide);
    }
  }

  /// The left run, moved into the room; what is still there goes back to where the merge stands.
  struct moved_run {
    T* begin;
    T* now;
    T* end;
    Iterator to;

    moved_run(const two_runs<Iterator>& runs, T* room) noexcept : begin(room), now(room), end(room), to(runs.left) {
      Iterator each = runs.left;
      for (std::size_t i = 0; i != runs.left_count; ++i, ++each, ++end) {
        std::construct_at(end, std::ranges::iter_move(each));
      }
    }
    moved_run(const moved_run&) = delete;
    moved_run& operator=(const moved_run&) = delete;
    ~moved_run() {
      std::move(now, end, to);
      std::destroy(begin, end);
    }
  };

  void merge_through(const two_runs<Iterator>& runs, T* room) const {
    moved_run left(runs, room);
    Iterator right = runs.right;
    const Iterator right_end = at_index(right, runs.right_count);
    while (left.now != left.end && right != right_end) {
      if (less_(*right, *left.now)) {
        *left.to = std::ranges::iter_move(right);
        ++right;
      } else {
        *left.to = std::move(*left.now);
        ++left.now;
      }
      ++left.to;
    }
  }

  Less& less_;
  const stop_token* stop_;
};

}  // namespace treadle::detail
