#pragma once

#include <treadle/algorithm/detail/prefix.hpp>
#include <treadle/algorithm/detail/ranges.hpp>
#include <treadle/algorithm/with.hpp>

#include <algorithm>
#include <array>
#include <cstddef>
#include <functional>
#include <iterator>
#include <memory>
#include <type_traits>
#include <utility>

namespace treadle {

namespace detail {

/// Packs the elements that pass a test. What was said of each element of a stretch is noted, to ask but once.
template <class Iterator, class Out, class Predicate>
class pack_work {
 public:
  pack_work(Iterator first, Out out, Predicate& predicate) : first_(first), out_(out), predicate_(predicate) {}

  void pass(std::size_t first, std::size_t last) {
    const Out out = pack(first, last, at(out_, packed_),
                         [this](auto&& each) { return static_cast<bool>(std::invoke(predicate_, each)); });
    packed_ = static_cast<std::size_t>(out - out_);
  }

  void begin(std::size_t first, std::size_t last) {
    if (last - first > capacity_) passes_ = std::make_unique<bool[]>(capacity_ = last - first);
    begun_ = first;
  }
  void look(std::size_t block, std::size_t first, std::size_t last) {
    Iterator in = at(first_, first);
    bool* note = &passes_[first - begun_];
    std::size_t count = 0;
    for (std::size_t left = last - first; left != 0; --left, ++in, ++note) {
      *note = static_cast<bool>(std::invoke(predicate_, *in));
      count += *note ? 1u : 0u;
    }
    blocks_[block] = count;
  }
  void settle(std::size_t blocks) noexcept {
    for (std::size_t i = 0; i != blocks; ++i) blocks_[i] = std::exchange(packed_, packed_ + blocks_[i]);
  }
  void finish(std::size_t block, std::size_t first, std::size_t last) {
    const bool* note = &passes_[first - begun_];
    pack(first, last, at(out_, blocks_[block]), [&note](auto&&) { return *note++; });
  }

  [[nodiscard]] std::size_t packed() const noexcept { return packed_; }

 private:
  /// Copies what passes, and returns the end. Small values go by a buffer, into which each is written and then kept or
  /// not: no branch, which a predicate of even chances would make a miss of every other time.
  template <class Passes>
  Out pack(std::size_t first, std::size_t last, Out out, Passes&& passes) {
    using value = std::iter_value_t<Iterator>;
    Iterator in = at(first_, first);
    if constexpr (std::is_trivial_v<value> && sizeof(value) <= 16) {
      constexpr std::size_t room = 256;
      value kept[room];
      while (first != last) {
        const std::size_t next = last - first > room ? first + room : last;
        std::size_t count = 0;
        for (; first != next; ++first, ++in) {
          kept[count] = *in;
          count += passes(*in) ? 1u : 0u;
        }
        out = std::copy_n(kept, count, out);
      }
    } else {
      for (; first != last; ++first, ++in) {
        if (passes(*in)) *out = *in, ++out;
      }
    }
    return out;
  }

  const Iterator first_;
  const Out out_;
  Predicate& predicate_;
  std::size_t packed_ = 0, begun_ = 0, capacity_ = 0;
  std::unique_ptr<bool[]> passes_;
  std::array<std::size_t, prefix<pack_work>::most_blocks> blocks_{};
};

}  // namespace detail

/// Copies the elements of [first, last) of which `predicate` is true to `out` and behind, in their order, and returns
/// the end of what was copied. Calls `predicate` once for each. The ranges must not overlap, and `out` must be an
/// iterator of random access, too. Allocates up to a quarter of a megabyte, once, when others help. Where it runs,
/// what it throws and when it blocks: as `parallel_for`.
template <detail::place Where, std::random_access_iterator Iterator, std::sized_sentinel_for<Iterator> Last,
          std::random_access_iterator Out, class Predicate>
requires std::is_invocable_v<Predicate&, std::iter_reference_t<Iterator>> Out copy_if(Where&& where, Iterator first,
                                                                                      Last last, Out out,
                                                                                      Predicate predicate) {
  constexpr std::size_t stretch = std::size_t{1} << 18;
  detail::pack_work<Iterator, Out, Predicate> work(first, out, predicate);
  detail::run_prefix(where, detail::count_between(first, last), stretch, work);
  return detail::at(out, work.packed());
}
template <detail::place Where, detail::random_access_range Range, std::random_access_iterator Out, class Predicate>
Out copy_if(Where&& where, Range&& range, Out out, Predicate predicate) {
  return treadle::copy_if(where, detail::begin_of(range), detail::end_of(range), out, std::move(predicate));
}

}  // namespace treadle
