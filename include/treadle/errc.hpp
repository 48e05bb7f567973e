#pragma once

#include <treadle/config.hpp>

#include <system_error>

namespace treadle {

/// What a call of treadle can report. Converts to `std::error_code`.
enum class errc {
  shut_down = 1,        ///< the pool no longer accepts this caller's work
  queue_full,           ///< `pool_config::max_queued` is reached
  would_deadlock,       ///< the call would wait for itself
  cancelled,            ///< the work was cancelled before it ran
  inherited_by_fork,    ///< the pool was started before fork(); make a new one in the child
  bad_stack_size,       ///< `stack_bytes` is below the platform's minimum or above its limit
  too_many_threads,     ///< `max_threads` plus `max_spare_threads` is above `thread_pool::max_workers`
  bad_cpu,              ///< `pin` names a CPU that this process may not use
  bad_name,             ///< `name` is longer than 15 bytes
  out_of_memory,        ///< no memory for the pool's own tables
  graph_cycle,          ///< steps of a graph wait for each other in a circle without a branch
  graph_has_no_source,  ///< each step of a graph has a predecessor: none could be the first
  graph_is_running,     ///< a graph runs once at a time, and is not changed meanwhile
  foreign_node,         ///< the node is another graph's
  timed_out,            ///< the time for it has passed
};

/// Returns the category of `errc`. Any thread; neither blocks nor allocates.
TREADLE_EXPORT const std::error_category& error_category() noexcept;

/// Makes the `std::error_code` of `code`. Any thread; neither blocks nor allocates.
inline std::error_code make_error_code(errc code) noexcept { return {static_cast<int>(code), error_category()}; }

}  // namespace treadle

template <>
struct std::is_error_code_enum<treadle::errc> : std::true_type {};
