// Models of fork_stack.hpp: every fork is run exactly once, by its owner or by one thief; a thief's effects are seen at
// the join; nobody touches a frame that is gone; and a wait takes from its thief only what the awaited branch forked.
#include "model_test.hpp"

#include <treadle/detail/fork_stack.hpp>

#include <array>

namespace {

/// The models on a policy. `TakesAnything` leaves out the look at the awaited branch.
template <class policy, bool TakesAnything = false>
struct models {
  using stack = treadle::detail::fork_stack<policy>;

  struct branch : treadle::detail::fork_node<policy> {
    explicit branch(int what) : task(what) { input.set(what); }
    mc::plain<int> input{0};   ///< written by the owner before the fork
    mc::plain<int> result{0};  ///< written by whoever runs it
    const int task;            ///< the task that has forked it
    int ran = 0;
  };

  struct worker {
    /// The epoch comes round at once, and again and again.
    explicit worker(std::uint32_t capacity = 4) : forks(treadle::detail::fork_zone(last_epoch)) {
      forks.adopt(cells.data(), capacity);
    }
    static constexpr std::uint64_t last_epoch = ~std::uint64_t{0} << treadle::detail::fork_zone::epoch_shift;
    stack forks;
    std::array<typename stack::cell, 4> cells;
    int leapt = 0;
  };

  static void run(branch& one) {
    MC_CHECK(one.input.get() == one.task);
    one.result.set(one.task + 100);
    ++one.ran;
  }

  /// What the owner of a fork does at the push, as treadle::detail::share_forks does it.
  static void push(worker& self, branch& forked) {
    if (self.forks.push(forked) && self.forks.takes_request()) self.forks.share(1);
  }

  static void run_stolen(branch& taken) {
    run(taken);
    branch::finish(&taken);
  }

  /// What it does at the join. `leaps`: it helps its thief meanwhile.
  static void join(worker& self, branch& forked, bool leaps = false) {
    if (self.forks.pop(forked)) {
      run(forked);
    } else if (self.forks.take_back(forked)) {
      if (self.forks.shared_count() == 0) self.forks.ask();
      run(forked);
    } else {
      while (!forked.is_done()) {
        stack* const thief = leaps ? forked.thief() : nullptr;
        auto* const found = thief == nullptr ? nullptr
                            : TakesAnything  ? static_cast<branch*>(thief->steal(self.forks))
                                             : static_cast<branch*>(thief->steal_while(self.forks, forked));
        if (found != nullptr) {
          MC_CHECK(found->task == forked.task);
          ++self.leapt;
          run_stolen(*found);
        } else {
          forked.sleep();
        }
      }
      self.forks.close(forked);
      if (self.forks.shared_count() == 0) self.forks.ask();
    }
    MC_CHECK(forked.result.get() == forked.task + 100);
    MC_CHECK(forked.ran == 1);
  }

  static void steal_once(worker& thief, worker& victim) {
    if (auto* const taken = static_cast<branch*>(victim.forks.steal(thief.forks))) run_stolen(*taken);
  }

  /// Forks `depth` branches, one inside the other, in frames that are gone after their joins.
  static void nest(worker& self, int depth) {
    if (depth == 0) return;
    auto* const forked = mc::make<branch>(depth);
    push(self, *forked);
    nest(self, depth - 1);
    join(self, *forked);
    mc::destroy(forked);
  }

  template <int Thieves, int Depth, std::uint32_t Capacity>
  static void owner_and_thieves(mc::execution& x) {
    auto* const owner = x.make<worker>(Capacity);
    std::array<worker*, 2> thieves{};
    for (int i = 0; i < Thieves; ++i) thieves[static_cast<std::size_t>(i)] = x.make<worker>();
    x.thread([owner] {
      nest(*owner, Depth);
      nest(*owner, 1);  // again, at places that were stolen from
      MC_CHECK(owner->forks.is_empty());
      MC_CHECK(owner->forks.shared_count() == 0);
    });
    for (int i = 0; i < Thieves; ++i) {
      x.thread([owner, thief = thieves[static_cast<std::size_t>(i)]] {
        steal_once(*thief, *owner);
        steal_once(*thief, *owner);
      });
    }
    x.run();
  }

