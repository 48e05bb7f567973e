#pragma once

#include <algorithm>
#include <cstddef>
#include <iterator>
#include <memory>
#include <type_traits>
#include <utility>

namespace treadle::detail {

/// Says whether copying a T both ways is cheaper than a branch that is taken by chance.
template <class T>
inline constexpr bool is_cheap_to_copy =
    std::is_trivially_copyable_v<T>&& std::is_copy_constructible_v<T>&& std::is_copy_assignable_v<T> &&
    sizeof(T) <= 4 * sizeof(void*);

/// Room on the stack for `Count` values of a type that is cheap to copy, which need no constructor.
template <class T, std::size_t Count>
class scratch {
 public:
  scratch() noexcept {}  // NOLINT(modernize-use-equals-default): a defaulted one would be deleted
  ~scratch() {}          // NOLINT(modernize-use-equals-default)
  scratch(const scratch&) = delete;
  scratch& operator=(const scratch&) = delete;
  [[nodiscard]] T* data() noexcept { return values_; }

 private:
  union {
    T values_[Count];
  };
};

/// Sorts four values from `from` into `to` with five comparisons and no branch. Stable.
/// After the small sorts of driftsort (Peters and Bergdoll, 2024).
template <class T, class Less>
inline void sort_four(const T* from, T* to, Less& less) {
  const bool first_swapped = less(from[1], from[0]), second_swapped = less(from[3], from[2]);
  const T *const low_1 = from + first_swapped, *const high_1 = from + !first_swapped;
  const T *const low_2 = from + 2 + second_swapped, *const high_2 = from + 2 + !second_swapped;
  const bool least_is_second = less(*low_2, *low_1), greatest_is_first = less(*high_2, *high_1);
  const T* const least = least_is_second ? low_2 : low_1;
  const T* const greatest = greatest_is_first ? high_1 : high_2;
  const T* const left = least_is_second ? low_1 : (greatest_is_first ? low_2 : high_1);
  const T* const right = greatest_is_first ? high_2 : (least_is_second ? high_1 : low_2);
  const bool middle_swapped = less(*right, *left);
  to[0] = *least;
  to[1] = middle_swapped ? *right : *left;
  to[2] = middle_swapped ? *left : *right;
  to[3] = *greatest;
}

/// Merges the sorted halves of `from`, [0, count / 2) and the rest, into `to`: from both ends at once, so that two
/// chains of comparisons run side by side and none needs a bound. Stable. After quadsort (van den Hoven, 2020).
template <class T, class Less>
inline void merge_halves(const T* from, std::size_t count, T* to, Less& less) {
  const std::size_t half = count / 2;
  const T *left = from, *right = from + half;
  const T *left_end = from + half - 1, *right_end = from + count - 1;
  T *front = to, *back = to + count - 1;
  for (std::size_t i = 0; i != half; ++i) {
    const bool takes_right = less(*right, *left);
    *front++ = *(takes_right ? right : left);
    right += takes_right;
    left += !takes_right;
    const bool leaves_left = less(*right_end, *left_end);
    *back-- = *(leaves_left ? left_end : right_end);
    left_end -= leaves_left;
    right_end -= !leaves_left;
  }
  if (count % 2 != 0) *front = *(left <= left_end ? left : right);
}

/// Brings `to[sorted]` and what is behind it up to `count`, copied from `from`, into the sorted front of `to`. Stable.
template <class T, class Less>
inline void insert_copies(const T* from, std::size_t sorted, std::size_t count, T* to, Less& less) {
  for (; sorted != count; ++sorted) {
    const T value = from[sorted];
    std::size_t at = sorted;
    for (; at != 0 && less(value, to[at - 1]); --at) to[at] = to[at - 1];
    to[at] = value;
  }
}

template <class T, class Less>
inline void sort_few(const T* from, std::size_t count, T* to, Less& less) {
  if (count < 4) return insert_copies(from, 0, count, to, less);
  sort_four(from, to, less);
  insert_copies(from, 4, count, to, less);
}

/// An element that was moved out of its place, and goes back into whatever place is free when the comparison throws.
template <class Iterator>
struct free_place {
  Iterator at;
  std::iter_value_t<Iterator> value;

  explicit free_place(Iterator place) : at(place), value(std::ranges::iter_move(place)) {}
  free_place(const free_place&) = delete;
  free_place& operator=(const free_place&) = delete;
  ~free_place() { *at = std::move(value); }
};

/// Sorts by insertion, stable; whatever the comparison throws, no element is lost.
template <class Iterator, class Less>
void insertion_sort(Iterator first, std::size_t count, Less& less) {
  using difference = std::iter_difference_t<Iterator>;
  using value_type = std::iter_value_t<Iterator>;
  for (std::size_t i = 1; i < count; ++i) {
    const Iterator place = first + static_cast<difference>(i);
    if (!less(*place, *(place - 1))) continue;
    if constexpr (std::is_nothrow_move_constructible_v<value_type> && std::is_nothrow_move_assignable_v<value_type>) {
      free_place<Iterator> moved(place);
      do {
        *moved.at = std::ranges::iter_move(moved.at - 1);
        --moved.at;
      } while (moved.at != first && less(moved.value, *(moved.at - 1)));
    } else {
      for (Iterator at = place; at != first && less(*at, *(at - 1)); --at) std::ranges::iter_swap(at, at - 1);
    }
  }
}

/// As many elements as `small_sort` takes.
template <class T>
inline constexpr std::size_t small_sort_limit = is_cheap_to_copy<T> ? 32 : 16;

/// Sorts up to `small_sort_limit` elements, stable; whatever the comparison throws, no element is lost.
template <class Iterator, class Less>
void small_sort(Iterator first, std::size_t count, Less& less) {
  using T = std::iter_value_t<Iterator>;
  if constexpr (!(is_cheap_to_copy<T> && std::is_pointer_v<Iterator>)) {
    insertion_sort(first, count, less);
  } else {
    if (count < 8) return insertion_sort(first, count, less);
    struct restored {
      const T* from;
      T* to;
      std::size_t count;
      ~restored() {
        if (count != 0) std::copy_n(from, count, to);
      }
    };
    scratch<T, small_sort_limit<T>> room;
    T* const sorted = room.data();
    const std::size_t half = count / 2;
    if (count < 16) {
      sort_few(first, half, sorted, less);
      sort_few(first + half, count - half, sorted + half, less);
    } else {
      scratch<T, small_sort_limit<T>> second_room;
      T* const quarters = second_room.data();
      for (const std::size_t begin : {std::size_t{0}, half}) {
        const std::size_t size = begin == 0 ? half : count - half;
        sort_few(first + begin, size / 2, quarters, less);
        sort_few(first + begin + size / 2, size - size / 2, quarters + size / 2, less);
        merge_halves(quarters, size, sorted + begin, less);
      }
    }
    restored safe{sorted, first, count};
    merge_halves(sorted, count, first, less);
    safe.count = 0;
  }
}

}  // namespace treadle::detail
