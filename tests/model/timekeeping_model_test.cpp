// Models of timekeeping.hpp with the scheduler above it: while a worker is parked or may be started, somebody gets up for
// the next timer, whoever arms it and whatever the others do meanwhile. A timer that nobody keeps is a deadlock here.
#include "scheduler_model.hpp"

namespace {

using mc::model_policy;
using mc::with_defect;
using model::pool;
using model::pool_settings;

model::settings settings_for(int preemptions, int stale_reads) {
  return {{.preemptions = preemptions, .stale_reads = stale_reads, .weak_failures = 1, .time_limit_ms = 1'000},
          {.weak_failures = 1, .spurious_wakes = 1, .time_outs = 1},
          3'000};
}

/// Task 0 is the timer; task 1 computes until that has expired, and gives its slot to nobody; task 2 only runs; task 3
/// arms the timer and then computes.
template <class P>
void on_run(pool<P>& of, typename pool<P>::record&, int number) {
  if (number == 3) of.arm_timer();
  if (number == 0) of.tell_of_expiry();
  if (number == 1 || number == 3) of.wait_for_expiry();
}

template <class P>
void end_after_expiry(pool<P>* p, int count) {
  p->wait_for_expiry();
  p->drain_and_join();
  p->check_each_ran_once(1);
  MC_CHECK(count == 0 || p->at(count).ran == 1);
  mc::destroy(p);
}

/// An outsider arms while another schedules: the workers run the one task, and one of them keeps the time.
template <class P, std::uint32_t Width>
void armed_from_outside(mc::execution& x) {
  auto* p = mc::make<pool<P>>(pool_settings{.width = Width, .limit = Width, .timer = true}, &on_run<P>);
  auto* pushed = x.make<mc::atomic<std::uint32_t>>(0U);
  x.thread([p, pushed] {
    MC_CHECK(p->inject(2));
    pushed->store(1, std::memory_order_release);
    P::futex_wake(pushed, 1);
  });
  x.thread([p, pushed] {
    p->enter_gate();
    p->arm_timer();
    p->leave_gate();
    while (pushed->load(std::memory_order_acquire) == 0) P::futex_wait(*pushed, 0, INT64_MAX);
    end_after_expiry(p, 2);
  });
  x.run();
}

/// A task arms and goes on computing: another worker, asleep or not started yet, keeps the time.
template <class P>
void armed_by_a_busy_worker(mc::execution& x) {
  auto* p = mc::make<pool<P>>(pool_settings{.width = 2, .limit = 2, .timer = true}, &on_run<P>);
  x.thread([p] {
    MC_CHECK(p->inject(2));
    MC_CHECK(p->inject(3));
    end_after_expiry(p, 3);
  });
  x.run();
}

/// The keeper is woken for a task that computes until the timer has expired: another takes its post.
template <class P>
void keeper_is_called_away(mc::execution& x) {
  auto* p = mc::make<pool<P>>(pool_settings{.width = 2, .limit = 2, .timer = true}, &on_run<P>);
  x.thread([p] {
    p->enter_gate();
    p->arm_timer();
    p->leave_gate();
    MC_CHECK(p->inject(1));
    end_after_expiry(p, 1);
  });
  x.run();
}

// ---- the table of wheels, without a scheduler ------------------------------------------------------------------------

template <class P>
struct clockwork : treadle::detail::timekeeping<P> {
  using wheel = treadle::detail::timer_wheel<P>;

  typename wheel::node timers[2];
  mc::atomic<int> called{0};
  mc::atomic<int> refused{0};
  mc::atomic<int> ending{0};  ///< as the word that says so, from which the reason of a refusal is read

  /// Arms a timer, with wheels of its own if it finds none, as pool_core does.
  void arm(int number) {
    if (this->wheels() == nullptr) {
      wheel* const made = mc::make<wheel>();
      if (!this->adopt_wheels(made, 1)) mc::destroy(made);
    }
    wheel* const table = this->wheels();
    if (table == nullptr || table->arm(timers[number], 1) == treadle::detail::arming::refused) {
      MC_CHECK(ending.load(std::memory_order_relaxed) == 1);
      refused.fetch_add(1, std::memory_order_relaxed);
    }
  }
  void expire() {
    wheel* const table = this->wheels();
    if (table == nullptr) return;
    MC_CHECK(this->wheel_count() == 1);
    if (this->next_due_ns() == this->never) return;
    table->expire(1'000'000, SIZE_MAX, [this](auto&) { called.fetch_add(1, std::memory_order_relaxed); });
  }
  void close() {
    ending.store(1, std::memory_order_relaxed);
    this->close_wheels([this](auto&) { called.fetch_add(1, std::memory_order_relaxed); });
  }
  void end() {
    if (wheel* const table = this->wheels()) mc::destroy(table);
  }
};

/// Two arm the first timers of a pool while a worker looks for some: there is one table, and who sees it sees it whole.
template <class P>
void first_arms(mc::execution& x) {
  auto* c = x.make<clockwork<P>>();
  x.thread([c] { c->arm(0); });
  x.thread([c] { c->arm(1); });
  x.thread([c] { c->expire(); });
  x.run();
  c->expire();
  MC_CHECK(c->called.peek() == 2 && c->refused.peek() == 0);
  c->end();
}

/// A pool ends while its first timer is armed: that is refused, which is seen to be for the end, or handed back.
template <class P>
void close_against_the_first_arm(mc::execution& x) {
  auto* c = x.make<clockwork<P>>();
  x.thread([c] { c->arm(0); });
  x.thread([c] { c->close(); });
  x.thread([c] { c->close(); });
  x.run();
  MC_CHECK(c->called.peek() + c->refused.peek() == 1);
  c->end();
}

TREADLE_MODEL(timekeeping_model, first_arms, settings_for(3, 2), first_arms<model_policy>)
TREADLE_MODEL(timekeeping_model, close_against_the_first_arm, settings_for(3, 2),
              close_against_the_first_arm<model_policy>)
TREADLE_MODEL(timekeeping_model, armed_from_outside_one_worker, settings_for(1, 1), armed_from_outside<model_policy, 1>)
TREADLE_MODEL(timekeeping_model, armed_from_outside_two_workers, settings_for(1, 1),
              armed_from_outside<model_policy, 2>)
TREADLE_MODEL(timekeeping_model, armed_by_a_busy_worker, settings_for(1, 1), armed_by_a_busy_worker<model_policy>)
TREADLE_MODEL(timekeeping_model, keeper_is_called_away, settings_for(1, 1), keeper_is_called_away<model_policy>)

const bool faults_listed = model::list({132, "timekeeping", keeper_is_called_away<with_defect<132>>,
                                        keeper_is_called_away<model_policy>, settings_for(1, 1).bounds});

}  // namespace
