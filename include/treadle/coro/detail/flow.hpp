#pragma once

#include <treadle/batch.hpp>
#include <treadle/config.hpp>
#include <treadle/coro/detail/wakeable.hpp>
#include <treadle/coro/locals.hpp>
#include <treadle/detail/site_word.hpp>

#include <coroutine>
#include <exception>

/// Where the compiler does not promise tail calls, a coroutine does not resume another: it leaves it to `flow::drive`.
/// GCC makes them from -O2 on, and without sanitizers, and does not say which it is (docs/adr/0008-trampoline.md).
#if defined(__clang__)
#define TREADLE_CORO_TRAMPOLINE 0
#else
#define TREADLE_CORO_TRAMPOLINE 1
#endif

namespace treadle::detail {
class admission;
}

namespace treadle::coro::detail {

class flow;

using treadle::detail::wait_kind;

/// One line of control: the chain of coroutines that await each other, of which the innermost runs or is suspended. So
/// one intrusive task is enough to resume it, whatever it waits for. It runs on one thread at a time, belongs to a
/// pool, and ends with its outermost coroutine.
class TREADLE_EXPORT flow : public wakeable {
 public:
  /// Called when the outermost coroutine has ended, suspended for good. Returns whom to resume on this thread, or a
  /// noop coroutine. May free the flow.
  using end_type = std::coroutine_handle<> (*)(flow&) noexcept;

  flow(treadle::detail::pool_core* runs_on, end_type at_end, treadle::detail::site_word made_at) noexcept;

  /// Names the outermost coroutine, which has not started, and where its exception goes.
  void set_root(std::coroutine_handle<> outermost, std::exception_ptr& error) noexcept {
    resume_at_ = outermost;
    unstarted_error_ = &error;
  }

  /// Resumes the innermost coroutine, and whoever that hands control to, until all are suspended.
  void drive() noexcept;

  /// Starts `made`, which was admitted: next on this worker, if a coroutine does so.
  static void start(flow& made, treadle::detail::admission& admitted) noexcept;
  /// Starts `flows`, all of `pool`, as one batch.
  static void start_all(treadle::detail::pool_core& pool, batch& flows) noexcept;

  /// The coroutine that calls it gives control to another one of this flow.
  std::coroutine_handle<> transfer(std::coroutine_handle<> to) noexcept {
#if TREADLE_CORO_TRAMPOLINE
    *slot_ = to;
    return std::noop_coroutine();
#else
    return to;
#endif
  }
  /// This flow is over; gives its thread to `to`, which is suspended and whose wake-up the caller owns. May go through
  /// the queue.
  std::coroutine_handle<> hand_over(flow& to) noexcept;

  void suspend_at(std::coroutine_handle<> innermost) noexcept { resume_at_ = innermost; }
  [[nodiscard]] std::coroutine_handle<> end() noexcept { return end_(*this); }
  [[nodiscard]] task_locals& locals() noexcept { return locals_; }
  void set_locals(const task_locals& inherited) noexcept { locals_ = inherited; }

 private:
  static void run_queued(internal_task* queued) noexcept;
  static bool cancel_queued(internal_task* queued) noexcept;
  static void abandon(flow& refused) noexcept;
  void unwind() noexcept;

  static constexpr operations ops{&run_queued, &cancel_queued};

  std::coroutine_handle<> resume_at_;
  std::coroutine_handle<>* slot_ = nullptr;  ///< where `drive` looks for whom to resume next
  end_type end_;
  std::exception_ptr* unstarted_error_ = nullptr;  ///< null once it has started
  task_locals locals_;
};

/// Returns the flow whose coroutine runs on this thread, or null. Out of line: see this_worker.hpp.
[[nodiscard]] TREADLE_EXPORT flow* current_flow() noexcept;

/// Throws std::system_error with `errc::cancelled`.
[[noreturn]] TREADLE_EXPORT void throw_cancelled();
[[nodiscard]] TREADLE_EXPORT std::exception_ptr cancelled_error() noexcept;
/// Says whether an exception is such a one.
[[nodiscard]] TREADLE_EXPORT bool says_cancelled(const std::exception_ptr& error) noexcept;

}  // namespace treadle::coro::detail
