#pragma once

#include <cstdint>

namespace treadle {

/// Counts of a pool since its start, summed over its workers, which only grow; then what its threads do now. Together
/// they are no single instant.
struct pool_stats {
  std::uint64_t tasks_run = 0;
  std::uint64_t steals = 0;  ///< times that a worker took from another
  std::uint64_t tasks_stolen = 0;
  std::uint64_t failed_steals = 0;     ///< rounds over all victims without a find
  std::uint64_t steal_retries = 0;     ///< compare-exchanges lost while stealing
  std::uint64_t parks = 0;             ///< times that a worker ran out of work
  std::uint64_t wakes = 0;             ///< times that one was woken out of its sleep
  std::uint64_t spins = 0;             ///< times that spinning found work before a park
  std::uint64_t tasks_overflowed = 0;  ///< tasks that did not fit the worker's ring
  std::uint64_t blocking_sections = 0;
  std::uint64_t forks_stolen = 0;  ///< branches of a fork_join that another worker than the forking one has run
  std::uint64_t threads_started = 0;
  std::uint64_t thread_start_failures = 0;
  std::uint32_t threads = 0;  ///< threads that exist now
  std::uint32_t active = 0;   ///< of those, running or looking for work
  std::uint32_t parked = 0;
  std::uint32_t blocked = 0;
};

}  // namespace treadle
