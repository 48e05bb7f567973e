#pragma once

#include <treadle/config.hpp>
#include <treadle/detail/deadline.hpp>
#include <treadle/detail/system_policy.hpp>
#include <treadle/detail/timer_wheel.hpp>
#include <treadle/task.hpp>
#include <treadle/thread_pool.hpp>

#include <chrono>
#include <cstdint>
#include <system_error>

namespace treadle {

/// Calls a function on a worker of a pool at a point in time: never early, and while a worker is idle less than a
/// millisecond late. Intrusive: derive from it, add your fields. Nothing runs, and nobody wakes up, before its time.
///
/// A timer is at rest, or armed, or expired: then its callback is about to be called on some worker, and it is at rest
/// again when that begins. So the callback may arm it again or free it. What arms again inside its callback and then
/// goes on computing should call `checkpoint()`: until then nobody else may know of the new time.
/// The pool must outlive it. A pool that is shut down lets go of its armed timers: they are at rest, are never called,
/// and stand in `shutdown_report::not_run`.
class TREADLE_EXPORT timer : public task {
 public:
  using expiry_type = void (*)(timer&) noexcept;

  /// Makes a timer at rest. Starts nothing.
  timer(thread_pool& pool, expiry_type on_expiry) noexcept;
  timer(const timer&) = delete;
  timer& operator=(const timer&) = delete;
  /// Aborts if the timer is armed: cancel it first. Every `cancel` must have returned.
  ~timer();

  /// Arms a timer that is at rest, to expire when `after` has passed. One thread at a time, any thread; does not block.
  /// The first one in a pool allocates; besides, a thread is started if there is none to keep the time. Returns
  /// `errc::shut_down`, `errc::inherited_by_fork`, `errc::out_of_memory` or the fault of the pool's configuration; then
  /// the timer is at rest.
  template <class Rep, class Period>
  [[nodiscard]] std::error_code arm(std::chrono::duration<Rep, Period> after) noexcept {
    return arm_at_ns(detail::deadline_after(after));
  }
  /// The same for a point in time; one that has passed is at once.
  template <class Clock, class Duration>
  [[nodiscard]] std::error_code arm(std::chrono::time_point<Clock, Duration> at) noexcept {
    return arm_at_ns(detail::deadline_at(at));
  }

  /// Moves an armed timer to another time without bringing it to rest: what pushes a time limit on with each sign of
  /// life pays for little more than a look at the clock. Returns false, and does nothing, if the timer is at rest or
  /// has expired, or its pool is being shut down. Any thread; does not block.
  template <class Rep, class Period>
  [[nodiscard]] bool rearm(std::chrono::duration<Rep, Period> after) noexcept {
    return rearm_at_ns(detail::deadline_after(after));
  }
  template <class Clock, class Duration>
  [[nodiscard]] bool rearm(std::chrono::time_point<Clock, Duration> at) noexcept {
    return rearm_at_ns(detail::deadline_at(at));
  }

  /// Brings an armed timer to rest; it may be armed anew. Returns whether this call did: false if the timer was at
  /// rest, or has expired, and then its callback is called, or has been. Any thread; does not block.
  bool cancel() noexcept;

  /// Says whether the timer is armed. A snapshot for any thread.
  [[nodiscard]] bool is_armed() const noexcept { return node_.home.load(std::memory_order_relaxed) != nullptr; }
  [[nodiscard]] thread_pool& pool() const noexcept { return *pool_; }

 private:
  static void run(task* expired) noexcept;
  [[nodiscard]] std::error_code arm_at_ns(std::int64_t deadline_ns) noexcept;
  [[nodiscard]] bool rearm_at_ns(std::int64_t deadline_ns) noexcept;

  detail::timer_node<detail::system_policy> node_;
  thread_pool* pool_;
  expiry_type on_expiry_;
};

}  // namespace treadle
