#include <tasks.hpp>

#include <treadle/treadle.hpp>

#include <gtest/gtest.h>

#include <atomic>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <optional>
#include <system_error>
#include <thread>
#include <utility>
#include <vector>

// How a future waits on a worker: it runs the awaited task itself, or gives its slot away; it runs nothing else.

namespace treadle::test {
namespace {

using namespace std::chrono_literals;

class future_wait : public with_workers {};
INSTANTIATE_TEST_SUITE_P(widths, future_wait, worker_counts(), worker_count_name);

TEST_P(future_wait, on_a_worker_runs_an_unstarted_task_in_place_and_once) {
  thread_pool pool{config()};
  // Nobody else can start the inner task: all workers are held but this one.
  occupation busy;
  ASSERT_TRUE(busy.hold(pool, workers() - 1));
  tally runs;
  const bool same_thread = pool.run([&](worker&) {
    const std::thread::id here = std::this_thread::get_id();
    std::thread::id there;
    future<void> inner = pool.submit([&] {
      there = std::this_thread::get_id();
      runs.add();
    });
    inner.get();
    return here == there;
  });
  EXPECT_TRUE(same_thread);
  busy.release();
  EXPECT_FALSE(pool.drain());
  EXPECT_EQ(runs.get(), 1u) << "the queue's entry of a claimed task must be dropped";
}

/// The seed gave no handle to wait on: whoever waited held a worker, and one worker that waits for its own queue is a
/// deadlock.
TEST_P(future_wait, seed_defect_25) {
  thread_pool pool{config()};
  std::function<std::uint64_t(unsigned)> fib = [&](unsigned n) -> std::uint64_t {
    if (n < 2) return n;
    future<std::uint64_t> left = pool.submit([&fib, n] { return fib(n - 1); });
    const std::uint64_t right = fib(n - 2);
    return left.get() + right;
  };
  EXPECT_EQ(pool.run([&] { return fib(14); }), 377u);
}

TEST(future_wait_cases, nests_a_thousand_deep_on_one_worker) {
  thread_pool pool{pool_config{.max_threads = 1, .stack_bytes = std::size_t{64} << 20}};
  std::function<int(int)> nest = [&](int depth) -> int {
    if (depth == 0) return 0;
    return pool.submit([&nest, depth] { return nest(depth - 1); }).get() + 1;
  };
  EXPECT_EQ(pool.run([&] { return nest(1'000); }), 1'000);
}

TEST(future_wait_cases, runs_no_task_that_it_does_not_wait_for) {
  thread_pool pool{pool_config{.max_threads = 1, .max_spare_threads = pool_config::no_spares}};
  bool other_ran_inside = false, inside = false;
  pool.run([&] {
    std::vector<future<void>> others;
    for (int i = 0; i < 10; ++i) others.push_back(pool.submit([&] { other_ran_inside |= inside; }));
    future<int> awaited = pool.submit([] { return 1; });
    inside = true;
    EXPECT_EQ(awaited.get(), 1);
    inside = false;
  });
  EXPECT_FALSE(pool.drain());
  EXPECT_FALSE(other_ran_inside);
}

TEST(future_wait_cases, timed_waits_run_nothing) {
  thread_pool pool{pool_config{.max_threads = 1, .max_spare_threads = pool_config::no_spares}};
  tally ran;
  pool.run([&] {
    future<void> unstarted = pool.submit([&] { ran.add(); });
    EXPECT_EQ(unstarted.wait_for(10ms), future_status::timeout);
    EXPECT_EQ(unstarted.wait_until(std::chrono::steady_clock::now() + 10ms), future_status::timeout);
    EXPECT_EQ(unstarted.wait_for(-1ms), future_status::timeout);
    EXPECT_EQ(ran.get(), 0u);
    EXPECT_FALSE(unstarted.wait());
    EXPECT_EQ(ran.get(), 1u);
  });
}

TEST(future_wait_cases, a_timed_wait_gives_its_slot_away) {
  thread_pool pool{pool_config{.max_threads = 1, .max_spare_threads = 1}};
  pool.run([&] {
    future<std::size_t> elsewhere = pool.submit([] { return this_worker::index(); });
    ASSERT_EQ(elsewhere.wait_for(patience), future_status::ready);
    EXPECT_EQ(elsewhere.get(), 1u) << "the one spare has index 1";
  });
}

/// The awaited task runs on the other worker and needs a third task to end: only the waiter's slot can run that one.
TEST(future_wait_cases, gives_its_slot_away_while_the_task_runs_elsewhere) {
  gate started, third;
  gate entered;
  thread_pool pool{pool_config{.max_threads = 2, .max_spare_threads = 1}};
  future<bool> awaited = pool.submit([&] {
    started.open();
    return third.pass();
  });
  ASSERT_TRUE(started.pass());
  future<bool> waiter = pool.submit([&] {
    entered.open();
    return awaited.get();
  });
  ASSERT_TRUE(entered.pass());
  // Both slots are taken; the waiter's is free once it sleeps.
  ASSERT_FALSE(pool.post([&] { third.open(); }));
  EXPECT_TRUE(waiter.get());
  EXPECT_EQ(pool.stats().blocking_sections, 1u);
}

TEST_P(future_wait, many_waiters_give_their_slots_away) {
  pool_config settings = config();
  settings.max_spare_threads = workers();
  gate held;
  gate started;
  thread_pool pool{settings};
  tally entered;
  // Width - 1 workers wait for a task that runs on the last one, and a further task must still run.
  future<void> root = pool.submit([&] {
    started.open();
    held.pass();
  });
  ASSERT_TRUE(started.pass());
  std::atomic<std::size_t> woken{0};
  std::vector<future<void>> waiters;
  for (std::uint32_t i = 1; i < workers(); ++i) {
    waiters.push_back(pool.submit([&] {
      entered.add();
      EXPECT_FALSE(root.wait());
      woken.fetch_add(1);
    }));
  }
  ASSERT_TRUE(entered.reaches(workers() - 1));
  if (workers() > 1) {
    EXPECT_FALSE(pool.post([&] { held.open(); }));
  } else {
    held.open();
  }
  for (future<void>& each : waiters) each.get();
  EXPECT_EQ(woken.load(), workers() - 1);
  root.get();
}

TEST_P(future_wait, for_a_task_below_on_the_own_stack_would_deadlock) {
  gate ready;
  thread_pool pool{config()};
  // Nobody else may start the inner task: it would wait for the outer one, which waits for it.
  occupation busy;
  ASSERT_TRUE(busy.hold(pool, workers() - 1));
  std::optional<future<int>> self;
  std::error_code direct, nested;
  self = pool.submit([&] {
    ready.pass();
    direct = self->wait();
    nested = pool.submit([&] { return self->wait(); }).get();
    return 1;
  });
  ready.open();
  EXPECT_EQ(self->get(), 1);
  EXPECT_EQ(direct, errc::would_deadlock);
  EXPECT_EQ(nested, errc::would_deadlock);
}

TEST(future_wait_cases, get_for_a_task_below_throws_and_leaves_the_future) {
  gate ready;
  thread_pool pool{pool_config{.max_threads = 1}};
  std::optional<future<int>> self;
  std::error_code thrown;
  self = pool.submit([&] {
    ready.pass();
    try {
      self->get();
    } catch (const std::system_error& error) {
      thrown = error.code();
    }
    return 8;
  });
  ready.open();
  EXPECT_EQ(self->get(), 8);
  EXPECT_EQ(thrown, errc::would_deadlock);
}

/// Two pools of one worker each, whose tasks wait for tasks of the other pool, to and fro.
TEST_P(future_wait, for_another_pool_counts_as_blocking) {
  thread_pool here{config()}, there{config()};
  std::function<int(int)> bounce = [&](int depth) -> int {
    if (depth == 0) return 0;
    thread_pool& other = this_worker::pool() == &here ? there : here;
    return other.submit([&bounce, depth] { return bounce(depth - 1); }).get() + 1;
  };
  EXPECT_EQ(here.run([&] { return bounce(20); }), 20);
  EXPECT_GE(here.stats().blocking_sections + there.stats().blocking_sections, 1u);
}

TEST_P(future_wait, from_several_outsiders_at_a_time) {
  thread_pool pool{config()};
  std::vector<std::thread> outsiders;
  tally right;
  for (int t = 0; t < 4; ++t) {
    outsiders.emplace_back([&, t] {
      for (int i = 0; i < 500; ++i) {
        if (pool.submit([i, t] { return i + t; }).get() == i + t) right.add();
      }
    });
  }
  for (std::thread& each : outsiders) each.join();
  EXPECT_EQ(right.get(), 2'000u);
}

/// A worker and an outsider race for each task: whoever claims it runs it, once.
TEST_P(future_wait, claimed_by_waiters_and_workers_at_a_time_runs_once) {
  thread_pool pool{config()};
  const std::size_t rounds = smaller_if_slow(300);
  tally ran;
  pool.run([&] {
    for (std::size_t round = 0; round < rounds; ++round) {
      std::vector<future<void>> tasks;
      for (int i = 0; i < 20; ++i) tasks.push_back(pool.submit([&] { ran.add(); }));
      while (!tasks.empty()) {
        tasks.back().get();
        tasks.pop_back();
      }
    }
  });
  EXPECT_FALSE(pool.drain());
  EXPECT_EQ(ran.get(), rounds * 20);
  EXPECT_FALSE(pool.join());
  EXPECT_EQ(pool.stats().tasks_run, rounds * 20 + 1);
}

TEST_P(future_wait, is_woken_by_a_cancel) {
  thread_pool pool{config()};
  occupation busy;
  ASSERT_TRUE(busy.hold(pool, workers()));
  future<int> queued = pool.submit([] { return 1; });
  std::error_code code;
  std::thread waiter([&] {
    try {
      queued.get();
    } catch (const std::system_error& error) {
      code = error.code();
    }
  });
  const shutdown_report report = pool.shutdown(shutdown_mode::cancel);
  waiter.join();
  EXPECT_EQ(code, errc::cancelled);
  EXPECT_EQ(report.cancelled, 1u);
  busy.release();
}

/// A worker waits for a task that is queued when the pool is cancelled.
TEST_P(future_wait, on_a_worker_is_woken_by_a_cancel) {
  gate submitted;
  thread_pool pool{config()};
  occupation busy;
  ASSERT_TRUE(busy.hold(pool, workers() - 1));
  tally ended;
  std::error_code wait_code;
  future_status first{};
  ASSERT_FALSE(pool.post([&] {
    future<int> queued = pool.submit([] { return 1; });
    submitted.open();
    // Timed, so that it is not run in place; a spare may run it before the cancel comes.
    first = queued.wait_for(patience);
    wait_code = queued.wait();
    ended.add();
  }));
  ASSERT_TRUE(submitted.pass());
  static_cast<void>(pool.shutdown(shutdown_mode::cancel));
  busy.release();
  EXPECT_FALSE(pool.join());
  EXPECT_EQ(ended.get(), 1u);
  EXPECT_EQ(first, future_status::ready);
  EXPECT_FALSE(wait_code);
}

}  // namespace
}  // namespace treadle::test
