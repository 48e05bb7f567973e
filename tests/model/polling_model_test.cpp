// Models of polling.hpp and parking.hpp with the scheduler above them: what becomes ready is served while any worker is
// parked or may be started, and no token is lost among those who sleep in the driver.
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

/// Task 0 waits for the descriptor; task 1 computes until that has run; tasks 2 and 3 only run; task 4 begins to watch and
/// then computes; task 5 makes it ready and then computes. In a pool whose driver comes late, tasks 3 and 5 watch first.
template <class P, bool Late = false>
void on_run(pool<P>& of, typename pool<P>::record&, int number) {
  if (number == 4 || (Late && (number == 3 || number == 5))) of.watch();
  if (number == 0) of.tell_of_io();
  if (number == 5) of.become_ready();
  if (number == 1 || number == 4 || number == 5) of.wait_for_io();
}

template <class P>
pool<P>* make_pool(std::uint32_t width, std::int64_t retire_ns = -1) {
  return mc::make<pool<P>>(pool_settings{.width = width, .limit = width, .retire_ns = retire_ns, .io = true},
                           &on_run<P>);
}

template <class P>
pool<P>* make_late_pool(std::uint32_t width) {
  return mc::make<pool<P>>(pool_settings{.width = width, .limit = width, .late_io = true}, &on_run<P, true>);
}

template <class P>
void end_after_io(pool<P>* p) {
  p->wait_for_io();
  p->drain_and_join();
  p->check_each_ran_once(1);
}

/// An outsider watches, another makes the descriptor ready: a worker is started for it, or wakes up.
template <class P, std::uint32_t Width>
void ready_from_outside(mc::execution& x) {
  auto* p = make_pool<P>(Width);
  x.thread([p] { p->become_ready(); });
  x.thread([p] {
    p->watch_from_outside();
    end_after_io(p);
    mc::destroy(p);
  });
  x.run();
}

/// Two tasks come, one after the other, while the workers sleep in the driver or are about to.
template <class P>
void tasks_while_watching(mc::execution& x) {
  auto* p = make_pool<P>(2);
  x.thread([p] {
    p->watch_from_outside();
    MC_CHECK(p->inject(2));
    MC_CHECK(p->inject(3));
    p->drain();
    MC_CHECK(p->at(2).ran == 1 && p->at(3).ran == 1);
    p->become_ready();
    end_after_io(p);
    mc::destroy(p);
  });
  x.run();
}

/// A batch wakes both, whatever the bell makes of two rings.
template <class P>
void batch_while_watching(mc::execution& x) {
  auto* p = make_pool<P>(2);
  x.thread([p] {
    p->watch_from_outside();
    MC_CHECK(p->inject(2, 3));
    p->drain();
    p->become_ready();
    end_after_io(p);
    mc::destroy(p);
  });
  x.run();
}

/// The one who watches is woken for a task that makes the descriptor ready and computes until that is served: another
/// watches.
template <class P>
void watcher_is_called_away(mc::execution& x) {
  auto* p = make_pool<P>(2);
  x.thread([p] {
    p->watch_from_outside();
    p->drain();  // then it watches
    MC_CHECK(p->inject(5));
    end_after_io(p);
    MC_CHECK(p->at(5).ran == 1);
    mc::destroy(p);
  });
  x.run();
}

/// A task begins to watch and goes on computing: another worker, asleep elsewhere or not started yet, watches.
template <class P>
void watched_by_a_busy_worker(mc::execution& x) {
  auto* p = make_pool<P>(2);
  x.thread([p] {
    MC_CHECK(p->inject(2));
    MC_CHECK(p->inject(4));
    p->become_ready();
    end_after_io(p);
    mc::destroy(p);
  });
  x.run();
}

/// Workers may leave for good, but not the last one that watches.
template <class P>
void watcher_does_not_retire(mc::execution& x) {
  auto* p = make_pool<P>(2, 1000);
  x.thread([p] {
    p->watch_from_outside();
    MC_CHECK(p->inject(2));
    p->become_ready();
    end_after_io(p);
    mc::destroy(p);
  });
  x.run();
}

