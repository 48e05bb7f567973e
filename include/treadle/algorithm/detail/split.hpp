#pragma once

#include <treadle/algorithm/detail/loop_guard.hpp>
#include <treadle/algorithm/detail/pace.hpp>
#include <treadle/algorithm/with.hpp>
#include <treadle/detail/branch.hpp>
#include <treadle/fork_join.hpp>
#include <treadle/worker.hpp>

#include <cstddef>
#include <utility>

namespace treadle::detail {

/// Runs a range of indices by halving it: the upper half waits as a fork while the lower one runs here. Forks are
/// private, and cost next to nothing, unless somebody is hungry; how small the halves get is for the pace to say.
/// Lazy binary splitting, after Tzannes, Caragea, Barua and Vishkin (2010), on forks: docs/design/loops.md.
///
/// Work has a `value` type, and gives
///   value part(worker&, first, last)   what the indices [first, last), at least one of them, come to, in their order
///   value join(value&&, value&&)       what two neighbours come to together
///   static value nothing()             what stands for indices that were left out: nobody looks at it
///   bool is_over(first)                whether all from `first` on may be left out
template <class Work>
class split {
 public:
  using value = typename Work::value;

  split(Work& work, const loop_terms& terms) noexcept : work_(work), guard_(terms) {}
  split(const split&) = delete;
  split& operator=(const split&) = delete;

  /// Runs [first, last), at least one index. After a throw no further part is started; the exception is that of the
  /// lowest part that threw. Throws `errc::cancelled` if a stop was requested before the last part was started.
  value run(worker& self, std::size_t first, std::size_t last) {
    return fresh(self, first, last, self.forks().is_empty());
  }

 private:
  static constexpr std::size_t few = 64;  ///< so few indices may be long ones, for all that is known

  value fresh(worker& self, std::size_t first, std::size_t last, bool is_outermost) {
    pace tempo(guard_.grain(), is_outermost && last - first <= few);
    return over(self, tempo, first, last);
  }

  value over(worker& self, pace& tempo, std::size_t first, std::size_t last) {
    if (last - first <= tempo.step()) return in_a_row(self, tempo, first, last);
    // Looked at here, too: halving what is left out may take long.
    if (is_left_out(first)) return Work::nothing();
    const std::size_t middle = first + (last - first) / 2;
    auto [lower, upper] = fork_two(
        self, [&](worker& here) { return over(here, tempo, first, middle); },
        [this, &self, &tempo, middle, last](worker& here) {
          return &here == &self ? over(here, tempo, middle, last) : fresh(here, middle, last, true);
        });
    return work_.join(std::move(lower), std::move(upper));
  }

  value in_a_row(worker& self, pace& tempo, std::size_t first, std::size_t last) {
    if (tempo.shows_forks()) [[unlikely]]
      show_forks(self);
    if (must_skip(first)) return Work::nothing();
    const std::uint64_t began = ticks_now();
    const std::size_t block = tempo.block();
    std::size_t at = last - first > block ? first + block : last;
    value total = part(self, first, at);
    while (at != last) {
      if (self.forks().wants_forks() && last - at > tempo.rest()) break;
      if (must_skip(at)) return total;
      const std::size_t next = last - at > block ? at + block : last;
      total = work_.join(std::move(total), part(self, at, next));
      at = next;
    }
    tempo.took(at - first, ticks_now() - began);
    if (at == last) return total;
    tempo.shorten();
    return work_.join(std::move(total), over(self, tempo, at, last));
  }

  value part(worker& self, std::size_t first,
             std::size_t last) noexcept(noexcept(std::declval<Work&>().part(self, first, last))) {
    return guard_.attempt(
        [&]() noexcept(noexcept(work_.part(self, first, last))) { return work_.part(self, first, last); });
  }

  bool is_left_out(std::size_t first) const noexcept { return guard_.has_failed() || work_.is_over(first); }
  /// The same, but throws if a stop is why.
  bool must_skip(std::size_t first) { return is_left_out(first) || guard_.must_stop(); }

  Work& work_;
  loop_guard guard_;
};

/// Runs `work` over `count` indices where the caller has said. Nothing for no index.
template <place Where, class Work>
typename Work::value run_split(Where&& where, std::size_t count, Work& work) {
  if (count == 0) return Work::nothing();
  return enter(where, [&](worker& self, const loop_terms& terms) {
    split<Work> halves(work, terms);
    return halves.run(self, 0, count);
  });
}

}  // namespace treadle::detail
