#pragma once

#include <treadle/config.hpp>
#include <treadle/thread_pool.hpp>

#include <chrono>
#include <iosfwd>
#include <system_error>

namespace treadle::obs {

/// Writes what the pool's flight recorder has, or the last `last` of it, as a trace-event file: ui.perfetto.dev,
/// chrome://tracing and `treadle report` open it. Any thread, a task too, but no signal handler (`trace_on_signal` is
/// for that); the workers go on meanwhile. The pool must live until it returns. Takes the time that the text takes,
/// and in the first milliseconds of a pool a few more, to compare the clocks. What was overwritten is not in it;
/// docs/design/flight-recorder.md says how exact the rest is. Returns what the write failed with, or
/// `errc::inherited_by_fork`. Throws std::bad_alloc.
[[nodiscard]] TREADLE_EXPORT std::error_code write_trace(
    thread_pool& pool, int descriptor, std::chrono::nanoseconds last = std::chrono::nanoseconds::max());
/// The same into a stream, whose state tells of failures.
TREADLE_EXPORT void write_trace(thread_pool& pool, std::ostream& into,
                                std::chrono::nanoseconds last = std::chrono::nanoseconds::max());

}  // namespace treadle::obs
