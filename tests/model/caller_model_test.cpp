// Models of what a waiting caller does for a pool that gets no thread: it runs what is queued, due or ready, and tries
// again to have a thread. docs/design/lifecycle.md, docs/design/io.md.
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

/// Task 0 is the timer, or waits for the descriptor; the others only run.
template <class P>
void tell_of_io(pool<P>& of, typename pool<P>::record&, int number) {
  if (number == 0) of.tell_of_io();
}
template <class P>
void tell_of_expiry(pool<P>& of, typename pool<P>::record&, int number) {
  if (number == 0) of.tell_of_expiry();
}

template <class P>
pool<P>* make_pool(unsigned spawn_failures) {
  return mc::make<pool<P>>(pool_settings{.width = 1, .limit = 1, .spawn_failures = spawn_failures, .io = true},
                           &tell_of_io<P>);
}

template <class P>
void end_pool(pool<P>* p, int count) {
  p->drain_and_join();
  p->check_each_ran_once(count);
  mc::destroy(p);
}
/// The last of those outside who is done ends the pool.
template <class P>
void leave(pool<P>* p, mc::atomic<int>* outside, int count) {
  if (outside->fetch_sub(1, std::memory_order_acq_rel) == 1) end_pool(p, count);
}

/// No thread can be had for a while: the caller serves the descriptor, or the thread that comes late does.
template <class P>
void serves_descriptors(mc::execution& x) {
  auto* p = make_pool<P>(2);
  auto* outside = x.make<mc::atomic<int>>(2);
  x.thread([=] {
    p->become_ready();
    leave(p, outside, 1);
  });
  x.thread([=] {
    p->watch_from_outside();
    p->wait_for_io_as_caller();
    leave(p, outside, 1);
  });
  x.run();
}

/// The same for a timer.
template <class P>
void serves_timers(mc::execution& x) {
  auto* p =
      mc::make<pool<P>>(pool_settings{.width = 1, .limit = 1, .spawn_failures = 2, .timer = true}, &tell_of_expiry<P>);
  x.thread([p] {
    p->enter_gate();
    p->arm_timer();
    p->leave_gate();
    p->wait_for_expiry_as_caller();
    end_pool(p, 1);
  });
  x.run();
}

/// Two wait: what is ready is served by one of them.
template <class P>
void two_callers(mc::execution& x) {
  auto* p = make_pool<P>(2);
  auto* outside = x.make<mc::atomic<int>>(2);
  x.thread([=] {
    p->watch_from_outside();
    p->become_ready();
    p->wait_for_io_as_caller();
    leave(p, outside, 2);
  });
  x.thread([=] {
    MC_CHECK(p->inject(1));
    p->drain();
    MC_CHECK(p->at(1).ran == 1);
    p->wait_for_io_as_caller();
    leave(p, outside, 2);
  });
  x.run();
}

/// The pool is cancelled by another meanwhile: when that one has joined, nobody has the task in his hands any more.
template <class P>
void serves_against_cancel(mc::execution& x) {
  auto* p = make_pool<P>(1);
  p->watch_from_outside();
  x.thread([p] {
    p->become_ready();
    p->wait_for_io_as_caller();
  });
  x.thread([p] {
    p->cancel_and_join();
    MC_CHECK(p->io_is_pending() || p->at(0).ran + p->at(0).swept == 1);
  });
  x.run();
  MC_CHECK(p->at(0).ran + p->at(0).swept <= 1);
  mc::destroy(p);
}

/// A thread comes just as the caller looks into the driver, runs a task, goes to sleep in there and is called for the next
/// task: the caller, who hears the bell, rings it again.
template <class P>
void hears_the_bell(mc::execution& x) {
  auto* p = make_pool<P>(1);
  p->watch_from_outside();
  auto* outside = x.make<mc::atomic<int>>(2);
  x.thread([=] {
    p->wait_for_io_as_caller();
    leave(p, outside, 3);
  });
  x.thread([=] {
    MC_CHECK(p->inject(1));
    MC_CHECK(p->inject(2));
    p->drain();
    MC_CHECK(p->at(1).ran == 1 && p->at(2).ran == 1);
    p->become_ready();
    leave(p, outside, 3);
  });
  x.run();
}

/// A caller who looks once and goes away leaves a thread behind that serves the descriptor, if one can be had by now.
template <class P>
void leaves_a_thread(mc::execution& x) {
  auto* p = make_pool<P>(1);
  x.thread([p] {
    p->watch_from_outside();
    p->run_on_caller();
    p->become_ready();
    p->wait_for_io();
    end_pool(p, 1);
  });
  x.run();
}

TREADLE_MODEL(caller_model, serves_descriptors, settings_for(1, 1), serves_descriptors<model_policy>)
TREADLE_MODEL(caller_model, serves_timers, settings_for(2, 1), serves_timers<model_policy>)
TREADLE_MODEL(caller_model, two_callers, settings_for(1, 1), two_callers<model_policy>)
TREADLE_MODEL(caller_model, serves_against_cancel, settings_for(2, 1), serves_against_cancel<model_policy>)
TREADLE_MODEL(caller_model, hears_the_bell, settings_for(1, 1), hears_the_bell<model_policy>)
TREADLE_MODEL(caller_model, leaves_a_thread, settings_for(2, 1), leaves_a_thread<model_policy>)

const mc::options searching = {
    .mode = mc::explorer::pct, .executions = 5'000, .stale_reads = 1, .time_outs = 2, .max_steps = 3'000};
const bool faults_listed =
    model::list(
        {143, "caller", serves_against_cancel<with_defect<143>>, serves_against_cancel<model_policy>, searching}) &&
    model::list({144, "caller", leaves_a_thread<with_defect<144>>, leaves_a_thread<model_policy>, searching});

}  // namespace
