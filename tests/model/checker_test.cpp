// The checker's own proof, second half: each detector fires on a fault made for it, and not without the fault.
#include "model_test.hpp"

#include <set>

namespace {

using mc::failure;

constexpr auto rlx = std::memory_order_relaxed;
constexpr auto acq = std::memory_order_acquire;
constexpr auto rel = std::memory_order_release;
constexpr std::int64_t no_deadline = INT64_MAX;
using policy = mc::model_policy;

struct cell_and_flag {
  mc::plain<int> cell{0};
  mc::atomic<std::uint32_t> flag{0};
};

mc::result hand_over(mc::options how, std::memory_order store, std::memory_order load) {
  return mc::explore(how, [=](mc::execution& x) {
    auto* s = x.make<cell_and_flag>();
    x.thread([=] { s->cell.set(1), s->flag.store(1, store); });
    x.thread([=] {
      if (s->flag.load(load) == 1) MC_CHECK(s->cell.get() == 1);
    });
    x.run();
  });
}

TEST(checker, race_between_write_and_read) {
  model::expect_holds("ordered", hand_over({}, rel, acq));
  model::expect_fails(hand_over({}, rlx, acq), failure::race);
  model::expect_fails(hand_over({}, rel, rlx), failure::race);
  for (const auto mode : {mc::explorer::random, mc::explorer::pct}) {
    model::expect_fails(hand_over({.mode = mode, .seed = model::seed()}, rlx, rlx), failure::race);
    model::expect_holds("ordered, random", hand_over({.mode = mode, .seed = model::seed()}, rel, acq));
  }
}

TEST(checker, race_is_seen_whatever_the_order_of_execution) {
  // One execution, the first thread runs to its end before the second starts: the race is there all the same.
  model::expect_fails(hand_over({.executions = 1, .preemptions = 0, .stale_reads = 0}, rlx, rlx), failure::race);
}

TEST(checker, race_between_writes_and_between_read_and_write) {
  const auto two = [](bool first_writes, bool second_writes) {
    return mc::explore({}, [=](mc::execution& x) {
      auto* s = x.make<cell_and_flag>();
      x.thread([=] { first_writes ? s->cell.set(1) : static_cast<void>(s->cell.get()); });
      x.thread([=] { second_writes ? s->cell.set(2) : static_cast<void>(s->cell.get()); });
      x.run();
    });
  };
  model::expect_fails(two(true, true), failure::race);
  model::expect_fails(two(false, true), failure::race);
  model::expect_holds("two reads", two(false, false));
}

TEST(checker, race_that_seq_cst_fences_do_not_mend) {
  // Fences order what is read; only a read of what was written makes one thread happen before the other.
  const auto r = mc::explore({}, [](mc::execution& x) {
    auto* s = x.make<cell_and_flag>();
    x.thread([=] { s->cell.set(1), mc::atomic_thread_fence(std::memory_order_seq_cst); });
    x.thread([=] { mc::atomic_thread_fence(std::memory_order_seq_cst), s->cell.get(); });
    x.run();
  });
  model::expect_fails(r, failure::race);
}

struct published {
  mc::atomic<cell_and_flag*> pointer{nullptr};
};

mc::result publish(std::memory_order store, std::memory_order load) {
  return mc::explore({}, [=](mc::execution& x) {
    auto* s = x.make<published>();
    x.thread([=] { s->pointer.store(mc::make<cell_and_flag>(), store); });
    x.thread([=] {
      if (auto* seen = s->pointer.load(load)) seen->flag.load(rlx);
    });
    x.run();
    mc::destroy(s->pointer.load(acq));
  });
}
TEST(checker, use_of_an_atomic_before_it_is_visible) {
  model::expect_holds("published", publish(rel, acq));
  model::expect_fails(publish(rlx, acq), failure::lifetime);
}

mc::result free_after(bool wait_for_the_other, bool touch_afterwards) {
  return mc::explore({}, [=](mc::execution& x) {
    auto* s = x.make<published>();
    auto* object = mc::make<cell_and_flag>();
    x.thread([=] {
      object->flag.store(1, rel);
      if (touch_afterwards) object->flag.load(rlx);
    });
    x.thread([=] {
      while (wait_for_the_other && object->flag.load(acq) == 0) policy::yield();
      mc::destroy(object);
    });
    x.run();
    static_cast<void>(s);
  });
}
TEST(checker, use_after_free) {
  model::expect_holds("waits", free_after(true, false));
  model::expect_fails(free_after(true, true));  // signals first, then touches: the classic
  model::expect_fails(free_after(false, false));
}

TEST(checker, use_after_free_of_a_cell) {
  const auto r = mc::explore({}, [](mc::execution&) {
    auto* object = mc::make<cell_and_flag>();
    mc::destroy(object);
    object->cell.get();
  });
  model::expect_fails(r, failure::lifetime);
}
TEST(checker, double_free) {
  const auto r = mc::explore({}, [](mc::execution&) {
    auto* object = mc::make<cell_and_flag>();
    mc::destroy(object);
    mc::destroy(object);
  });
  model::expect_fails(r, failure::lifetime);
}
TEST(checker, leak) {
  const auto r = mc::explore({}, [](mc::execution&) { mc::make<cell_and_flag>(); });
  model::expect_fails(r, failure::leak);
}

// --- sleeping ------------------------------------------------------------------------------------------------------

struct words {
  mc::atomic<std::uint32_t> word{0};
  mc::atomic<std::uint32_t> waiters{0};
  mc::plain<int> cell{0};
};

/// A waiter and a waker that only wakes whom it sees: needs a store-load barrier on both sides.
mc::result wake_if_seen(std::memory_order fence) {
  return mc::explore({}, [=](mc::execution& x) {
    auto* s = x.make<words>();
    x.thread([=] {
      s->waiters.store(1, rlx);
      mc::atomic_thread_fence(fence);
      while (s->word.load(acq) == 0) policy::futex_wait(s->word, 0, no_deadline);
    });
    x.thread([=] {
      s->word.store(1, rel);
      mc::atomic_thread_fence(fence);
      if (s->waiters.load(rlx) != 0) policy::futex_wake(&s->word, 1);
    });
    x.run();
  });
}
TEST(checker, lost_wake_up) {
  model::expect_holds("with fences", wake_if_seen(std::memory_order_seq_cst));
  model::expect_fails(wake_if_seen(std::memory_order_acq_rel), failure::deadlock);
}

TEST(checker, futex_compares_what_the_last_wake_has_passed) {
  // A wake that finds nobody must not be missed by a wait that starts after it.
  const auto r = mc::explore({}, [](mc::execution& x) {
    auto* s = x.make<words>();
    x.thread([=] { policy::futex_wait(s->word, 0, no_deadline); });
    x.thread([=] { s->word.store(1, rlx), policy::futex_wake(&s->word, 1); });
    x.run();
  });
  model::expect_holds("store and wake", r);
}

TEST(checker, deadlock_of_two) {
  const auto r = mc::explore({}, [](mc::execution& x) {
    auto* s = x.make<words>();
    x.thread([=] { policy::futex_wait(s->word, 0, no_deadline), policy::futex_wake(&s->waiters, 1); });
    x.thread([=] { policy::futex_wait(s->waiters, 0, no_deadline), policy::futex_wake(&s->word, 1); });
    x.run();
  });
  model::expect_fails(r, failure::deadlock);
  EXPECT_NE(r.message.find("sleeps on a futex"), std::string::npos) << r.message;
}

TEST(checker, which_sleeper_is_woken_is_a_choice) {
  std::set<int> woken_first;
  const auto r = mc::explore({}, [&](mc::execution& x) {
    auto* s = x.make<words>();
    int* order = x.make<int>(0);
    for (int number = 1; number <= 2; ++number) {
      x.thread([=] {
        policy::futex_wait(s->word, 0, no_deadline);
        *order = *order * 10 + number;
      });
    }
    x.settle();
    MC_CHECK(x.asleep() == 2);
    policy::futex_wake(&s->word, 1);
    x.settle();
    MC_CHECK(x.asleep() == 1);
    policy::futex_wake(&s->word, 1);
    x.run();
    woken_first.insert(*order);
  });
  model::expect_holds("two sleepers", r);
  EXPECT_EQ(woken_first, (std::set<int>{12, 21}));
}

TEST(checker, spurious_wake_up) {
  const auto wait_once = [](int spurious) {
    return mc::explore({.stale_reads = 0, .spurious_wakes = spurious}, [](mc::execution& x) {
      auto* s = x.make<words>();
      x.thread([=] {
        policy::futex_wait(s->word, 0, no_deadline);
        MC_CHECK(s->word.load(rlx) == 1);  // trusts the return
      });
      x.thread([=] { s->word.exchange(1, rlx), policy::futex_wake(&s->word, 1); });
      x.run();
    });
  };
  model::expect_fails(wait_once(1), failure::check);
  model::expect_holds("none", wait_once(0));
}

TEST(checker, time_out) {
  std::set<bool> results;
  const auto r = mc::explore({.time_outs = 1}, [&](mc::execution& x) {
    auto* s = x.make<words>();
    x.thread([&results, s] {
      const std::int64_t deadline = policy::now_ns() + 1000;
      const bool in_time = policy::futex_wait(s->word, 0, deadline);
      MC_CHECK(in_time || policy::now_ns() >= deadline);
      results.insert(in_time);
    });
    x.thread([=] { s->word.store(1, rlx), policy::futex_wake(&s->word, 1); });
    x.run();
  });
  model::expect_holds("wait with a deadline", r);
  EXPECT_EQ(results.size(), 2U);
}
TEST(checker, a_deadline_passes_when_nobody_can_go_on) {
  const auto r = mc::explore({}, [](mc::execution& x) {
    auto* s = x.make<words>();
    x.thread([=] { MC_CHECK(!policy::futex_wait(s->word, 0, policy::now_ns() + 1000)); });
    x.settle();
    MC_CHECK(x.asleep() == 1);  // to look does not make time pass
    x.run();
  });
  model::expect_holds("nobody to wake it", r);
}

TEST(checker, livelock) {
  const auto r = mc::explore({.stale_reads = 2, .max_steps = 500}, [](mc::execution& x) {
    auto* s = x.make<words>();
    for (int i = 0; i < 2; ++i) {
      x.thread([=] {
        while (s->word.load(rlx) == 0) policy::pause();
      });
    }
    x.run();
  });
  model::expect_fails(r, failure::livelock);
}
TEST(checker, a_spinning_loop_ends_when_another_thread_ends_it) {
  const auto spin = [](mc::options how) {
    return mc::explore(how, [](mc::execution& x) {
      auto* s = x.make<words>();
      for (int i = 0; i < 2; ++i) {
        x.thread([=] {
          while (s->word.load(rlx) == 0) policy::pause();
        });
      }
      x.thread([=] { s->word.store(1, rlx); });
      x.run();
    });
  };
  model::expect_holds("exhaustive", spin({.preemptions = 2, .stale_reads = 2, .max_steps = 500}));
  model::expect_holds("random", spin(model::random_runs(2000, {.max_steps = 2000})));
  model::expect_holds("pct", spin(model::pct_runs(2000, {.max_steps = 2000})));
}
TEST(checker, a_bounded_spin_may_run_out_before_anyone_else_goes_on) {
  bool gave_up = false;
  const auto r = mc::explore({.preemptions = 2, .stale_reads = 0, .unfair_turns = 2}, [&](mc::execution& x) {
    auto* s = x.make<words>();
    x.thread([&gave_up, s] {
      for (int i = 0; i < 2; ++i) {
        if (s->word.load(rlx) != 0) return;
        policy::pause();
      }
      if (s->word.load(rlx) == 0) gave_up = true;
    });
    x.thread([=] { s->word.store(1, rlx); });
    x.run();
  });
  model::expect_holds("two turns", r);
  EXPECT_TRUE(gave_up);
}

// --- threads and choices -------------------------------------------------------------------------------------------

TEST(checker, spawn_and_join_order_what_they_enclose) {
  const auto run = [](bool joins) {
    return mc::explore({}, [=](mc::execution& x) {
      auto* s = x.make<words>();
      x.thread([=] {
        s->cell.set(1);
        const unsigned child = mc::spawn([=] { s->cell.set(s->cell.get() + 1); });
        if (joins) {
          mc::join(child);
          MC_CHECK(s->cell.get() == 2);
        } else {
          s->cell.set(3);
        }
      });
      x.run();
    });
  };
  model::expect_holds("joined", run(true));
  model::expect_fails(run(false), failure::race);
}

TEST(checker, choices_of_the_model_are_all_tried) {
  std::set<unsigned> tried;
  const auto r = mc::explore({}, [&](mc::execution&) { tried.insert(mc::choose(3) * 10 + mc::choose(2)); });
  model::expect_holds("three by two", r);
  EXPECT_EQ(r.executions, 6U);
  EXPECT_EQ(tried, (std::set<unsigned>{0, 1, 10, 11, 20, 21}));
}

TEST(checker, a_model_that_is_not_the_same_again_is_reported) {
  unsigned runs = 0;
  const auto r = mc::explore({}, [&](mc::execution&) { mc::choose(2 + runs++ % 2); });
  model::expect_fails(r, failure::model);
}

// --- failures ------------------------------------------------------------------------------------------------------

mc::result lost_update(mc::options how) {
  return mc::explore(how, [](mc::execution& x) {
    auto* s = x.make<words>();
    mc::name(s->word, "counter");
    for (int i = 0; i < 3; ++i) {
      x.thread([=] {
        s->waiters.fetch_add(1, rlx);
        s->word.store(s->word.load(rlx) + 1, rlx);
        s->waiters.fetch_sub(1, rlx);
      });
    }
    x.run();
    MC_CHECK(s->word.peek() == 3);
  });
}
TEST(checker, a_failure_is_replayed_from_its_choices) {
  for (const auto mode : {mc::explorer::random, mc::explorer::pct, mc::explorer::exhaustive}) {
    const auto found = lost_update({.mode = mode, .seed = model::seed()});
    model::expect_fails(found, failure::check);
    const auto again = lost_update({.replay = found.choices});
    model::expect_fails(again, failure::check);
    EXPECT_EQ(again.executions, 1U);
    EXPECT_EQ(again.trace, found.trace);
  }
}
TEST(checker, a_failure_is_made_short_and_readable) {
  const auto as_found = lost_update({.mode = mc::explorer::random, .seed = model::seed(), .shrink = false});
  const auto shrunk = lost_update({.mode = mc::explorer::random, .seed = model::seed()});
  EXPECT_LE(shrunk.choices.size(), as_found.choices.size());
  EXPECT_LE(shrunk.choices.size(), 8U) << shrunk.choices << "\n" << shrunk.trace;
  for (const char* part : {"T1", "store", "counter", "relaxed", "checker_test.cpp:"}) {
    EXPECT_NE(shrunk.trace.find(part), std::string::npos) << shrunk.trace;
  }
}
TEST(checker, the_same_seed_finds_the_same_failure) {
  const auto one = lost_update({.mode = mc::explorer::random, .seed = 7});
  const auto two = lost_update({.mode = mc::explorer::random, .seed = 7});
  EXPECT_EQ(one.executions, two.executions);
  EXPECT_EQ(one.choices, two.choices);
}

TEST(checker, an_order_is_weakened_on_demand) {
  const auto body = [](mc::execution& x) {
    auto* s = x.make<cell_and_flag>();
    x.thread([=] { s->cell.set(1), s->flag.store(1, rel); });
    x.thread([=] {
      if (s->flag.load(acq) == 1) s->cell.get();
    });
    x.run();
  };
  const auto as_written = mc::explore({.collect_orders = true}, body);
  model::expect_holds("as written", as_written);
  ASSERT_EQ(as_written.orders.size(), 2U);
  for (const mc::mutant& weaker : as_written.orders) {
    model::expect_fails(mc::explore({.weaken = &weaker}, body), failure::race);
  }
}

TEST(checker, explores_fast_enough) {
  const auto r = hand_over(model::random_runs(20'000), rel, acq);
  model::expect_holds("20,000 tiny executions", r);
#if defined(NDEBUG) && !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__)
  EXPECT_LT(r.milliseconds, 4000);
#endif
}

}  // namespace
