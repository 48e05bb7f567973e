#pragma once

#include <treadle/detail/forking.hpp>

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <utility>

namespace treadle::detail {

/// How a worker goes to sleep, what calls it up again, and how it leaves. It sleeps on its own event, or in the driver
/// while there is something to watch. docs/design/scheduler.md, docs/design/io.md.
///
/// Host gives before_park(record), besides what its bases ask of it.
template <class P, class Task, class Host>
class parking : public forking<P, Task, Host> {
  using base = forking<P, Task, Host>;

 protected:
  using base::anything_queued;
  using base::host;
  using base::injected_;
  using base::later;
  using base::limits_;
  using base::sync_;
  using base::tell_quiet;

 public:
  using typename base::record;

  /// Ends the sleep of all workers, and of those who would sleep later.
  void stop_parked() noexcept {
    for (std::uint32_t i = 0; i < this->workers_.count(); ++i) {
      record* const worker = this->workers_.at(i);
      if (worker != nullptr) worker->wake_up.shut_down();
    }
    auto* const driver = this->driver();
    if (driver != nullptr) this->poll_.shut_down(*driver);
  }

 protected:
  /// Parks until there may be work. Returns false when the worker has to leave, which it then has.
  bool rest(record& self) noexcept {
    if (sync_.look().life() >= leave_from) {
      leave_running(self);
      return false;
    }
    host().before_park(self);
    record::bump(self.count.parks);
    arm(self);
    this->become_lookout(self);  // before it counts as idle: whoever shares a fork in between need not wake it
    const sync_state state = sync_.announce_idle(self.searcher);
    self.searcher = false;
    self.become(activity::parked);
    if (state.life() >= lifecycle::cancelling) return leave_parked(self);
    const bool pushed = injected_.arm();
    sync_.sleeper_barrier(state, 1);
    if (pushed || anything_queued() || this->io_is_unwatched()) {
      if (sync_.cancel_idle(limits_.width) == unpark::done) return resume(self, disarm(self));
    } else if (state.quiet() && (state.watched() || state.life() != lifecycle::running)) {
      tell_quiet();
    }
    const bool stays = sleep(self);
    host().note_up(self);
    return stays;
  }

  /// Takes what has become ready, without a sleep for it.
  void look_into_driver(poll_batch& arrived) noexcept {
    arrived.heard_bell = false;
    this->driver_in_use().wait(INT64_MIN, arrived);
    if (arrived.heard_bell && this->poll_.must_ring_again()) this->driver_in_use().ring();
  }

  static constexpr lifecycle leave_from = P::seed_defect(1) ? lifecycle::draining : lifecycle::cancelling;

 private:
  bool sleep(record& self) noexcept {
    this->become_lookout(self);
    this->become_keeper(self);
    host().note_parked(self);
    for (std::int64_t deadline = time_to_get_up(self);;) {
      const event_result result = wait_armed(self, deadline);
      switch (result) {
        case event_result::notified:
        case event_result::granted:
          record::bump(self.count.wakes);
          return woken(self, result == event_result::granted);
        case event_result::shut_down:
          stand_down(self);
          sync_.leave_idle();
          return false;
        case event_result::timed_out:
          if (self.arrived.count != 0) {
            // Above the width if no slot is free: what is ready is nobody else's to find.
            if (sync_.cancel_idle(sync_state::max_count) == unpark::done) return resume(self, disarm(self));
            P::yield();  // a waker has claimed all that sleep, and is about to choose us
            continue;
          }
          if (this->is_time(self)) {
            // Nobody need be told: whoever runs looks before it parks, and we do if a slot is free.
            if (sync_.cancel_idle(limits_.width) == unpark::done) return resume(self, disarm(self));
            deadline = time_to_get_up(self);
            continue;
          }
          if (self.nap_ns != 0) {
            if (this->look_out(self) && sync_.cancel_idle(limits_.width) == unpark::done) {
              return resume(self, disarm(self));
            }
            deadline = time_to_get_up(self);
            continue;
          }
          if (!is_let_go(self)) {
            deadline = time_to_get_up(self);
            continue;
          }
          deadline = INT64_MAX;  // if it may not leave now, someone is about to wake it, or it alone watches
          if (self.own.looks_empty() && retire(self)) return end_retire(self);
      }
    }
  }

