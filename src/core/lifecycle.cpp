#include "../os/os.hpp"
#include "at_end.hpp"
#include "context.hpp"

#include <treadle/detail/pool_core.hpp>
#include <treadle/detail/sweep.hpp>
#include <treadle/thread_pool.hpp>

#include <utility>

namespace treadle::detail {

namespace {

constexpr std::int64_t short_nap_ns = 50'000;

}  // namespace

// ---- running dry --------------------------------------------------------------------------------------------------

void pool_core::run_on_caller() noexcept {
  while (!has_worker() && sync().look_acquire().total() == 0) {
    task* const taken = take_for_caller();
    if (taken == nullptr && bring_for_caller()) continue;
    if (taken == nullptr) return;
    stand_in(
        [](void* argument) noexcept {
          auto* const started = static_cast<task*>(argument);
          started->next.store(nullptr, std::memory_order_relaxed);
          started->callback(started);
        },
        taken);
    leave_stand_in(stand_in_kind::taker);
    count_ran_aside();
  }
}

bool pool_core::is_stranded() const noexcept {
  return !has_worker() && sync().look_acquire().total() == 0 &&
         (anything_queued() || next_due_ns() != never || has_sources());
}

std::error_code pool_core::drain() noexcept {
  if (is_inherited()) return errc::inherited_by_fork;
  if (is_inside()) return errc::would_deadlock;
  const thread_wait shown(*this, wait_kind::quiet, {});
  for (;;) {
    run_on_caller();
    sync_state seen;
    if (is_quiet(seen)) return {};
    wait_until_maybe_quiet(no_deadline);
  }
}

bool pool_core::drain_until(std::int64_t deadline_ns) noexcept {
  for (;;) {
    run_on_caller();
    if (sync().look().life() >= lifecycle::cancelling) return true;
    sync_state seen;
    if (is_quiet(seen) && seen.life() == lifecycle::draining && sync().stop_if_unchanged(seen)) {
      stop_parked();
      tell_quiet();
      return true;
    }
    if (monotonic_ns() >= deadline_ns) return false;
    wait_until_maybe_quiet(deadline_ns);
  }
}

// ---- the end ------------------------------------------------------------------------------------------------------

void pool_core::close_to_outsiders() noexcept {
  injected().close();
  // Those who were admitted before finish their pushes: a few instructions, or the start of a thread.
  while (!gate_is_empty()) sleep_thread(short_nap_ns);
}

std::uint64_t pool_core::end_timers(batch* not_run) noexcept {
  batch made_by_pool;
  close_wheels([&](timer_node<system_policy>& armed) {
    auto* const awaiting = static_cast<task*>(armed.work);
    if (awaiting->callback == &run_internal) {
      made_by_pool.push(*awaiting);
    } else if (not_run != nullptr) {
      not_run->push(*awaiting);
    }
  });
  if (made_by_pool.empty()) return 0;
  task* last = nullptr;
  for (task& each : made_by_pool) last = &each;
  if (!readmit(&*made_by_pool.begin(), last, made_by_pool.size())) return cancel_made(made_by_pool);
  made_by_pool.clear();
  return 0;
}

std::uint64_t pool_core::cancel_made(batch& made_by_pool) noexcept {
  std::uint64_t cancelled = 0;
  while (task* const ended = made_by_pool.pop()) {
    auto* const made = static_cast<internal_task*>(ended);
    if (made->operations_of->cancel(made)) {
      ++cancelled;
    } else {
      count_ran_aside();
    }
  }
  return cancelled;
}

void pool_core::cancel_all(shutdown_report& report) noexcept {
  sync().advance(lifecycle::cancelling);
  batch made_by_pool;
  lock_lifecycle();
  stop_parked();
  sweep<system_policy>(*this, [&](task* swept) {
    swept->next.store(nullptr, std::memory_order_relaxed);  // queued no more
    (swept->callback == &run_internal ? made_by_pool : report.not_run).push(*swept);
  });
  unlock_lifecycle();
  report.cancelled += cancel_made(made_by_pool);  // outside the lock: what is destroyed here is the user's
  tell_quiet();
}

void pool_core::count_report(shutdown_report& report) const noexcept {
  report.ran = ran_aside_.load(std::memory_order_relaxed);
  for (std::uint32_t i = 0; i < workers().count(); ++i) {
    const record* const worker = workers().at(i);
    if (worker == nullptr) continue;
    std::uint64_t ended = 0;
    report.still_running += worker->count_running(ended);
    report.ran += ended;
  }
  report.still_running += takers_standing_in();
}

shutdown_report pool_core::shut_down(shutdown_mode mode, std::int64_t deadline_ns) noexcept {
  shutdown_report report;
  if (is_inherited()) {
    report.error = errc::inherited_by_fork;
  } else if (is_inside()) {
    report.error = errc::would_deadlock;
  }
  if (report.error) return report;
  close_to_outsiders();
  if (start_state_.load(std::memory_order_acquire) != start_state::started) {  // E-START
    sync().advance(lifecycle::stopped);
    return report;
  }
  sync().advance(mode == shutdown_mode::drain ? lifecycle::draining : lifecycle::cancelling);
  report.cancelled += end_timers(&report.not_run);
  if (driver() != nullptr) driver()->close(deadline_ns);
  if (mode == shutdown_mode::cancel || !drain_until(deadline_ns)) cancel_all(report);
  count_report(report);
  return report;
}

void pool_core::wait_for_threads() noexcept {
  // Every thread counts from before it is started until it takes its leave of the sync word.
  while (sync().look_acquire().total() != 0) {
    if (!wait_until_maybe_quiet(monotonic_ns() + 10'000'000)) continue;
    sleep_thread(short_nap_ns);
  }
}

std::error_code pool_core::join() noexcept {
  if (is_inherited()) return errc::inherited_by_fork;
  if (is_inside()) return errc::would_deadlock;
  close_to_outsiders();
  sync().advance(lifecycle::draining);
  if (start_state_.load(std::memory_order_acquire) != start_state::started) {  // E-START
    sync().advance(lifecycle::stopped);
    return {};
  }
  static_cast<void>(end_timers(nullptr));
  if (driver() != nullptr) driver()->close(no_deadline);
  while (!drain_until(no_deadline)) {
  }
  wait_for_threads();
  lock_lifecycle();
  // A thread that retired meanwhile may still be joining others: until all records are free.
  while (!join_left()) sleep_thread(short_nap_ns);
  void* ended = ended_threads_.exchange(nullptr, std::memory_order_acquire);  // E-ENDED
  while (ended != nullptr) os::join_thread(std::exchange(ended, os::next_thread(ended)));
  unlock_lifecycle();
  while (anybody_stands_in() || !gate_is_empty()) sleep_thread(short_nap_ns);
  return {};
}

void pool_core::destroy_on_own_worker() noexcept {
  injected().close();
  sync().advance(lifecycle::cancelling);
  stop_parked();
  // The others stop at their next task boundary; one that waits for this task inside the pool would never come to it,
  // and is left. This thread goes on with exit(), so the records stay.
  while (sync().look_acquire().active() > 1) sleep_thread(short_nap_ns);
}

pool_core::~pool_core() {
  if (is_inherited()) return;
  if (is_inside()) {
    if (traced_) end_process_trace(*this);
    destroy_on_own_worker();
    return;
  }
  static_cast<void>(shut_down(config_.on_destroy, no_deadline));
  static_cast<void>(join());
  if (traced_) end_process_trace(*this);
  delete driver();
  if (start_state_.load(std::memory_order_acquire) != start_state::started) return;  // E-START
  os::unwatch_fork(fork_watch_);
  for (std::uint32_t i = 0; i < workers().count(); ++i) drop_record(workers().at(i));
  delete[] workers().table();
  delete[] outside_.entries().entries();
  delete[] wheels();
}

void pool_core::lock_lifecycle() noexcept {
  while (lifecycle_lock_.exchange(1, std::memory_order_acquire) != 0) sleep_thread(short_nap_ns);  // E-LIFE
}
void pool_core::unlock_lifecycle() noexcept { lifecycle_lock_.store(0, std::memory_order_release); }  // E-LIFE

}  // namespace treadle::detail
