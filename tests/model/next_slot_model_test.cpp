// Models of next_slot.hpp with the scheduler around it: what a worker keeps to run next runs once, also if the worker
// does not come to it, is over its width, or the pool ends; what was stolen is seen whole by the thief.
#include "scheduler_model.hpp"

namespace {

using mc::model_policy;
using model::pool;
using model::pool_settings;
using model::settings_for;

template <class P>
using record_of = typename pool<P>::record;

constexpr pool_settings two_workers{.width = 2, .limit = 2};
constexpr pool_settings with_a_spare{.width = 2, .limit = 3};

/// What a task sets, and another one waits for.
template <class P>
struct flag {
  mc::atomic<std::uint32_t> word{0};
  void set() {
    word.store(1, std::memory_order_release);
    P::futex_wake(&word, 1);
  }
  void wait() {
    while (word.load(std::memory_order_acquire) == 0) P::futex_wait(word, 0, INT64_MAX);
  }
};

template <class P>
flag<P>*& shared_flag() {
  static flag<P>* one = nullptr;
  return one;
}

/// Schedules task 0, lets it and what it makes run, `count` tasks in all, and ends the pool, and the flag that they used.
template <class P>
void run_to_the_end(mc::execution& x, pool<P>* p, int count, flag<P>* used = nullptr) {
  x.thread([=] {
    MC_CHECK(p->inject(0));
    p->drain_and_join();
    p->check_each_ran_once(count);
    mc::destroy(p);
    if (used != nullptr) mc::destroy(used);
  });
  x.run();
}

/// Two tasks that wake each other in turn, as over a channel.
template <class P>
void to_and_fro(mc::execution& x) {
  run_to_the_end(x,
                 mc::make<pool<P>>(two_workers,
                                   [](pool<P>& of, record_of<P>& self, int number) {
                                     if (number < 3) MC_CHECK(of.keep(self, number + 1));
                                   }),
                 4);
}

/// There is room for one: the second is pushed, and somebody is woken for that.
template <class P>
void wakes_two(mc::execution& x) {
  run_to_the_end(x,
                 mc::make<pool<P>>(two_workers,
                                   [](pool<P>& of, record_of<P>& self, int number) {
                                     if (number != 0) return;
                                     MC_CHECK(of.keep(self, 1));
                                     MC_CHECK(of.keep(self, 2));
                                   }),
                 3);
}

/// A task goes on until what it has woken was run: whoever is or falls asleep must come for it. `Ahead` more are woken
/// and run before, so that a lookout may be at its post, or have left it.
template <class P, int Ahead>
void computes_on(mc::execution& x) {
  auto* const p = mc::make<pool<P>>(two_workers, [](pool<P>& of, record_of<P>& self, int number) {
    if (number == Ahead + 1) shared_flag<P>()->set();
    if (number > Ahead) return;
    MC_CHECK(of.keep(self, number + 1));
    if (number == Ahead) shared_flag<P>()->wait();
  });
  shared_flag<P>() = mc::make<flag<P>>();
  run_to_the_end(x, p, Ahead + 2, shared_flag<P>());
}

/// The same, but it blocks, and with that gives its slot away.
template <class P>
void blocks(mc::execution& x) {
  auto* const p = mc::make<pool<P>>(with_a_spare, [](pool<P>& of, record_of<P>& self, int number) {
    if (number == 1) return shared_flag<P>()->set();
    MC_CHECK(of.keep(self, 1));
    of.enter_blocking(self);
    shared_flag<P>()->wait();
    of.leave_blocking(self);
  });
  shared_flag<P>() = mc::make<flag<P>>();
  run_to_the_end(x, p, 2, shared_flag<P>());
}

/// Tasks come back from blocking when their slots are taken, and then wake others: who parks above the width keeps
/// nothing to itself.
template <class P>
void above_the_width(mc::execution& x) {
  auto* const p =
      mc::make<pool<P>>(pool_settings{.width = 2, .limit = 4}, [](pool<P>& of, record_of<P>& self, int number) {
        if (number > 1) return;
        of.enter_blocking(self);
        P::yield();
        of.leave_blocking(self);
        MC_CHECK(of.keep(self, number + 2));
      });
  x.thread([p] {
    MC_CHECK(p->inject(0, 1));
    p->drain_and_join();
    p->check_each_ran_once(4);
    mc::destroy(p);
  });
  x.run();
}

/// A cancel comes at any time: what was accepted ran or was handed back, and what was refused is neither.
template <class P>
void against_a_cancel(mc::execution& x) {
  auto* const refused = shared_flag<P>() = mc::make<flag<P>>();
  auto* const p = mc::make<pool<P>>(two_workers, [](pool<P>& of, record_of<P>& self, int number) {
    if (number == 0 && !of.keep(self, 1)) shared_flag<P>()->set();
  });
  x.thread([p, refused] {
    MC_CHECK(p->inject(0));
    p->cancel_and_join();
    const int ran = p->at(0).ran;
    MC_CHECK(ran + p->at(0).swept == 1);
    const bool kept = ran == 1 && refused->word.load(std::memory_order_relaxed) == 0;
    MC_CHECK(p->at(1).ran + p->at(1).swept == (kept ? 1 : 0));
    mc::destroy(p);
    mc::destroy(refused);
  });
  x.run();
}

TREADLE_MODEL(next_slot_model, to_and_fro, settings_for(1, 1), to_and_fro<model_policy>)
TREADLE_MODEL(next_slot_model, wakes_two, settings_for(1, 1), wakes_two<model_policy>)
TREADLE_MODEL(next_slot_model, computes_on, settings_for(1, 1), (computes_on<model_policy, 0>))
TREADLE_MODEL(next_slot_model, computes_on_later, settings_for(1, 1), (computes_on<model_policy, 1>))
TREADLE_MODEL(next_slot_model, blocks, settings_for(1, 1), blocks<model_policy>)
TREADLE_MODEL(next_slot_model, above_the_width, settings_for(1, 0), above_the_width<model_policy>)
TREADLE_MODEL(next_slot_model, against_a_cancel, settings_for(1, 1), against_a_cancel<model_policy>)

const bool faults_listed = model::list(
    {150, "next_slot", computes_on<mc::with_defect<150>, 0>, computes_on<model_policy, 0>, settings_for(1, 1).bounds});

}  // namespace
