// Models of scheduler.hpp with everything under it (sync word, worker list, ring, queues, events): an idle worker and a
// queued task cannot both last, everything accepted runs once, everybody leaves, nothing is touched after the join.
#include "scheduler_model.hpp"

namespace {

using mc::model_policy;
using mc::with_defect;
using model::end;
using model::pool;
using model::pool_settings;
using model::settings_for;

/// Two outsiders schedule; nobody shuts anything down: all runs, and the workers sleep.
template <class P, unsigned Width>
void two_outsiders(mc::execution& x) {
  auto* p = mc::make<pool<P>>(pool_settings{.width = Width, .limit = Width});
  x.thread([p] {
    MC_CHECK(p->inject(0));
    MC_CHECK(p->inject(1));
  });
  x.thread([p] { MC_CHECK(p->inject(2, 3)); });
  x.settle();
  p->check_each_ran_once(4);
  end(x, p);
}

/// A task schedules another one and waits for it: with two workers the other must be woken, wherever it was.
template <class P>
void pusher_waits(mc::execution& x) {
  auto* p = mc::make<pool<P>>(pool_settings{.width = 2, .limit = 2},
                              [](pool<P>& of, typename pool<P>::record& self, int number) {
                                if (number != 0) return;
                                P::sleep(1000);  // it works for a while: the other one may go to sleep
                                MC_CHECK(of.push_local(self, 1, 1));
                                while (of.at(1).ran == 0) P::sleep(1000);
                              });
  x.thread([p] { MC_CHECK(p->inject(2)); });
  x.thread([p] { MC_CHECK(p->inject(0)); });
  x.settle();
  p->check_each_ran_once(3);
  end(x, p);
}

/// A ring that is too small for the lists.
struct tiny_ring : model_policy {
  static constexpr std::uint32_t ring_capacity = 2;
  static constexpr ring_index lease_capacity = 1;
};

/// The same with a list that goes to the overflow queue at once.
template <class P>
void pusher_waits_for_a_list(mc::execution& x) {
  auto* p = mc::make<pool<P>>(pool_settings{.width = 2, .limit = 2},
                              [](pool<P>& of, typename pool<P>::record& self, int number) {
                                if (number != 0) return;
                                P::sleep(1000);
                                MC_CHECK(of.push_local(self, 1, 3));
                                while (of.at(1).ran + of.at(2).ran + of.at(3).ran != 3) P::sleep(1000);
                              });
  x.thread([p] { MC_CHECK(p->inject(4)); });
  x.thread([p] { MC_CHECK(p->inject(0)); });
  x.settle();
  p->check_each_ran_once(5);
  end(x, p);
}

/// A task schedules more than the ring holds; another worker steals meanwhile.
template <class P>
void overflow_and_steal(mc::execution& x) {
  auto* p = mc::make<pool<P>>(pool_settings{.width = 2, .limit = 2},
                              [](pool<P>& of, typename pool<P>::record& self, int number) {
                                if (number != 0) return;
                                MC_CHECK(of.push_local(self, 1, 3));
                                MC_CHECK(of.push_local(self, 4, 5));
                              });
  x.thread([p] { MC_CHECK(p->inject(0)); });
  x.settle();
  p->check_each_ran_once(6);
  end(x, p);
}

/// One worker, more than its ring holds, in two lists: first scheduled, first run.
template <class P>
void one_worker_keeps_the_order(mc::execution& x) {
  auto* p = mc::make<pool<P>>(pool_settings{.width = 1, .limit = 1},
                              [](pool<P>& of, typename pool<P>::record& self, int number) {
                                for (int i = 0; i < number; ++i) MC_CHECK(of.at(i).ran == 1);
                                if (number != 0) return;
                                MC_CHECK(of.push_local(self, 1, 3));
                                MC_CHECK(of.push_local(self, 4, 5));
                              });
  x.thread([p] { MC_CHECK(p->inject(0)); });
  x.settle();
  p->check_each_ran_once(6);
  end(x, p);
}

/// Threads cannot be started now and then: work waits, is run by the next one, or by whoever waits for it.
template <class P>
void spawn_fails(mc::execution& x) {
  auto* p = mc::make<pool<P>>(pool_settings{.width = 2, .limit = 2, .spawn_failures = 1});
  x.thread([p] { MC_CHECK(p->inject(0)); });
  x.thread([p] {
    MC_CHECK(p->inject(1));
    MC_CHECK(p->inject(2));
  });
  x.settle();
  if (p->start_failures() == 0 || p->sync().look().total() != 0) p->check_each_ran_once(3);
  end(x, p);
}

/// Two wait for quiet, threads cannot be started always: what was accepted has run when a drain returns. The last to
/// leave ends the pool.
template <class P>
void drain_sees_all(mc::execution& x) {
  auto* p = mc::make<pool<P>>(pool_settings{.width = 2, .limit = 2, .spawn_failures = 2});
  auto* inside = x.make<mc::atomic<int>>(2);
  MC_CHECK(p->inject(0));
  for (int i = 0; i < 2; ++i) {
    x.thread([=] {
      MC_CHECK(i == 0 || p->inject(i));
      p->drain();
      for (int done = 0; done <= i; ++done) MC_CHECK(p->at(done).effect.get() == 1);
      if (inside->fetch_sub(1, std::memory_order_acq_rel) != 1) return;
      p->drain_and_join();
      mc::destroy(p);
    });
  }
  x.run();
}

/// The one worker is woken, takes the only task and goes back to sleep, step by step, while somebody asks whether all is
/// quiet: who finds the queue empty must find its taker at work, or what it did.
template <class P>
void quiet_against_take(mc::execution& x) {
  auto* p = x.make<pool<P>>(pool_settings{});
  p->sync().claim_wake(1, 1, false);
  p->sync().announce_idle(true);
  static_cast<void>(p->injected().push(&p->at(0), &p->at(0), false));
  x.thread([p] {
    MC_CHECK(p->sync().claim_wake(1, 1, false).kind == treadle::detail::wake_kind::parked);
    bool more = false;
    p->injected().take(1, more, [](model::node* one) { one->effect.set(1); });
    p->sync().announce_idle(true);
  });
  x.thread([p] {
    treadle::detail::sync_state seen;
    if (p->is_quiet(seen)) MC_CHECK(p->at(0).effect.get() == 1);
  });
  x.run();
}

/// The same with a caller who runs the task for want of a worker.
template <class P>
void quiet_against_a_caller(mc::execution& x) {
  auto* p = x.make<pool<P>>(pool_settings{});
  static_cast<void>(p->injected().push(&p->at(0), &p->at(0), false));
  x.thread([p] {
    model::node* const taken = p->take_for_caller();
    taken->effect.set(1);
    p->leave_stand_in(pool<P>::stand_in_kind::taker);
  });
  x.thread([p] {
    treadle::detail::sync_state seen;
    if (p->is_quiet(seen)) MC_CHECK(p->at(0).effect.get() == 1);
  });
  x.run();
}

/// A pool that may never have started is closed while one comes in who starts it: either that one is refused, or who
/// closes finds the pool started once nobody is inside.
template <class P>
void close_before_the_start(mc::execution& x) {
  auto* p = x.make<pool<P>>(pool_settings{});
  auto* started = x.make<mc::atomic<int>>(0);
  auto* accepted = x.make<bool>(false);
  auto* found_unstarted = x.make<bool>(false);
  x.thread([=] {
    if (p->injected().is_closed()) return;
    started->store(1, std::memory_order_release);
    p->enter_gate();
    *accepted = !p->injected().is_closed();
    p->leave_gate();
  });
  x.thread([=] {
    p->injected().close();
    while (!p->gate_is_empty()) P::sleep(1000);
    *found_unstarted = started->load(std::memory_order_acquire) == 0;
  });
  x.run();
  MC_CHECK(!*accepted || !*found_unstarted);
}

/// A task runs what is ready in the middle of itself, while another worker may come for it.
template <class P>
void run_ready_inside(mc::execution& x) {
  auto* p = mc::make<pool<P>>(pool_settings{.width = 2, .limit = 2},
                              [](pool<P>& of, typename pool<P>::record& self, int number) {
                                if (number != 0) return;
                                MC_CHECK(of.push_local(self, 1, 2));
                                of.hand_over_and_run_ready(self);
                              });
  x.thread([p] { MC_CHECK(p->inject(0)); });
  x.thread([p] { MC_CHECK(p->inject(3)); });
  x.settle();
  p->check_each_ran_once(4);
  end(x, p);
}

/// Somebody counts what a worker runs and has run: no more than there is, and never less than nothing. The first task
/// may run the second and a third inside itself.
template <class P, bool RunsReady>
void counted_while_running(mc::execution& x) {
  auto* p = mc::make<pool<P>>(pool_settings{.width = 1, .limit = 1},
                              [](pool<P>& of, typename pool<P>::record& self, int number) {
                                if (!RunsReady || number != 0) return;
                                MC_CHECK(of.push_local(self, 2, 2));
                                of.hand_over_and_run_ready(self);
                              });
  MC_CHECK(p->inject(0, RunsReady ? 1 : 2));
  x.thread([p] {
    std::uint64_t ended = 0;
    while (p->workers().count() == 0 || p->workers().at(0) == nullptr) P::yield();
    const std::uint64_t running = p->workers().at(0)->count_running(ended);
    MC_CHECK(running <= 3 && ended <= 3 && running + ended <= 3);
    p->drain_and_join();
    mc::destroy(p);
  });
  x.run();
}

/// The pool is closed and drained while something of its own making is on its way in: refused, or run.
template <class P>
void drain_against_admission(mc::execution& x) {
  auto* p = mc::make<pool<P>>(pool_settings{.width = 1, .limit = 1});
  auto* accepted = x.make<bool>(false);
  x.thread([=] { *accepted = p->admit(0); });
  x.thread([p] { p->drain_and_join(); });
  x.run();
  MC_CHECK(p->at(0).ran == (*accepted ? 1 : 0));
  mc::destroy(p);
}

/// One drains and frees the pool while another schedules: accepted means run, refused means untouched.
template <class P>
void drain_against_inject(mc::execution& x) {
  auto* p = mc::make<pool<P>>(pool_settings{.width = 1, .limit = 1});
  auto* accepted = x.make<std::array<bool, 2>>();
  auto* ran = x.make<std::array<int, 2>>();
  auto* inside = x.make<mc::atomic<int>>(1);
  x.thread([=] {
    (*accepted)[0] = p->inject(0);
    (*accepted)[1] = p->inject(1);
    inside->store(0, std::memory_order_release);
  });
  x.thread([=] {
    p->drain_and_join();
    for (int i = 0; i < 2; ++i) (*ran)[static_cast<std::size_t>(i)] = p->at(i).ran;
    while (inside->load(std::memory_order_acquire) != 0) P::yield();  // who may still call must not lose the pool
    mc::destroy(p);
  });
  x.run();
  for (std::size_t i = 0; i < 2; ++i) MC_CHECK((*ran)[i] == ((*accepted)[i] ? 1 : 0));
}

/// The last task tells that it is the last: the pool is freed at once, while its `inject` may not have returned. With
/// a worker there already, that one may run it before the `inject` gets to wake anyone.
template <class P>
void freed_by_its_last_task(mc::execution& x) {
  static constexpr int last = 1;
  static treadle::detail::event<P>* told;
  told = x.make<treadle::detail::event<P>>();
  auto* p =
      mc::make<pool<P>>(pool_settings{.width = 2, .limit = 2}, [](pool<P>&, typename pool<P>::record&, int number) {
        if (number == last) {
          told->notify();
        } else {  // the first gives its `inject` time to come to the last
          for (unsigned turns = mc::choose(16); turns != 0; --turns) P::yield();
        }
      });
  x.thread([p] {
    MC_CHECK(p->inject(0));
    MC_CHECK(p->inject(last));
  });
  x.thread([p] {
    told->wait(INT64_MAX);
    p->drain_and_join();
    mc::destroy(p);
  });
  x.run();
}

/// Cancel just as the only worker takes the task: it runs it or puts it back, and then the sweep must see it.
template <class P>
void cancel_against_take(mc::execution& x) {
  auto* p = mc::make<pool<P>>(pool_settings{.width = 1, .limit = 1});
  MC_CHECK(p->inject(0));
  x.thread([p] { p->cancel_and_join(); });
  x.run();
  MC_CHECK(p->at(0).ran + p->at(0).swept == 1);
  mc::destroy(p);
}

/// Cancel just as a task schedules more: refused, or run, or swept.
template <class P>
void cancel_against_push_local(mc::execution& x) {
  auto* p = mc::make<pool<P>>(pool_settings{.width = 1, .limit = 1},
                              [](pool<P>& of, typename pool<P>::record& self, int number) {
                                if (number == 0 && !of.push_local(self, 1, 2)) of.at(1).swept = of.at(2).swept = 1;
                              });
  MC_CHECK(p->inject(0));
  x.thread([p] { p->cancel_and_join(); });
  x.run();
  MC_CHECK(p->at(0).ran + p->at(0).swept == 1);
  for (int i = 1; i <= 2; ++i) MC_CHECK(p->at(i).ran + p->at(i).swept == p->at(0).ran);
  mc::destroy(p);
}

/// Cancel while one schedules from outside and a task schedules more: each task runs or comes back, once.
template <class P>
void cancel_against_all(mc::execution& x) {
  auto* p = mc::make<pool<P>>(pool_settings{.width = 2, .limit = 2},
                              [](pool<P>& of, typename pool<P>::record& self, int number) {
                                if (number == 0 && !of.push_local(self, 1, 2)) of.at(1).swept = of.at(2).swept = 1;
                              });
  auto* sum = x.make<std::array<int, 4>>();
  auto* accepted = x.make<bool>(false);
  MC_CHECK(p->inject(0));
  x.thread([=] { *accepted = p->inject(3); });
  x.thread([=] { p->cancel_and_join(); });
  x.run();
  for (int i = 0; i < 4; ++i) (*sum)[static_cast<std::size_t>(i)] = p->at(i).ran + p->at(i).swept;
  MC_CHECK((*sum)[0] == 1);
  MC_CHECK((*sum)[1] == p->at(0).ran && (*sum)[2] == p->at(0).ran);
  MC_CHECK((*sum)[3] == (*accepted ? 1 : 0));
  mc::destroy(p);
}

/// A worker that has slept long enough leaves just as work comes.
template <class P, std::uint32_t Limit>
void retire_against_inject(mc::execution& x) {
  auto* p = mc::make<pool<P>>(pool_settings{.width = 1, .limit = Limit, .retire_ns = 1000});
  x.thread([p] {
    MC_CHECK(p->inject(0));
    MC_CHECK(p->inject(1));
  });
  x.thread([p] { MC_CHECK(p->inject(2)); });
  x.settle();
  p->check_each_ran_once(3);
  end(x, p);
}

/// A task blocks, a spare takes its place; afterwards there is one too many.
template <class P>
void blocking(mc::execution& x) {
  auto* p = mc::make<pool<P>>(pool_settings{.width = 1, .limit = 2},
                              [](pool<P>& of, typename pool<P>::record& self, int number) {
                                if (number != 0) return;
                                of.enter_blocking(self);
                                while (of.at(1).ran == 0) P::sleep(1000);
                                of.leave_blocking(self);
                              });
  x.thread([p] { MC_CHECK(p->inject(0)); });
  x.thread([p] {
    MC_CHECK(p->inject(1));
    MC_CHECK(p->inject(2));
  });
  x.settle();
  p->check_each_ran_once(3);
  MC_CHECK(p->sync().look().active() == 0);
  end(x, p);
}

TREADLE_MODEL(scheduler_model, two_outsiders_one_worker, settings_for(1, 1), two_outsiders<model_policy, 1>)
TREADLE_MODEL(scheduler_model, two_outsiders_two_workers, settings_for(1, 1), two_outsiders<model_policy, 2>)
TREADLE_MODEL(scheduler_model, pusher_waits, settings_for(1, 1), pusher_waits<model_policy>)
TREADLE_MODEL(scheduler_model, overflow_and_steal, settings_for(1, 1), overflow_and_steal<model_policy>)
TREADLE_MODEL(scheduler_model, one_worker_keeps_the_order, settings_for(1, 1), one_worker_keeps_the_order<model_policy>)
TREADLE_MODEL(scheduler_model, spawn_fails, settings_for(1, 0), spawn_fails<model_policy>)
TREADLE_MODEL(scheduler_model, pusher_waits_for_a_list, settings_for(1, 1), pusher_waits_for_a_list<tiny_ring>)
TREADLE_MODEL(scheduler_model, drain_sees_all, settings_for(1, 1), drain_sees_all<model_policy>)
TREADLE_MODEL(scheduler_model, quiet_against_a_caller, settings_for(3, 2), quiet_against_a_caller<model_policy>)
TREADLE_MODEL(scheduler_model, quiet_against_take, settings_for(2, 2), quiet_against_take<model_policy>)
TREADLE_MODEL(scheduler_model, close_before_the_start, settings_for(2, 2), close_before_the_start<model_policy>)
TREADLE_MODEL(scheduler_model, run_ready_inside, settings_for(1, 1), run_ready_inside<model_policy>)
TREADLE_MODEL(scheduler_model, counted_while_running, settings_for(1, 2), counted_while_running<model_policy, false>)
TREADLE_MODEL(scheduler_model, counted_in_run_ready, settings_for(1, 2), counted_while_running<model_policy, true>)
TREADLE_MODEL(scheduler_model, drain_against_admission, settings_for(2, 1), drain_against_admission<model_policy>)
TREADLE_MODEL(scheduler_model, drain_against_inject, settings_for(1, 1), drain_against_inject<model_policy>)
TREADLE_MODEL(scheduler_model, freed_by_its_last_task, settings_for(1, 1), freed_by_its_last_task<model_policy>)
TREADLE_MODEL(scheduler_model, cancel_against_take, settings_for(2, 0), cancel_against_take<model_policy>)
TREADLE_MODEL(scheduler_model, cancel_against_push_local, settings_for(1, 1), cancel_against_push_local<model_policy>)
TREADLE_MODEL(scheduler_model, cancel_against_all, settings_for(1, 0), cancel_against_all<model_policy>)
TREADLE_MODEL(scheduler_model, retire_against_inject, settings_for(1, 0), retire_against_inject<model_policy, 2>)
TREADLE_MODEL(scheduler_model, retire_at_the_limit, settings_for(1, 0), retire_against_inject<model_policy, 1>)
TREADLE_MODEL(scheduler_model, blocking, settings_for(1, 0), blocking<model_policy>)

const mc::options searching = {.mode = mc::explorer::pct, .executions = 5'000, .max_steps = 3'000};
const bool faults_listed =
    model::list(
        {1, "scheduler", drain_against_inject<with_defect<1>>, drain_against_inject<model_policy>, searching}) &&
    model::list({2, "scheduler", spawn_fails<with_defect<2>>, spawn_fails<model_policy>, searching}) &&
    model::list({3, "scheduler", pusher_waits<with_defect<3>>, pusher_waits<model_policy>, searching}) &&
    model::list(
        {5, "scheduler", drain_against_inject<with_defect<5>>, drain_against_inject<model_policy>, searching}) &&
    model::list(
        {15, "scheduler", freed_by_its_last_task<with_defect<15>>, freed_by_its_last_task<model_policy>, searching}) &&
    model::list({108, "scheduler", drain_sees_all<with_defect<108>>, drain_sees_all<model_policy>, searching});

}  // namespace