/// The kernel still has what was begun on the worker's thread: it does not leave, though there is nothing to watch.
template <class P>
void held_worker_stays(mc::execution& x) {
  auto* p = make_pool<P>(1, 1000);
  x.thread([p] {
    p->watch_from_outside(true);
    p->hold_threads(true);
    p->become_ready();
    p->wait_for_io();
    p->remove_source(true);
    for (int i = 0; i < 3; ++i) P::sleep(10'000);
    MC_CHECK(p->sync().look().total() == 1);
    p->hold_threads(false);
    p->drain_and_join();
    MC_CHECK(p->at(0).ran == 1);
    mc::destroy(p);
  });
  x.run();
}

/// The pool is cancelled while something becomes ready: nobody stays asleep, and the task runs at most once.
template <class P>
void cancelled_while_watching(mc::execution& x) {
  auto* p = make_pool<P>(2);
  auto* ready = x.make<mc::atomic<std::uint32_t>>(0U);
  x.thread([p, ready] {
    p->become_ready();
    ready->store(1, std::memory_order_release);
    P::futex_wake(ready, 1);
  });
  x.thread([p, ready] {
    p->watch_from_outside();
    MC_CHECK(p->inject(2));
    p->cancel_and_join();
    MC_CHECK(p->at(0).ran + p->at(0).swept <= 1);
    MC_CHECK(p->at(2).ran + p->at(2).swept == 1);
    while (ready->load(std::memory_order_acquire) == 0) P::futex_wait(*ready, 0, INT64_MAX);
    mc::destroy(p);
  });
  x.run();
}

/// As `tasks_while_watching` at first; then the descriptor is closed, and who still sleeps in the driver is found there.
template <class P>
void closed_again(mc::execution& x) {
  auto* p = make_pool<P>(2);
  x.thread([p] {
    p->watch_from_outside();
    p->become_ready();
    p->wait_for_io();
    p->remove_source();
    MC_CHECK(p->inject(2));
    p->drain_and_join();
    MC_CHECK(p->at(0).ran == 1 && p->at(2).ran == 1);
    mc::destroy(p);
  });
  x.run();
}

/// The last descriptor is closed, who watched is free to retire, and the next descriptor is opened just then.
template <class P>
void watched_again_while_the_last_retires(mc::execution& x) {
  auto* p = make_pool<P>(1, 1000);
  x.thread([p] {
    p->enter_gate();
    p->add_source();
    p->remove_source();
    p->watch();
    p->leave_gate();
    p->become_ready();
    end_after_io(p);
    mc::destroy(p);
  });
  x.run();
}

// ---- a driver that comes late ----------------------------------------------------------------------------------------

/// Workers are parked on events of their own, or about to be, when the first descriptor makes the driver.
template <class P, std::uint32_t Width>
void driver_comes_late(mc::execution& x) {
  auto* p = make_late_pool<P>(Width);
  x.thread([p] {
    MC_CHECK(p->inject(2));
    p->watch_from_outside();
    p->become_ready();
    end_after_io(p);
    MC_CHECK(p->at(2).ran == 1);
    mc::destroy(p);
  });
  x.run();
}

/// A task makes it, and goes on computing until what it watches has been served by another.
template <class P>
void driver_by_a_busy_worker(mc::execution& x) {
  auto* p = make_late_pool<P>(2);
  x.thread([p] {
    MC_CHECK(p->inject(2));
    MC_CHECK(p->inject(5));
    end_after_io(p);
    mc::destroy(p);
  });
  x.run();
}

/// A task makes it while the pool is cancelled: whoever sleeps in it by then is told.
template <class P>
void late_driver_against_cancel(mc::execution& x) {
  auto* p = make_late_pool<P>(2);
  x.thread([p] {
    MC_CHECK(p->inject(3));
    p->cancel_and_join();
    MC_CHECK(p->at(3).ran + p->at(3).swept == 1);
    MC_CHECK(p->at(0).ran + p->at(0).swept == 0);
    mc::destroy(p);
  });
  x.run();
}

TREADLE_MODEL(polling_model, ready_from_outside_one_worker, settings_for(1, 1), ready_from_outside<model_policy, 1>)
TREADLE_MODEL(polling_model, ready_from_outside_two_workers, settings_for(1, 1), ready_from_outside<model_policy, 2>)
TREADLE_MODEL(polling_model, tasks_while_watching, settings_for(1, 1), tasks_while_watching<model_policy>)
TREADLE_MODEL(polling_model, batch_while_watching, settings_for(1, 1), batch_while_watching<model_policy>)
TREADLE_MODEL(polling_model, watcher_is_called_away, settings_for(1, 1), watcher_is_called_away<model_policy>)
TREADLE_MODEL(polling_model, watched_by_a_busy_worker, settings_for(1, 1), watched_by_a_busy_worker<model_policy>)
TREADLE_MODEL(polling_model, watcher_does_not_retire, settings_for(1, 1), watcher_does_not_retire<model_policy>)
TREADLE_MODEL(polling_model, held_worker_stays, settings_for(1, 1), held_worker_stays<model_policy>)
TREADLE_MODEL(polling_model, cancelled_while_watching, settings_for(1, 1), cancelled_while_watching<model_policy>)

TREADLE_MODEL(polling_model, closed_again, settings_for(1, 1), closed_again<model_policy>)
TREADLE_MODEL(polling_model, watched_again_while_the_last_retires, settings_for(1, 1),
              watched_again_while_the_last_retires<model_policy>)
TREADLE_MODEL(polling_model, driver_comes_late_one_worker, settings_for(1, 1), driver_comes_late<model_policy, 1>)
TREADLE_MODEL(polling_model, driver_comes_late_two_workers, settings_for(1, 1), driver_comes_late<model_policy, 2>)
TREADLE_MODEL(polling_model, driver_by_a_busy_worker, settings_for(1, 1), driver_by_a_busy_worker<model_policy>)
TREADLE_MODEL(polling_model, late_driver_against_cancel, settings_for(1, 1), late_driver_against_cancel<model_policy>)

const bool faults_listed = model::list({141, "polling", watcher_is_called_away<with_defect<141>>,
                                        watcher_is_called_away<model_policy>, settings_for(1, 1).bounds}) &&
                           model::list({145, "polling", held_worker_stays<with_defect<145>>,
                                        held_worker_stays<model_policy>, settings_for(1, 1).bounds});

}  // namespace
