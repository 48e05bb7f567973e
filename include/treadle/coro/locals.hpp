#pragma once

#include <treadle/config.hpp>

#include <chrono>
#include <cstdint>

namespace treadle::coro {

/// What a flow of coroutines carries along. Whatever it awaits shares it; what it spawns, and each branch of a
/// `when_all` or `when_any`, starts with a copy. Stealing changes nothing: it belongs to the flow, not to a thread.
struct task_locals {
  std::uint64_t trace_id = 0;
  /// When what runs here has to be over: `with_timeout` sets it, and stops it then. For operations to look at.
  std::chrono::steady_clock::time_point deadline = std::chrono::steady_clock::time_point::max();
};

namespace this_coro {

/// Returns the locals of the coroutine that runs on this thread; valid until it suspends. Outside of coroutines,
/// those of the thread. Neither blocks nor allocates.
[[nodiscard]] TREADLE_EXPORT task_locals& locals() noexcept;

/// Says whether the coroutine that runs on this thread was asked to stop. False outside of coroutines.
[[nodiscard]] TREADLE_EXPORT bool stop_requested() noexcept;

}  // namespace this_coro

}  // namespace treadle::coro
