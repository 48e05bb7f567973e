#pragma once

namespace treadle::detail {

class pool_core;

/// Says whether the environment asks for a trace of each pool that starts now: TREADLE_TRACE names the file. A program
/// with more rights than its user does not hear it.
[[nodiscard]] bool is_traced() noexcept;

/// Notes a pool that has started: its trace is written when the process exits or a signal ends it. What cannot be
/// written is a line on the standard error.
void begin_process_trace(pool_core& started) noexcept;
/// Writes the trace of a pool that ends, and forgets it. The pool's records are still there.
void end_process_trace(pool_core& ended) noexcept;

}  // namespace treadle::detail
