#pragma once

#include <treadle/config.hpp>

#include <cstddef>

namespace treadle {

/// Shows other workers what this one keeps to itself, its private forks, and wakes one of them if there is work that it
/// could take. Runs nothing. Call it inside a long computation that neither forks nor returns, as often as others may
/// have to wait; on any thread, outside a pool it does nothing. Does not block or allocate, but for the start of a
/// thread when one is missing.
TREADLE_EXPORT void checkpoint() noexcept;

/// Does what `checkpoint` does, then runs what is ready here: this worker's own tasks, timers that have expired, and
/// tasks from outside, 61 at most. They run on the caller's stack: it must hold no lock that they might want. Returns
/// how many ran; 0 outside a pool.
TREADLE_EXPORT std::size_t run_ready() noexcept;

}  // namespace treadle
