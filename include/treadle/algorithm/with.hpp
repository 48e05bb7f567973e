#pragma once

#include <treadle/stop_token.hpp>
#include <treadle/thread_pool.hpp>
#include <treadle/worker.hpp>

#include <concepts>
#include <cstddef>
#include <type_traits>
#include <utility>

namespace treadle {

/// How many indices of a loop run in a row at least. Without it a loop finds out by itself, by the clock.
struct grain {
  std::size_t indices = 0;
};

namespace detail {

/// What a loop's caller has said about it.
struct loop_terms {
  std::size_t grain = 0;
  const stop_token* stop = nullptr;

  void take(treadle::grain least) noexcept { grain = least.indices; }
  void take(const stop_token& token) noexcept { stop = &token; }
};

/// A pool or a worker, and the terms for a loop there: what `with` returns.
template <class Where>
struct loop_place {
  Where& where;
  loop_terms terms;
};

template <class T>
inline constexpr bool is_loop_place = false;
template <class Where>
inline constexpr bool is_loop_place<loop_place<Where>> = true;

template <class T>
concept pool_or_worker = std::derived_from<T, thread_pool> || std::same_as<T, worker>;

/// Where an algorithm may run: its first argument.
template <class T>
concept place = pool_or_worker<std::remove_reference_t<T>> || is_loop_place<std::remove_cvref_t<T>>;

template <class T>
concept loop_term = std::same_as<T, grain> || std::same_as<T, stop_token>;

/// Calls `loop(worker&, terms)`: right here on a worker, or on one of the pool's, in place if this thread is one.
template <class Loop>
auto enter(worker& self, const loop_terms& terms, Loop&& loop) {
  return loop(self, terms);
}
template <class Loop>
auto enter(thread_pool& pool, const loop_terms& terms, Loop&& loop) {
  return pool.run([&](worker& self) { return loop(self, terms); });
}
template <place Where, class Loop>
auto enter(Where&& where, Loop&& loop) {
  if constexpr (is_loop_place<std::remove_cvref_t<Where>>) {
    return enter(where.where, where.terms, loop);
  } else {
    return enter(where, loop_terms{}, loop);
  }
}

}  // namespace detail

/// Returns a first argument for an algorithm that says how to run there: `with(pool, grain{64}, stop)`. The place and
/// the stop token are referred to, and must outlive the algorithm's call. Any thread; does nothing else.
template <detail::pool_or_worker Where, detail::loop_term... Terms>
[[nodiscard]] detail::loop_place<Where> with(Where& where, const Terms&... terms) noexcept {
  detail::loop_place<Where> made{where, {}};
  (made.terms.take(terms), ...);
  return made;
}

}  // namespace treadle
