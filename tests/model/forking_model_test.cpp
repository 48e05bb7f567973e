// Models of forking.hpp with the scheduler around it: whoever is or falls asleep comes to a fork that somebody waits to
// see taken, what a task hands over is taken, a branch runs once, and its effects are seen behind the join.
#include "scheduler_model.hpp"

namespace {

using mc::model_policy;
using model::branch;
using model::pool;
using model::pool_settings;
using model::settings_for;

template <class P>
using record_of = typename pool<P>::record;

constexpr pool_settings two_workers{.width = 2, .limit = 2, .forks = true};

/// Schedules the tasks 0..last, lets them run, and ends the pool.
template <class P>
void run_to_the_end(mc::execution& x, pool<P>* p, int last) {
  x.thread([=] {
    for (int i = last; i >= 0; --i) MC_CHECK(p->inject(i));
    p->drain_and_join();
    p->check_each_ran_once(last + 1);
    mc::destroy(p);
  });
  x.run();
}

/// A task forks, and its first branch goes on until somebody has taken the other: whoever is or falls asleep must come.
template <class P>
void forker_waits(mc::execution& x) {
  auto* p = mc::make<pool<P>>(pool_settings{.width = 2, .limit = 2, .forks = true},
                              [](pool<P>& of, record_of<P>& self, int number) {
                                if (number != 0) return;
                                for (int round = 0; round < 2; ++round) {
                                  auto* const other = mc::make<branch<P>>();
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
  auto* p =
      mc::make<pool<P>>(pool_settings{.width = 2, .limit = 2, .forks = true}, [](pool<P>& of, record_of<P>& self, int) {
        auto* const other = mc::make<branch<P>>();
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

/// The second fork is private, for the first was shared: handing over shares it, and somebody must come for it.
template <class P>
void hand_over(mc::execution& x) {
  auto* p = mc::make<pool<P>>(two_workers, [](pool<P>& of, record_of<P>& self, int number) {
    if (number != 0) return;
    auto* const older = mc::make<branch<P>>();
    auto* const newer = mc::make<branch<P>>();
    of.fork(self, *older, [&] {
      of.fork(self, *newer, [&] {
        of.hand_over(self);
        newer->wait_until_taken();
      });
    });
    mc::destroy(newer);
    mc::destroy(older);
  });
  run_to_the_end(x, p, 1);
}

/// A task blocks until its fork was taken: a spare must come for it, for all slots were taken.
template <class P>
void blocks_over_a_fork(mc::execution& x) {
  auto* p = mc::make<pool<P>>(pool_settings{.width = 1, .limit = 2, .forks = true},
                              [](pool<P>& of, record_of<P>& self, int number) {
                                if (number != 0) return;
                                auto* const other = mc::make<branch<P>>();
                                of.fork(self, *other, [&] {
                                  of.enter_blocking(self);
                                  other->wait_until_taken();
                                  of.leave_blocking(self);
                                });
                                mc::destroy(other);
                              });
  run_to_the_end(x, p, 0);
}

/// A branch that was stolen forks on its thief; the owner helps with that while it waits.
template <class P>
void fork_in_a_stolen_branch(mc::execution& x) {
  auto* p = mc::make<pool<P>>(two_workers, [](pool<P>& of, record_of<P>& self, int number) {
    if (number != 0) return;
    auto* const outer = mc::make<branch<P>>([](pool<P>& on, record_of<P>& here) {
      auto* const inner = mc::make<branch<P>>();
      on.fork(here, *inner, [] { P::yield(); });
      mc::destroy(inner);
    });
    of.fork(self, *outer, [] { P::yield(); });
    mc::destroy(outer);
  });
  run_to_the_end(x, p, 1);
}

/// Two tasks fork at the same time, and each may steal from the other.
template <class P>
void two_forkers(mc::execution& x) {
  auto* p = mc::make<pool<P>>(two_workers, [](pool<P>& of, record_of<P>& self, int) {
    auto* const other = mc::make<branch<P>>();
    of.fork(self, *other, [] { P::yield(); });
    mc::destroy(other);
  });
  run_to_the_end(x, p, 1);
}

/// Between two forks a task works for so long that the lookout gives up its post: the second fork must wake somebody.
template <class P>
void forks_again_later(mc::execution& x) {
  auto* p = mc::make<pool<P>>(two_workers, [](pool<P>& of, record_of<P>& self, int number) {
    if (number != 0) return;
    auto* const work = mc::make<mc::atomic<std::uint32_t>>(0U);
    for (int round = 0; round < 2; ++round) {
      auto* const other = mc::make<branch<P>>();
      of.fork(self, *other, [other] { other->wait_until_taken(); });
      mc::destroy(other);
      if (round == 0) P::futex_wait(*work, 0, P::now_ns() + 10'000'000);
    }
    mc::destroy(work);
  });
  run_to_the_end(x, p, 0);
}

TREADLE_MODEL(forking_model, forks_again_later, settings_for(1, 1), forks_again_later<model_policy>)
TREADLE_MODEL(forking_model, forker_waits, settings_for(1, 1), forker_waits<model_policy>)
TREADLE_MODEL(forking_model, fork_and_end, settings_for(1, 0), fork_and_end<model_policy>)
TREADLE_MODEL(forking_model, hand_over, settings_for(1, 1), hand_over<model_policy>)
TREADLE_MODEL(forking_model, blocks_over_a_fork, settings_for(1, 1), blocks_over_a_fork<model_policy>)
TREADLE_MODEL(forking_model, fork_in_a_stolen_branch, settings_for(1, 0), fork_in_a_stolen_branch<model_policy>)
TREADLE_MODEL(forking_model, two_forkers, settings_for(1, 0), two_forkers<model_policy>)

}  // namespace
