#pragma once

#include <treadle/worker_stats.hpp>

#include <cstdint>

namespace treadle {

/// The counts of a pool, summed over its workers, which only grow; then what its threads and queues are at now.
/// Together they are no single instant.
struct pool_stats : worker_stats {
  std::uint64_t threads_started = 0;
  std::uint64_t thread_start_failures = 0;
  std::uint32_t workers = 0;  ///< that there ever were at a time: those that `thread_pool::stats_of` knows
  std::uint32_t threads = 0;  ///< threads that exist now
  std::uint32_t active = 0;   ///< of those, running or looking for work
  std::uint32_t parked = 0;
  std::uint32_t blocked = 0;
  std::uint64_t queued_in_rings = 0;     ///< tasks in the workers' rings now
  std::uint64_t queued_in_overflow = 0;  ///< tasks behind the workers' rings now
  bool queued_outside = false;           ///< whether tasks from outside are queued now
};

}  // namespace treadle
