#pragma once

#include <treadle/config.hpp>
#include <treadle/default_pool.hpp>
#include <treadle/detail/branch.hpp>
#include <treadle/detail/context.hpp>
#include <treadle/errc.hpp>
#include <treadle/stop_token.hpp>
#include <treadle/thread_pool.hpp>
#include <treadle/worker.hpp>

#include <cstddef>
#include <system_error>
#include <tuple>
#include <type_traits>
#include <utility>
#include <variant>

namespace treadle {

namespace detail {

/// Takes a branch off the stack that is not to be run any more: skipped if nobody has started it, else awaited.
template <class F>
void abandon(worker& self, branch<F>& forked) noexcept {
  if (!self.forks().pop(forked) && !join_shared(self, forked)) forked.discard();
}

/// The fork itself: `g` waits on the stack while `f` runs here.
template <class F, class G>
[[gnu::always_inline]] inline std::tuple<branch_value<F>, branch_value<G>> fork_two(worker& self, F&& f, G&& g) {
  branch<G> second(std::forward<G>(g));
  if (self.forks().push(second)) [[unlikely]]
    share_forks(self);
  const auto run_first = [&]() -> branch_value<F> {
    if constexpr (noexcept(call_branch(std::forward<F>(f), self))) {
      return value_of_call(std::forward<F>(f), self);
    } else {
      try {
        return value_of_call(std::forward<F>(f), self);
      } catch (...) {
        abandon(self, second);
        throw;
      }
    }
  };
  branch_value<F> first = run_first();
  if (!self.forks().pop(second)) [[unlikely]] {
    if (!join_shared(self, second)) return {std::forward<branch_value<F>>(first), second.collect()};
  }
  return {std::forward<branch_value<F>>(first), second.call_here(self)};
}

/// Forks the first `Count` of `functions`, the last of them first, so that the owner comes to them in order.
template <std::size_t Count, class Functions>
[[gnu::always_inline]] inline auto fork_first(worker& self, Functions& functions) {
  using last = std::tuple_element_t<Count - 1, Functions>;
  if constexpr (Count == 2) {
    using first_one = std::tuple_element_t<0, Functions>;
    return fork_two(self, std::forward<first_one>(std::get<0>(functions)), std::forward<last>(std::get<1>(functions)));
  } else {
    auto [first, second] = fork_two(
        self, [&](worker& here) { return fork_first<Count - 1>(here, functions); },
        std::forward<last>(std::get<Count - 1>(functions)));
    return std::tuple_cat(std::move(first), std::tuple<branch_value<last>>(std::forward<branch_value<last>>(second)));
  }
}

template <class F>
inline constexpr bool is_branch = std::is_invocable_v<F, worker&> || std::is_invocable_v<F>;

/// Forks all of `functions` and returns their values: nothing if none has any.
template <class... Fs>
[[gnu::always_inline]] inline auto fork_all(worker& self, Fs&&... functions) {
  constexpr bool all_void = (std::is_void_v<branch_result<Fs>> && ...);
  std::tuple<Fs&&...> listed(std::forward<Fs>(functions)...);
  if constexpr (all_void) {
    static_cast<void>(fork_first<sizeof...(Fs)>(self, listed));
  } else {
    return fork_first<sizeof...(Fs)>(self, listed);
  }
}

/// Makes a branch that is skipped, by the exception that tells of it, if a stop was requested before it starts.
template <class F>
auto unless_stopped(const stop_token& stop, F& f) {
  return [&stop, &f](worker& self) -> branch_result<F> {
    if (stop.stop_requested()) {
      throw std::system_error(make_error_code(errc::cancelled), "treadle::fork_join: a stop was requested");
    }
    return call_branch(std::forward<F>(f), self);
  };
}

}  // namespace detail

/// Runs `f` here at once and lets other workers take the branches behind it meanwhile; returns when all are over, as a
/// tuple of what they returned, with std::monostate for void; returns void if they all do. Each branch is called as
/// `f(worker&)`, with the worker that it runs on, or as `f()`. Results and captures may be references or move-only.
///
/// `self` is the worker that calls. Allocates nothing and makes no system call, but for waking one worker when none is
/// looking for forks. A branch that nobody has taken runs here as a plain call, whatever the depth of the recursion; a
/// taken one is waited for by running what it has forked, nothing else, and then asleep, as `blocking` does it.
/// After a throw, branches that have not started are skipped, the others awaited, and the first in argument order is
/// rethrown. Lock-free but for the wait. Source of the algorithm: docs/design/fork-stack.md.
template <class F, class G, class... More>
requires(detail::is_branch<F>&& detail::is_branch<G> && (detail::is_branch<More> && ...))
    [[gnu::always_inline]] inline auto fork_join(worker& self, F&& f, G&& g, More&&... more) {
  return detail::fork_all(self, std::forward<F>(f), std::forward<G>(g), std::forward<More>(more)...);
}

/// The same on the worker that this thread is, at the price of asking for it. Outside a pool it blocks, and runs on
/// `default_pool()`; throws std::system_error when that refuses.
template <class F, class G, class... More>
requires(detail::is_branch<F>&& detail::is_branch<G> &&
         (detail::is_branch<More> && ...)) inline auto fork_join(F&& f, G&& g, More&&... more) {
  const auto fork = [&](worker& self) {
    return detail::fork_all(self, std::forward<F>(f), std::forward<G>(g), std::forward<More>(more)...);
  };
  if (worker* const self = detail::worker_here()) return fork(*self);
  return default_pool().run(fork);
}

/// The same, but a branch before whose start a stop was requested is skipped; then it throws std::system_error with
/// `errc::cancelled`. The token is looked at when a branch starts, never by the fork itself.
template <class F, class G, class... More>
requires(detail::is_branch<F>&& detail::is_branch<G> &&
         (detail::is_branch<More> && ...)) inline auto fork_join(worker& self, const stop_token& stop, F&& f, G&& g,
                                                                 More&&... more) {
  return detail::fork_all(self, detail::unless_stopped<F>(stop, f), detail::unless_stopped<G>(stop, g),
                          detail::unless_stopped<More>(stop, more)...);
}
template <class F, class G, class... More>
requires(detail::is_branch<F>&& detail::is_branch<G> &&
         (detail::is_branch<More> && ...)) inline auto fork_join(const stop_token& stop, F&& f, G&& g, More&&... more) {
  return fork_join(detail::unless_stopped<F>(stop, f), detail::unless_stopped<G>(stop, g),
                   detail::unless_stopped<More>(stop, more)...);
}

}  // namespace treadle
