#pragma once

#include "../os/probes.hpp"

#include <treadle/detail/internal_task.hpp>
#include <treadle/detail/pool_core.hpp>
#include <treadle/detail/sign_board.hpp>
#include <treadle/detail/site_word.hpp>
#include <treadle/worker.hpp>

namespace treadle::detail {

class future_state;
class scope_core;

/// A child of a scope on a thread's stack.
struct scope_frame {
  const scope_core* scope;
  scope_frame* below;
};

/// A stolen branch on a thread's stack.
struct branch_frame {
  const void* branch;
  const branch_frame* below;
};

/// What the current thread is to treadle.
struct thread_context {
  pool_core* pool = nullptr;            ///< whose task it runs, or null
  pool_core::record* record = nullptr;  ///< its worker's record; null while a caller stands in for one
  worker* self = nullptr;
  future_state* innermost = nullptr;       ///< the innermost awaited task on this thread's stack
  scope_frame* innermost_child = nullptr;  ///< the innermost child of a scope there
  const branch_frame* innermost_branch = nullptr;
  bool in_timer = false;  ///< it runs a timer's callback
  note_pace outside{32};  ///< of what it queues from outside, how much is noted
};

/// Returns the calling thread's context. Never inlined: code that moves between threads must look it up each time.
[[nodiscard]] thread_context& context() noexcept;

/// Returns a point in time that is not later than now: on a worker the one at which it last looked at the clock. Not to
/// be inlined, as `context`.
[[nodiscard]] TREADLE_NEVER_INLINE std::int64_t last_known_ns() noexcept;

/// Returns where a task was scheduled, or its callback if it has nothing else. The task must exist.
[[nodiscard]] inline site_word site_of(const task& known) noexcept {
  if (known.callback == &run_internal) return static_cast<const internal_task&>(known).site;
  return site_word::of_function(known.callback);
}

/// Shows that a thread waits which is no worker of a pool, for as long as the object lives.
class thread_wait {
 public:
  thread_wait(const pool_core& of, wait_kind why, site_word what) noexcept;
  ~thread_wait();
  thread_wait(const thread_wait&) = delete;
  thread_wait& operator=(const thread_wait&) = delete;

 private:
  wait_sign* const sign_;
};

/// A wait of a worker's for what another runs, and what of its own stack is not over before: a watchdog finds out by it
/// who waits for each other.
struct wait_link {
  const void* awaited;  ///< a future's task, a scope, a branch
  wait_kind kind;
  site_word what;  ///< where that was scheduled, if it was
  // The innermost of each kind on the waiter's stack, which live as long as this is shown.
  const future_state* tasks;
  const scope_frame* children;
  const branch_frame* branches;
  const wait_link* below;  ///< the wait in the midst of which this one is
};

/// Shows a wait of a worker's, for as long as the object lives. Blocks for a moment while a watchdog looks. Nothing for
/// a thread that is no worker, nor in a child of fork(), where the lock may be another's for ever.
class shown_link {
 public:
  shown_link(pool_core::record* waiter, const void* awaited, wait_kind kind, site_word what) noexcept;
  ~shown_link();
  shown_link(const shown_link&) = delete;
  shown_link& operator=(const shown_link&) = delete;

 private:
  pool_record* waiter_ = nullptr;
  wait_link link_{};
};

/// Calls `tell(hooks)` if a profiler is to be told of what the worker does.
template <class Tell>
void tell_profiler(const pool_core::record& worker, Tell&& tell) noexcept {
  const profiler_hooks* const told = static_cast<const pool_record&>(worker).profiler;
  if (told != nullptr) [[unlikely]]
    tell(*told);
}
/// Tells it that a task begins or ends.
void tell_task_begins(const pool_core::record& worker, const void* task, site_word site) noexcept;
void tell_task_ends(const pool_core::record& worker) noexcept;

/// Shows on a worker which task it runs in place, in the middle of another, for as long as the object lives.
class shown_in_place {
 public:
  shown_in_place(pool_core::record* worker, const internal_task& which) noexcept
      : worker_(static_cast<pool_record*>(worker)) {
    if (worker_ == nullptr) return;
    before_ = worker_->face.runs.load(std::memory_order_relaxed);
    worker_->face.runs.store(which.site.word(), std::memory_order_relaxed);
    os::probe::enter(worker_->index, &which, which.site.word());
    worker_->flight.note({flight_kind::enter, &which}, which.site.word());
    tell_task_begins(*worker_, &which, which.site);
  }
  ~shown_in_place() {
    if (worker_ == nullptr) return;
    tell_task_ends(*worker_);
    os::probe::leave(worker_->index);
    worker_->flight.note({flight_kind::leave, nullptr}, 0);
    worker_->face.runs.store(before_, std::memory_order_relaxed);
  }
  shown_in_place(const shown_in_place&) = delete;
  shown_in_place& operator=(const shown_in_place&) = delete;

 private:
  pool_record* const worker_;
  std::uint64_t before_ = 0;
};

}  // namespace treadle::detail
