#pragma once

#include <treadle/config.hpp>
#include <treadle/worker.hpp>

#include <exception>
#include <type_traits>
#include <utility>

namespace treadle::detail {

/// Returns the worker that this thread is, or stands in for. Only inside a task of some pool.
[[nodiscard]] TREADLE_EXPORT worker& current_worker() noexcept;

/// Returns the same, or null outside.
[[nodiscard]] TREADLE_EXPORT worker* worker_here() noexcept;

/// Hands an exception that nobody waits for to the hook of the pool that runs the current task.
TREADLE_EXPORT void report_unhandled(const std::exception_ptr& error) noexcept;

template <class F>
inline constexpr bool takes_worker = std::is_invocable_v<F, worker&>;

/// Calls `f(worker&)` if it takes one, else `f()`.
template <class F>
decltype(auto) call_on_worker(F&& f) {
  if constexpr (takes_worker<F>) {
    return std::forward<F>(f)(current_worker());
  } else {
    return std::forward<F>(f)();
  }
}

template <class F>
using result_on_worker = decltype(call_on_worker(std::declval<F>()));

}  // namespace treadle::detail
