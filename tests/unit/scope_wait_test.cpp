#include <tasks.hpp>

#include <treadle/treadle.hpp>

#include <gtest/gtest.h>

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <system_error>
#include <thread>
#include <vector>

// How a scope waits: it runs its own children, nothing else, and gives its slot away while it sleeps.

namespace treadle::test {
namespace {

class scope_wait : public with_workers {};
INSTANTIATE_TEST_SUITE_P(widths, scope_wait, worker_counts(), worker_count_name);

struct counted_child : scope_task {
  counted_child() noexcept : scope_task(&run) {}
  static void run(scope_task& child, worker&, const stop_token&) {
    static_cast<counted_child&>(child).runs.fetch_add(1, std::memory_order_relaxed);
  }
  std::atomic<int> runs{0};
};

std::error_code thrown_by_wait(scope& waited) {
  try {
    waited.wait();
  } catch (const std::system_error& error) {
    return error.code();
  }
  return {};
}

TEST_P(scope_wait, runs_its_children_in_place) {
  thread_pool pool{config()};
  occupation busy;
  ASSERT_TRUE(busy.hold(pool, workers() - 1));
  const bool all_here = pool.run([&](worker& self) {
    bool here = true;
    const std::thread::id own = std::this_thread::get_id();
    scope s(self);
    for (int i = 0; i < 100; ++i) s.spawn([&] { here &= std::this_thread::get_id() == own; });
    s.wait();
    return here;
  });
  EXPECT_TRUE(all_here);
  busy.release();
  EXPECT_FALSE(pool.drain());
}

TEST(scope_wait_cases, runs_nothing_but_its_children) {
  thread_pool pool{pool_config{.max_threads = 1, .max_spare_threads = pool_config::no_spares}};
  bool inside = false, other_ran_inside = false, stranger_ran_inside = false;
  pool.run([&](worker& self) {
    for (int i = 0; i < 10; ++i) EXPECT_FALSE(pool.post([&] { other_ran_inside |= inside; }));
    scope stranger(self);
    stranger.spawn([&] { stranger_ran_inside |= inside; });
    scope s(self);
    tally ran;
    for (int i = 0; i < 10; ++i) s.spawn([&] { ran.add(); });
    inside = true;
    s.wait();
    inside = false;
    EXPECT_EQ(ran.get(), 10u);
  });
  EXPECT_FALSE(pool.drain());
  EXPECT_FALSE(other_ran_inside);
  EXPECT_FALSE(stranger_ran_inside);
}

TEST_P(scope_wait, nests) {
  thread_pool pool{config()};
  std::function<std::uint64_t(worker&, unsigned)> fib = [&](worker& self, unsigned n) -> std::uint64_t {
    if (n < 2) return n;
    std::uint64_t left = 0, right = 0;
    scope s(self);
    s.spawn([&](worker& here) { left = fib(here, n - 1); });
    s.spawn([&](worker& here) { right = fib(here, n - 2); });
    s.wait();
    return left + right;
  };
  EXPECT_EQ(pool.run([&](worker& self) { return fib(self, slow_factor > 1 ? 10 : 15); }), slow_factor > 1 ? 55u : 610u);
}

/// The child runs on the other worker and needs a task to end that only the waiter's slot can run.
TEST(scope_wait_cases, gives_its_slot_away) {
  gate started, third;
  thread_pool pool{pool_config{.max_threads = 2, .max_spare_threads = 1}};
  future<void> owner = pool.submit([&](worker& self) {
    scope s(self);
    s.spawn([&] {
      started.open();
      third.pass();
    });
    started.pass();  // on the other worker
    s.wait();
  });
  ASSERT_TRUE(started.pass());
  ASSERT_FALSE(pool.post([&] { third.open(); }));
  owner.get();
  EXPECT_EQ(pool.stats().blocking_sections, 1u);
}

/// A running child spawns another and waits for it where nobody but the sleeping owner can run it.
TEST(scope_wait_cases, wakes_up_for_new_children) {
  gate started, second;
  thread_pool pool{pool_config{.max_threads = 2, .max_spare_threads = pool_config::no_spares}};
  pool.run([&](worker& self) {
    scope s(self);
    s.spawn([&] {
      started.open();
      EXPECT_TRUE(eventually([&] { return pool.stats().blocked == 1; })) << "the owner sleeps";
      s.spawn([&] { second.open(); });
      second.pass();
    });
    started.pass();
    s.wait();
  });
}

/// The same, but the owner is outside, and the only worker is the one that waits.
TEST(scope_wait_cases, outside_stands_in_when_all_workers_block) {
  gate second;
  thread_pool pool{pool_config{.max_threads = 1, .max_spare_threads = pool_config::no_spares}};
  scope s(pool);
  s.spawn([&] {
    s.spawn([&](worker& self) {
      EXPECT_EQ(self.index(), worker::npos);
      second.open();
    });
    blocking([&] { second.pass(); });
  });
  s.wait();
}

TEST_P(scope_wait, on_a_worker_of_another_pool_counts_as_blocking) {
  thread_pool here{config()}, there{config()};
  tally ran;
  here.run([&] {
    scope s(there);
    for (int i = 0; i < 10; ++i) {
      s.spawn([&] {
        if (this_worker::pool() == &there) ran.add();
      });
    }
    s.wait();
  });
  EXPECT_EQ(ran.get(), 10u);
}

TEST_P(scope_wait, in_a_child_of_the_same_scope_would_deadlock) {
  thread_pool pool{config()};
  occupation busy;
  ASSERT_TRUE(busy.hold(pool, workers() - 1));  // so that the innermost child runs on the same stack
  std::error_code direct, nested;
  pool.run([&](worker& self) {
    scope s(self);
    s.spawn([&](worker& here) {
      direct = thrown_by_wait(s);
      scope inner(here);
      inner.spawn([&] { nested = thrown_by_wait(s); });
      inner.wait();
    });
    s.wait();
  });
  EXPECT_EQ(direct, errc::would_deadlock);
  EXPECT_EQ(nested, errc::would_deadlock);
}

/// Owner, children and strangers' tasks at a time, and forks inside of children.
TEST_P(scope_wait, goes_together_with_tasks_futures_and_forks) {
  thread_pool pool{config()};
  const std::size_t rounds = smaller_if_slow(100);
  std::atomic<std::size_t> sum{0};
  pool.run([&](worker& self) {
    for (std::size_t round = 0; round < rounds; ++round) {
      scope s(self);
      future<int> beside = pool.submit([] { return 1; });
      for (int i = 0; i < 8; ++i) {
        s.spawn([&](worker& here) {
          const auto [a, b] = fork_join(
              here, [] { return 1; }, [] { return 2; });
          sum.fetch_add(static_cast<std::size_t>(a + b));
          sum.fetch_add(static_cast<std::size_t>(pool.submit([] { return 1; }).get()));
        });
      }
      fork_join(
          self, [&] { s.spawn([&] { sum.fetch_add(1); }); }, [&] { s.spawn([&] { sum.fetch_add(1); }); });
      s.wait();
      sum.fetch_add(static_cast<std::size_t>(beside.get()));
    }
  });
  EXPECT_EQ(sum.load(), rounds * (8 * 4 + 2 + 1));
}

TEST_P(scope_wait, several_owners_outside) {
  thread_pool pool{config()};
  tally ran;
  const std::size_t rounds = smaller_if_slow(200);
  std::vector<std::thread> owners;
  for (int t = 0; t < 4; ++t) {
    owners.emplace_back([&] {
      for (std::size_t i = 0; i < rounds; ++i) {
        scope s(pool);
        for (int child = 0; child < 5; ++child) s.spawn([&] { ran.add(); });
        s.wait();
      }
    });
  }
  for (std::thread& each : owners) each.join();
  EXPECT_EQ(ran.get(), 4 * rounds * 5);
}

// ---- the end of the pool --------------------------------------------------------------------------------------------

TEST_P(scope_wait, is_ended_by_a_cancel_and_told_of_it) {
  thread_pool pool{config()};
  occupation busy;
  ASSERT_TRUE(busy.hold(pool, workers()));
  const auto held = std::make_shared<int>(1);
  std::vector<counted_child> intrusive(10);
  scope s(pool);
  for (int i = 0; i < 10; ++i) s.spawn([held] { ADD_FAILURE() << "ran"; });
  s.spawn_each(intrusive);
  std::error_code code;
  std::thread owner([&] { code = thrown_by_wait(s); });
  const shutdown_report report = pool.shutdown(shutdown_mode::cancel);
  owner.join();
  EXPECT_EQ(code, errc::cancelled);
  EXPECT_EQ(report.cancelled, 1u) << "the scope counts as one task";
  EXPECT_EQ(held.use_count(), 1);
  for (const counted_child& each : intrusive) EXPECT_EQ(each.runs.load(), 0);
}

/// Children that run when the pool is cancelled are awaited; they can spawn no more, and the owner is told why.
TEST_P(scope_wait, a_running_child_is_refused_after_a_cancel) {
  gate started, cancelled;
  thread_pool pool{config()};
  std::error_code refused;
  scope s(pool);
  s.spawn([&] {
    started.open();
    cancelled.pass();
    try {
      s.spawn([] { ADD_FAILURE() << "ran"; });
    } catch (const std::system_error& error) {
      refused = error.code();
    }
  });
  ASSERT_TRUE(started.pass());
  static_cast<void>(pool.shutdown(shutdown_mode::cancel));
  cancelled.open();
  EXPECT_FALSE(thrown_by_wait(s));
  EXPECT_EQ(refused, errc::shut_down);
}

TEST_P(scope_wait, refused_by_a_pool_that_has_ended) {
  thread_pool pool{config()};
  EXPECT_FALSE(pool.join());
  scope s(pool);
  std::error_code code;
  try {
    s.spawn([] {});
  } catch (const std::system_error& error) {
    code = error.code();
  }
  EXPECT_EQ(code, errc::shut_down);
  s.wait();
}

}  // namespace
}  // namespace treadle::test
