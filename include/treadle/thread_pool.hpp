#pragma once

#include <treadle/batch.hpp>
#include <treadle/config.hpp>
#include <treadle/detail/callable_task.hpp>
#include <treadle/detail/deadline.hpp>
#include <treadle/detail/pool_core.hpp>
#include <treadle/detail/site_word.hpp>
#include <treadle/errc.hpp>
#include <treadle/future.hpp>
#include <treadle/pool_config.hpp>
#include <treadle/pool_stats.hpp>
#include <treadle/shutdown_report.hpp>
#include <treadle/source_site.hpp>
#include <treadle/task.hpp>
#include <treadle/worker.hpp>
#include <treadle/worker_stats.hpp>

#include <chrono>
#include <cstdint>
#include <memory>
#include <system_error>
#include <type_traits>
#include <utility>

namespace treadle {

/// A work-stealing pool of threads. `constinit` makes one that costs nothing until its first task: then, and only as
/// far as there is work, threads start; with no work they sleep, and after `retire_after` they end.
///
/// What one thread schedules starts in that order on a pool of one worker; with more workers order is not promised.
/// All members may be called from any thread unless they say otherwise. The pool must outlive every call on it; a
/// task's own effects may let it be destroyed while the `schedule` that queued the task is still returning.
class TREADLE_EXPORT thread_pool {
 public:
  /// The most threads that a pool can have, spares included.
  static constexpr std::uint32_t max_workers = detail::pool_core::max_workers;

  /// Starts nothing, allocates nothing, checks nothing.
  constexpr explicit thread_pool(const pool_config& config = {}) noexcept : core_(config, this) {}
  thread_pool(const thread_pool&) = delete;
  thread_pool& operator=(const thread_pool&) = delete;
  /// Shuts down as `pool_config::on_destroy` says, and joins. On a worker of the pool itself (exit() in a task): stops
  /// the others at their next task boundary and returns. In a child of fork(): does nothing.
  ~thread_pool();

  /// Checks the configuration and prepares the pool; optional, for the first `schedule` does the same. Starts no
  /// thread.
  /// Returns the fault of the configuration, if any.
  [[nodiscard]] std::error_code start() noexcept { return core_.start(); }

  /// Queues `work`. Neither blocks nor allocates, but for the start of a thread when one is missing.
  /// `work` must stay in place until its callback is called. Returns `errc::shut_down`, `errc::queue_full`,
  /// `errc::inherited_by_fork` or the fault of the configuration; then nothing was queued.
  [[nodiscard]] std::error_code schedule(task& work, source_site site = source_site::current()) noexcept {
    return core_.schedule(&work, detail::site_word::of(site));
  }
  /// Queues all tasks of `work`, in its order: all, and `work` is empty, or none, and it is whole.
  [[nodiscard]] std::error_code schedule(batch& work, source_site site = source_site::current()) noexcept;
  [[nodiscard]] std::error_code schedule(batch&& work, source_site site = source_site::current()) noexcept {
    return schedule(work, site);
  }

  /// Queues a call of `f`, or of `f(worker&)`. Allocates once. Does not touch a refused `f`. What `f` throws goes to
  /// `pool_hooks::unhandled_exception`. Throws std::bad_alloc, or what moving `f` throws.
  template <class F>
  [[nodiscard]] std::error_code post(F&& f, source_site site = source_site::current()) {
    using made = detail::callable_task<std::decay_t<F>>;
    detail::admission admitted(core_);
    if (!admitted.error()) admitted.push(*new made(std::forward<F>(f), site));
    return admitted.error();
  }

  /// Queues a call of `f`, or of `f(worker&)`, and returns its result to come. Allocates once. Throws std::system_error
  /// when refused, with `f` untouched; std::bad_alloc, or what moving `f` throws.
  template <class F>
  [[nodiscard]] auto submit(F&& f, source_site site = source_site::current())
      -> future<detail::result_on_worker<std::decay_t<F>&>> {
    using result = detail::result_on_worker<std::decay_t<F>&>;
    using made = detail::typed_future_state<result, std::decay_t<F>>;
    detail::admission admitted(core_);
    if (admitted.error()) throw std::system_error(admitted.error(), "treadle::thread_pool::submit");
    auto* const state = new made(std::forward<F>(f), site, core_);
    future<result> handle(state);
    admitted.push(*state);
    return handle;
  }

