#pragma once

#include <treadle/batch.hpp>

#include <cstdint>
#include <system_error>

namespace treadle {

/// What became of a pool's tasks. Every accepted task is in exactly one of the four counts.
struct shutdown_report {
  /// Tasks that ran to their end, over the pool's life; one that a waiting thread runs in place, from its start.
  std::uint64_t ran = 0;
  std::uint64_t cancelled = 0;      ///< tasks that the pool had made (post, submit, run, strand) and ended by this call
  batch not_run;                    ///< the user's own tasks that never ran, given back by this call
  std::uint64_t still_running = 0;  ///< tasks that run on; `join()` waits for them
  std::error_code error;            ///< `errc::would_deadlock` on a worker of the pool; then nothing was done
};

}  // namespace treadle
