#pragma once

#include <cstdint>

namespace treadle {

/// Counts of one worker, or of all of a pool's, since the pool's start; each only grows. What forks cost nothing to
/// count is counted: one that nobody else could have taken is in none of these.
struct worker_stats {
  std::uint64_t tasks_run = 0;
  std::uint64_t steals = 0;  ///< times that a worker took tasks from another
  std::uint64_t tasks_stolen = 0;
  std::uint64_t failed_steals = 0;     ///< rounds over all victims without a find
  std::uint64_t steal_retries = 0;     ///< compare-exchanges lost while stealing
  std::uint64_t parks = 0;             ///< times that a worker ran out of work
  std::uint64_t wakes = 0;             ///< times that one was woken out of its sleep
  std::uint64_t spins = 0;             ///< times that spinning found work before a park
  std::uint64_t tasks_overflowed = 0;  ///< tasks that did not fit the worker's ring
  std::uint64_t blocking_sections = 0;
  std::uint64_t forks_exposed = 0;   ///< branches of a fork_join that others could take
  std::uint64_t forks_stolen = 0;    ///< of those, branches that another worker than the forking one has run
  std::uint64_t timers_expired = 0;  ///< timers whose tasks the worker has brought
  std::uint64_t io_ticks = 0;        ///< looks of the worker into the pool's driver, with a sleep or without
  std::uint64_t io_completions = 0;  ///< operations and coroutines that it found ready there
};

}  // namespace treadle