  /// Runs `f`, or `f(worker&)`, on the pool and returns what it returns; rethrows what it throws. On a worker of this
  /// pool it runs in place. Outside it blocks; throws std::system_error when refused.
  template <class F>
  auto run(F&& f, source_site site = source_site::current()) -> detail::result_on_worker<F> {
    if (core_.is_inside()) return detail::call_on_worker(std::forward<F>(f));
    return submit([&f]() -> decltype(auto) { return detail::call_on_worker(std::forward<F>(f)); }, site).get();
  }

  /// Waits until, at some instant after this call began, nothing was queued and nothing ran. With no worker at all it
  /// runs the work here. Returns `errc::would_deadlock` inside a task of the pool.
  [[nodiscard]] std::error_code drain() noexcept { return core_.drain(); }

  /// Ends the pool: outsiders are refused from now on. `drain` runs everything first, and tasks may still schedule;
  /// `cancel` starts nothing more, waits for no task, and gives back what did not run. Either lets go of armed timers,
  /// and ends the sleep of coroutines. Any number of calls; a cancel overtakes a drain.
  shutdown_report shutdown(shutdown_mode mode = shutdown_mode::drain) noexcept {
    return core_.shut_down(mode, detail::no_deadline);
  }
  /// The same, but a drain that is not over in time becomes a cancel.
  template <class Rep, class Period>
  shutdown_report shutdown_for(std::chrono::duration<Rep, Period> timeout,
                               shutdown_mode mode = shutdown_mode::drain) noexcept {
    return core_.shut_down(mode, detail::deadline_after(timeout));
  }
  template <class Clock, class Duration>
  shutdown_report shutdown_until(std::chrono::time_point<Clock, Duration> deadline,
                                 shutdown_mode mode = shutdown_mode::drain) noexcept {
    return core_.shut_down(mode, detail::deadline_at(deadline));
  }

  /// Waits until every thread of the pool has ended, its thread-local destructors included. Shuts down with drain first
  /// if nobody did. Any number of calls. Returns `errc::would_deadlock` inside a task of the pool.
  [[nodiscard]] std::error_code join() noexcept { return core_.join(); }

  /// Returns the pool's counters. Neither blocks nor holds up the workers.
  [[nodiscard]] pool_stats stats() const noexcept { return core_.stats(); }
  /// Returns those of one worker, in the same way; none of a worker that the pool has not had (`pool_stats::workers`).
  /// What callers ran for want of a worker is in the sum only.
  [[nodiscard]] worker_stats stats_of(std::size_t worker) const noexcept {
    return worker < max_workers ? core_.stats_of(static_cast<std::uint32_t>(worker)) : worker_stats{};
  }
  /// Writes to `descriptor` what the pool is at: what each worker runs or waits for and since when, what is queued,
  /// which threads and coroutines wait and for what; lines of text, see docs/guide/stuck.md. Any thread, and a signal
  /// handler too: allocates nothing, and waits for nobody but the reader of `descriptor`. What changes meanwhile may be
  /// shown as it was or is. Returns what `write` failed with; nobody has to look at it.
  std::error_code dump(int descriptor) noexcept { return core_.dump(descriptor); }
  /// Returns how many workers may run at a time. Prepares the pool as `start` does, and is 0 if that fails.
  [[nodiscard]] std::uint32_t worker_limit() noexcept { return core_.worker_limit(); }

  /// For treadle's own parts.
  [[nodiscard]] detail::pool_core& core() noexcept { return core_; }
  [[nodiscard]] const detail::pool_core& core() const noexcept { return core_; }

 private:
  detail::pool_core core_;
};

}  // namespace treadle
