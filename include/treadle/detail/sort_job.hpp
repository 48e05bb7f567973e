#pragma once

#include <treadle/detail/partition.hpp>
#include <treadle/errc.hpp>
#include <treadle/fork_join.hpp>
#include <treadle/stop_token.hpp>
#include <treadle/thread_pool.hpp>
#include <treadle/worker.hpp>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <iterator>
#include <memory>
#include <new>
#include <system_error>
#include <type_traits>
#include <utility>

namespace treadle::detail {

/// Throws when a stop was requested. Null: nobody can.
inline void stop_if_requested(const stop_token* stop) {
  if (stop != nullptr && stop->stop_requested()) {
    throw std::system_error(make_error_code(errc::cancelled), "treadle: a stop was requested");
  }
}

/// Calls `f(worker&, i)` for each i of [first, last), forking in halves.
template <class F>
void for_each_part(worker& self, std::size_t first, std::size_t last, const F& f) {
  if (last - first <= 1) {
    if (first != last) f(self, first);
    return;
  }
  const std::size_t middle = first + (last - first) / 2;
  fork_join(
      self, [&](worker& here) { for_each_part(here, first, middle, f); },
      [&](worker& here) { for_each_part(here, middle, last, f); });
}

/// Some elements, cut into parts of nearly the same size.
class cutting {
 public:
  cutting(std::size_t count, std::size_t parts) noexcept : count_(count), parts_(parts) {}
  [[nodiscard]] std::size_t parts() const noexcept { return parts_; }
  [[nodiscard]] std::size_t begin(std::size_t part) const noexcept {
    return count_ / parts_ * part + std::min(count_ % parts_, part);
  }
  [[nodiscard]] std::size_t end(std::size_t part) const noexcept { return begin(part + 1); }

 private:
  std::size_t count_, parts_;
};

inline constexpr std::size_t most_parts = 64;

/// Cuts as finely as the workers ask for, but into parts that are worth a fork.
[[nodiscard]] inline cutting cut_for(worker& self, std::size_t count, std::size_t least) {
  const std::size_t wanted = std::min<std::size_t>(most_parts, 4 * std::size_t{self.pool().worker_limit()});
  return {count, std::clamp<std::size_t>(count / least, 1, wanted)};
}

/// Room for elements beside those that are sorted, without elements in it; null if there is no memory.
template <class T>
class spare_room {
 public:
  explicit spare_room(std::size_t count) noexcept
      : data_(count > SIZE_MAX / sizeof(T)
                  ? nullptr
                  : static_cast<T*>(::operator new (count * sizeof(T), std::align_val_t{alignof(T)}, std::nothrow))) {}
  spare_room(const spare_room&) = delete;
  spare_room& operator=(const spare_room&) = delete;
  ~spare_room() { ::operator delete (data_, std::align_val_t{alignof(T)}); }
  [[nodiscard]] T* data() const noexcept { return data_; }

 private:
  T* data_;
};

/// How elements lie before a sort.
enum class order_found : unsigned char { none, ascending, descending };

/// Finds out whether all of it is sorted already, or strictly descending. Costs next to nothing if not.
template <class Iterator, class Less>
order_found find_order(worker& self, Iterator first, std::size_t count, Less& less) {
  constexpr std::size_t first_look = 32, least = 1 << 15;
  if (count < 2) return order_found::ascending;
  const bool descends = less(*at_index(first, 1), *first);
  const auto holds = [&](std::size_t from, std::size_t to) {
    for (std::size_t i = from; i < to; ++i) {
      if (less(*at_index(first, i), *at_index(first, i - 1)) != descends) return false;
    }
    return true;
  };
  const std::size_t looked_at = std::min(count, first_look);
  if (!holds(2, looked_at)) return order_found::none;
  const cutting parts = cut_for(self, count - looked_at, least);
  bool held[most_parts];
  for_each_part(self, 0, parts.parts(), [&](worker&, std::size_t part) {
    held[part] = holds(looked_at + parts.begin(part), looked_at + parts.end(part));
  });
  if (!std::all_of(held, held + parts.parts(), [](bool each) { return each; })) return order_found::none;
  return descends ? order_found::descending : order_found::ascending;
}

template <class Iterator>
void reverse_in_parallel(worker& self, Iterator first, std::size_t count) {
  const cutting parts = cut_for(self, count / 2, 1 << 15);
  for_each_part(self, 0, parts.parts(), [&](worker&, std::size_t part) {
    for (std::size_t i = parts.begin(part); i != parts.end(part); ++i) {
      std::ranges::iter_swap(at_index(first, i), at_index(first, count - 1 - i));
    }
  });
}

/// Orders elements by a projection of each.
template <class Compare, class Projection>
auto projected_less(Compare& compare, Projection& projection) {
  return [&](auto&& a, auto&& b) -> bool {
    return std::invoke(compare, std::invoke(projection, std::forward<decltype(a)>(a)),
                       std::invoke(projection, std::forward<decltype(b)>(b)));
  };
}

/// Calls `f` with a worker: with the one given, or on the pool given.
template <class F>
void on_a_worker(worker& self, F&& f) {
  f(self);
}
template <class F>
void on_a_worker(thread_pool& pool, F&& f) {
  pool.run(std::forward<F>(f));
}

/// A pool, or one of its workers.
template <class Where>
concept sort_place = std::is_same_v<Where, worker> || std::is_same_v<Where, thread_pool>;

/// What begin and end give for a range with random access, if it is one.
template <class Range>
using sorted_iterator = decltype(std::begin(std::declval<Range&>()));

/// Turns what is contiguous into pointers, which the kernels know best.
template <class Iterator>
auto as_pointer(Iterator each) {
  if constexpr (std::contiguous_iterator<Iterator>) {
    return std::to_address(each);
  } else {
    return each;
  }
}

}  // namespace treadle::detail
