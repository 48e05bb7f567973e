// Models of scheduler.hpp with everything under it (sync word, worker list, ring, queues, events): an idle worker and a
// queued task cannot both last, everything accepted runs once, everybody leaves, nothing is touched after the join.
#include "scheduler_model.hpp"

namespace {

using mc::model_policy;
using mc::with_defect;
using model::pool;
using model::pool_settings;

mc::options bounded(int preemptions, int stale_reads) {
  return {.preemptions = preemptions,
          .stale_reads = stale_reads,
          .weak_failures = 1,
          .time_limit_ms = model::time_limit_ms(1'500)};
}

/// Ends the pool from the body, when all is quiet.
template <class P>
void end(mc::execution& x, pool<P>* p) {
  x.thread([p] {
    p->drain_and_join();
    mc::destroy(p);
  });
  x.run();
}

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

/// A task forks, and its first branch goes on until somebody has taken the other: whoever is or falls asleep must come.
template <class P>
void forker_waits(mc::execution& x) {
  auto* p = mc::make<pool<P>>(pool_settings{.width = 2, .limit = 2, .forks = true},
                              [](pool<P>& of, typename pool<P>::record& self, int number) {
                                if (number != 0) return;
                                for (int round = 0; round < 2; ++round) {
                                  auto* const other = mc::make<model::branch<P>>();
                                  of.fork(self, *other, [other] { other->wait_until_taken(); });
                                  mc::destroy(other);
                                }
                              });
  x.thread([p] {
    MC_CHECK(p->inject(1));
    MC_CHECK(p->inject(0));
    p->drain_and_join();
    p->check_each_ran_once(2);
    mc::destroy(p);
  });
  x.run();
}

/// A task forks while the pool is shut down: the branch runs once, whoever takes it.
template <class P>
void fork_and_end(mc::execution& x) {
  auto* p = mc::make<pool<P>>(pool_settings{.width = 2, .limit = 2, .forks = true},
                              [](pool<P>& of, typename pool<P>::record& self, int) {
                                auto* const other = mc::make<model::branch<P>>();
                                of.fork(self, *other, [] {});
                                mc::destroy(other);
                              });
  x.thread([p] {
    MC_CHECK(p->inject(0, 1));
    mc::choose(2) == 0 ? p->drain_and_join() : p->cancel_and_join();
    mc::destroy(p);
  });
  x.run();
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

/// The last task tells that it is the last: the pool is freed at once, while its `inject` may not have returned.
template <class P>
void freed_by_its_last_task(mc::execution& x) {
  static constexpr int last = 0;
  struct shared {
    mc::atomic<std::uint32_t> done{0};
  };
  static shared* told;
  told = x.make<shared>();
  auto* p =
      mc::make<pool<P>>(pool_settings{.width = 1, .limit = 1}, [](pool<P>&, typename pool<P>::record&, int number) {
        if (number == last) told->done.store(1, std::memory_order_release);
      });
  x.thread([p] { MC_CHECK(p->inject(last)); });
  x.thread([p] {
    while (told->done.load(std::memory_order_acquire) == 0) P::yield();
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
template <class P>
void retire_against_inject(mc::execution& x) {
  auto* p = mc::make<pool<P>>(pool_settings{.width = 1, .limit = 2, .retire_ns = 1000});
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

template <class Body>
void holds(Body body, int preemptions, int stale_reads) {
  model::expect_holds("exhaustive", mc::explore(bounded(preemptions, stale_reads), body));
  mc::options random = {.weak_failures = 1, .spurious_wakes = 1, .time_outs = 2};
  model::expect_holds("random", mc::explore(model::random_runs(5'000, random), body));
  model::expect_holds("pct", mc::explore(model::pct_runs(5'000, random), body));
}

TEST(scheduler_model, two_outsiders_one_worker) { holds(two_outsiders<model_policy, 1>, 1, 1); }
TEST(scheduler_model, two_outsiders_two_workers) { holds(two_outsiders<model_policy, 2>, 1, 1); }
TEST(scheduler_model, pusher_waits) { holds(pusher_waits<model_policy>, 1, 1); }
TEST(scheduler_model, overflow_and_steal) { holds(overflow_and_steal<model_policy>, 1, 1); }
TEST(scheduler_model, one_worker_keeps_the_order) { holds(one_worker_keeps_the_order<model_policy>, 1, 1); }
TEST(scheduler_model, forker_waits) { holds(forker_waits<model_policy>, 1, 1); }
TEST(scheduler_model, fork_and_end) { holds(fork_and_end<model_policy>, 1, 0); }
TEST(scheduler_model, spawn_fails) { holds(spawn_fails<model_policy>, 1, 0); }
TEST(scheduler_model, drain_against_inject) { holds(drain_against_inject<model_policy>, 1, 1); }
TEST(scheduler_model, freed_by_its_last_task) { holds(freed_by_its_last_task<model_policy>, 1, 1); }
TEST(scheduler_model, cancel_against_take) { holds(cancel_against_take<model_policy>, 2, 0); }
TEST(scheduler_model, cancel_against_push_local) { holds(cancel_against_push_local<model_policy>, 1, 1); }
TEST(scheduler_model, cancel_against_all) { holds(cancel_against_all<model_policy>, 1, 0); }
TEST(scheduler_model, retire_against_inject) { holds(retire_against_inject<model_policy>, 1, 0); }
TEST(scheduler_model, blocking) { holds(blocking<model_policy>, 1, 0); }

TEST(scheduler_model, seed_defect_2) {
  model::expect_fails(mc::explore(model::random_runs(50'000, {.max_steps = 3'000}), spawn_fails<with_defect<2>>));
}
TEST(scheduler_model, seed_defect_3) {
  const mc::options how = model::pct_runs(50'000, {.max_steps = 3'000});
  model::expect_fails(mc::explore(how, pusher_waits<with_defect<3>>), mc::failure::livelock);
}

}  // namespace
