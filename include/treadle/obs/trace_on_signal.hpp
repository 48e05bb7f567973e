#pragma once

#include <treadle/config.hpp>
#include <treadle/thread_pool.hpp>

#include <chrono>
#include <cstdint>
#include <memory>
#include <string>

namespace treadle::obs {

/// Has a trace of the pool written whenever the process gets a signal, for as long as the object lives: SIGUSR1 on
/// demand, SIGABRT for the last seconds of a program that fails. A thread of its own writes; the handler only asks for
/// it. With a signal that ends the process (SIGABRT, SIGSEGV, SIGBUS, SIGFPE, SIGILL; SIGTERM, SIGINT, SIGHUP) the
/// handler waits for the trace, five seconds at most, and then lets what was set up before have the signal.
/// Each trace replaces `file` as a whole; one that cannot be written is a line on the standard error. The pool must
/// outlive the object. One object a signal; any thread makes and destroys it, but not while `fork` is called elsewhere.
class TREADLE_EXPORT trace_on_signal {
 public:
  /// Throws std::system_error if the signal has such an object already or cannot be had, or a thread is refused;
  /// std::bad_alloc.
  trace_on_signal(thread_pool& pool, int signal, std::string file,
                  std::chrono::nanoseconds last = std::chrono::nanoseconds::max());
  /// Waits for a trace that is being written, and sets the signal up as it was before.
  ~trace_on_signal();
  trace_on_signal(const trace_on_signal&) = delete;
  trace_on_signal& operator=(const trace_on_signal&) = delete;

  /// Returns how many traces were written. Any thread.
  [[nodiscard]] std::uint64_t written() const noexcept;

 private:
  class scribe;
  std::unique_ptr<scribe> scribe_;
};

}  // namespace treadle::obs