  /// A keeper does not retire, nor does the last one that watches.
  std::int64_t time_to_get_up(const record& self) const noexcept {
    const std::int64_t keeps_until = self.keeps_until_ns;
    if (self.nap_ns != 0) {
      const std::int64_t nap_ends = P::now_ns() + self.nap_ns;
      return nap_ends < keeps_until ? nap_ends : keeps_until;
    }
    if (keeps_until != base::never || limits_.retire_ns < 0) return keeps_until;
    // It may not retire, and need not ask the time.
    if (self.polls && this->poll_.has_one_waiter() && this->has_lasting_sources()) return base::never;
    return later(P::now_ns(), limits_.retire_ns);
  }

  /// The worker gets up, and leaves the posts that it had.
  void stand_down(record& self) noexcept {
    this->leave_lookout(self);
    this->leave_keeper(self);
  }

  bool woken(record& self, bool as_searcher) noexcept {
    stand_down(self);
    self.become(activity::awake);
    self.searcher = as_searcher;
    self.just_woken = true;
    return true;
  }

  /// `cancel_idle` has counted this worker as active again.
  bool resume(record& self, event_result result) noexcept {
    if (result == event_result::notified || result == event_result::granted) {
      // A waker had chosen us: the count that we took back is that of another sleeper.
      sync_.give_back_idle();
      return woken(self, result == event_result::granted);
    }
    return woken(self, false);
  }

  bool end_retire(record& self) noexcept {
    const event_result result = std::exchange(self.polls, false) ? event_result::timed_out : self.wake_up.disarm();
    if (result == event_result::notified || result == event_result::granted) {
      sync_.give_back_retired();
      return woken(self, result == event_result::granted);
    }
    // A push that found this worker neither asleep nor gone had nobody to wake, if no more threads may exist. Then this
    // worker is the thread to be started.
    const sync_state state = sync_.leave_retired();
    sync_.sleeper_barrier(state, 1);
    if (state.searching() || !state.can_wake(limits_.width, limits_.limit) || !this->work_is_left()) return false;
    const wake_claim claim = sync_.claim_wake(limits_.width, limits_.limit, false);
    if (claim.kind == wake_kind::fresh) return woken(self, claim.searcher);
    if (claim.kind == wake_kind::parked) this->wake(claim);
    return false;
  }

  void leave_running(record& self) noexcept {
    sync_.leave_active(self.searcher);
    self.searcher = false;
  }

  /// The pool was stopped before whoever stopped it could see that this worker was going to park.
  bool leave_parked(record& self) noexcept {
    stand_down(self);
    const event_result result = disarm(self);
    if (result == event_result::notified || result == event_result::granted) {
      sync_.leave_active(result == event_result::granted);
    } else {
      sync_.leave_idle();
    }
    return false;
  }

  // ---- the two places to sleep at ---------------------------------------------------------------------------------

  void arm(record& self) noexcept {
    self.polls = this->has_sources();
    self.arrived.heard_bell = false;
    self.polls ? this->poll_.arm() : self.wake_up.arm();
  }
  event_result wait_armed(record& self, std::int64_t deadline_ns) noexcept {
    if (!self.polls) return self.wake_up.wait_armed(deadline_ns);
    record::bump(self.count.io_ticks);
    const event_result result = this->poll_.wait_armed(this->driver_in_use(), deadline_ns, self.arrived);
    if (result != event_result::timed_out) self.polls = false;
    return result;
  }
  event_result disarm(record& self) noexcept {
    return std::exchange(self.polls, false) ? this->poll_.disarm(this->driver_in_use(), self.arrived.heard_bell)
                                            : self.wake_up.disarm();
  }
  /// An operation of the kernel's may end with the thread that has begun it.
  [[nodiscard]] bool is_let_go(const record& self) const noexcept {
    auto* const driver = this->driver();
    return P::seed_defect(145) || driver == nullptr || driver->lets_go(self.index);
  }
  /// Takes the worker out of the count of the idle, unless it has been chosen or nobody else watches. Who sleeps on an
  /// event of its own finds out afterwards whether it was chosen; in the driver it is no sleeper any more.
  [[nodiscard]] bool retire(record& self) noexcept {
    if (!self.polls) return sync_.retire_idle();
    if (!this->poll_.leave(this->has_sources())) return false;
    if (sync_.retire_idle()) return true;
    this->poll_.arm();
    return false;
  }
};

}  // namespace treadle::detail