  /// A waits for g, which B has stolen and which forks inside; B then goes on with work of its own, which A must not touch.
  static void leapfrog(mc::execution& x) {
    auto* const a = x.make<worker>();
    auto* const b = x.make<worker>();
    x.thread([a] {
      auto* const g = mc::make<branch>(1);
      push(*a, *g);
      join(*a, *g, true);
      mc::destroy(g);
    });
    x.thread([a, b] {
      if (auto* const g = static_cast<branch*>(a->forks.steal(b->forks))) {
        auto* const inner = mc::make<branch>(g->task);
        push(*b, *inner);
        join(*b, *inner);
        mc::destroy(inner);
        run_stolen(*g);
      }
      auto* const foreign = mc::make<branch>(2);
      push(*b, *foreign);
      join(*b, *foreign);
      mc::destroy(foreign);
    });
    x.run();
  }

  /// The thief has made its stack while the owner was at work already, who helps it.
  static void late_thief(mc::execution& x) {
    auto* const a = x.make<worker>();
    x.thread([a] {
      auto* const g = mc::make<branch>(1);
      push(*a, *g);
      join(*a, *g, true);
      mc::destroy(g);
    });
    x.thread([&x, a] {
      auto* const b = x.make<worker>();  // as a record, until the end
      if (auto* const g = static_cast<branch*>(a->forks.steal(b->forks))) {
        auto* const inner = mc::make<branch>(g->task);
        push(*b, *inner);
        join(*b, *inner);
        mc::destroy(inner);
        run_stolen(*g);
      }
    });
    x.run();
  }

  /// Everything is shared before the owner does something else, and somebody takes it meanwhile.
  static void share_all(mc::execution& x) {
    auto* const owner = x.make<worker>();
    auto* const thief = x.make<worker>();
    x.thread([owner] {
      auto* const first = mc::make<branch>(1);
      auto* const second = mc::make<branch>(2);
      push(*owner, *first);
      push(*owner, *second);
      owner->forks.share(SIZE_MAX);
      join(*owner, *second);
      mc::destroy(second);
      join(*owner, *first);
      mc::destroy(first);
    });
    x.thread([owner, thief] {
      steal_once(*thief, *owner);
      steal_once(*thief, *owner);
    });
    x.run();
  }
};

using ours = models<mc::model_policy>;

model::settings settings_for(int preemptions, int stale_reads) {
  return {{.preemptions = preemptions,
           .stale_reads = stale_reads,
           .weak_failures = 1,
           .spurious_wakes = 1,
           .time_limit_ms = 1'500},
          {.weak_failures = 1},
          6'000};
}
mc::options bounded(int preemptions, int stale_reads) { return settings_for(preemptions, stale_reads).bounds; }

TREADLE_MODEL(fork_stack_model, owner_and_thief, settings_for(3, 2), ours::owner_and_thieves<1, 2, 4>)
TREADLE_MODEL(fork_stack_model, two_thieves, settings_for(2, 1), ours::owner_and_thieves<2, 2, 4>)
TREADLE_MODEL(fork_stack_model, more_than_it_can_share, settings_for(2, 1), ours::owner_and_thieves<1, 3, 1>)
TREADLE_MODEL(fork_stack_model, share_all, settings_for(3, 2), ours::share_all)
TREADLE_MODEL(fork_stack_model, late_thief, settings_for(3, 1), ours::late_thief)
TREADLE_MODEL(fork_stack_model, leapfrog, settings_for(4, 1), ours::leapfrog)

// A word that comes back, as in tokio #5041, lets a stalled helper take what the awaited branch has not forked.
TEST(fork_stack_model, misses_the_epoch) {
  model::expect_fails(mc::explore(model::untimed(bounded(4, 0)), models<mc::with_defect<105>>::leapfrog),
                      mc::failure::check);
}
TEST(fork_stack_model, misses_the_look_at_the_awaited_branch) {
  model::expect_fails(mc::explore(model::untimed(bounded(3, 2)), models<mc::model_policy, true>::leapfrog),
                      mc::failure::check);
}

}  // namespace
