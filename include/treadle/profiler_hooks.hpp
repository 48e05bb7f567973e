#pragma once

#include <treadle/source_site.hpp>

#include <cstddef>

namespace treadle {

/// Calls of the pool into a profiler, for each worker's threads, tasks, sleeps and waits. Any may be unset; with all
/// unset a task costs one branch more. Each is called on the worker's own thread, with `context`, and with the worker's
/// number, which no other thread has meanwhile; it must not call the pool, and delays it by as long as it takes.
///
/// Begins and ends pair up, and nest as brackets do: all of a worker's between `thread_begin` and `thread_end`; no task
/// is in hand between `park` and `unpark`; `blocking_begin` and `blocking_end` lie within a task. A task that is run in
/// the middle of another, because that waits for it or has called `run_ready`, begins and ends within it. A coroutine
/// is a task each time that it is resumed. What has no pair: a task that ends the process, and what a child of fork()
/// finishes of the task that called it. What a thread outside runs itself, for want of any worker, is not told.
///
/// The pool keeps a copy; what `context` points to outlives the pool, or its `join`.
struct profiler_hooks {
  /// What begins. Valid during the call, but for the text, which the program has for good.
  struct task_info {
    source_site site;  ///< what scheduled it; "<scope>" and the like, without a line, of treadle's own; else no file
    const void* function = nullptr;  ///< of an intrusive task that knows nothing else: its callback
    const void* task = nullptr;      ///< an address that comes again, with the next task
  };

  void* context = nullptr;
  void (*thread_begin)(void* context, std::size_t worker) noexcept = nullptr;  ///< after `pool_hooks::worker_start`
  void (*thread_end)(void* context, std::size_t worker) noexcept = nullptr;    ///< before `pool_hooks::worker_stop`
  void (*task_begin)(void* context, std::size_t worker, const task_info& task) noexcept = nullptr;
  void (*task_end)(void* context, std::size_t worker) noexcept = nullptr;  ///< the task may be gone
  void (*park)(void* context, std::size_t worker) noexcept = nullptr;      ///< it goes to sleep
  void (*unpark)(void* context, std::size_t worker) noexcept = nullptr;    ///< it is up again
  /// `kind`: as in a dump, static. The outermost wait of the task, as far as it takes a sleep.
  void (*blocking_begin)(void* context, std::size_t worker, const char* kind) noexcept = nullptr;
  void (*blocking_end)(void* context, std::size_t worker) noexcept = nullptr;

  /// Says whether any of them is set.
  [[nodiscard]] constexpr bool any() const noexcept {
    return thread_begin != nullptr || thread_end != nullptr || task_begin != nullptr || task_end != nullptr ||
           park != nullptr || unpark != nullptr || blocking_begin != nullptr || blocking_end != nullptr;
  }
};

}  // namespace treadle
