#include <process_facts.hpp>
#include <tasks.hpp>

#include <treadle/treadle.hpp>

#include <gtest/gtest.h>

#include <atomic>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <system_error>
#include <thread>
#include <vector>

// Shutdown, join, drain, and what becomes of each task.

namespace treadle::test {
namespace {

using namespace std::chrono_literals;

class lifecycle : public with_workers {};
INSTANTIATE_TEST_SUITE_P(widths, lifecycle, worker_counts(), worker_count_name);

/// A worker of the seed that saw the shutdown left without a look at the queues: of 1,000 tasks nearly none ran, in
/// silence, and so did not what was scheduled later.
TEST_P(lifecycle, seed_defect_1) {
  for (int round = 0; round < 20; ++round) {
    std::vector<counted_task> tasks(1'000);
    counted_task late;
    thread_pool pool{config()};
    for (counted_task& each : tasks) ASSERT_FALSE(pool.schedule(each));
    const shutdown_report report = pool.shutdown();
    EXPECT_EQ(pool.schedule(late), errc::shut_down);
    ASSERT_FALSE(pool.join());
    EXPECT_EQ(report.ran, tasks.size());
    EXPECT_EQ(report.not_run.size() + report.cancelled + report.still_running, 0u);
    for (counted_task& each : tasks) ASSERT_EQ(each.runs.load(), 1u);
    EXPECT_EQ(late.runs.load(), 0u);
  }
}

TEST_P(lifecycle, drain_runs_all_and_the_pool_goes_on) {
  std::vector<counted_task> tasks(5'000);
  thread_pool pool{config()};
  for (int round = 1; round <= 5; ++round) {
    for (counted_task& each : tasks) ASSERT_FALSE(pool.schedule(each));
    ASSERT_FALSE(pool.drain());
    for (counted_task& each : tasks) ASSERT_EQ(each.runs.load(), static_cast<std::uint32_t>(round));
  }
}

TEST_P(lifecycle, drain_waits_for_what_running_tasks_schedule) {
  thread_pool pool{config()};
  tally leaves;
  std::function<void(int)> split = [&](int depth) {
    if (depth == 0) return leaves.add();
    for (int i = 0; i < 2; ++i) EXPECT_FALSE(pool.post([&split, depth] { split(depth - 1); }));
  };
  ASSERT_FALSE(pool.post([&] { split(10); }));
  ASSERT_FALSE(pool.drain());
  EXPECT_EQ(leaves.get(), 1'024u);
}

TEST_P(lifecycle, under_drain_running_tasks_schedule_and_outsiders_do_not) {
  gate closed;
  thread_pool pool{config()};
  tally ran;
  std::error_code inside;
  counted_task nested, outside;
  function_task root([&] {
    closed.pass();
    inside = pool.schedule(nested);
    EXPECT_FALSE(pool.post([&] { ran.add(); }));
    auto result = pool.submit([&] { ran.add(); });
    EXPECT_FALSE(result.wait());
  });
  ASSERT_FALSE(pool.schedule(root));
  shutdown_report report;
  std::thread ender([&] { report = pool.shutdown(shutdown_mode::drain); });
  EXPECT_TRUE(eventually([&] { return pool.start() == errc::shut_down; }));
  EXPECT_EQ(pool.schedule(outside), errc::shut_down);
  closed.open();
  ender.join();
  EXPECT_FALSE(inside);
  EXPECT_EQ(nested.runs.load(), 1u);
  EXPECT_EQ(ran.get(), 2u);
  EXPECT_EQ(outside.runs.load(), 0u);
  EXPECT_EQ(report.ran, 4u);
  EXPECT_FALSE(pool.join());
}

TEST_P(lifecycle, cancel_gives_the_users_tasks_back_and_ends_its_own) {
  thread_pool pool{config()};
  auto busy = std::make_unique<occupation>();
  ASSERT_TRUE(busy->hold(pool, workers()));
  std::vector<counted_task> tasks(1'000);
  for (counted_task& each : tasks) ASSERT_FALSE(pool.schedule(each));
  const auto watched = std::make_shared<int>(1);
  std::vector<future<int>> futures;
  for (int i = 0; i < 50; ++i) {
    ASSERT_FALSE(pool.post([watched] { ADD_FAILURE() << "ran after the cancel"; }));
    futures.push_back(pool.submit([watched] { return *watched; }));
  }
  shutdown_report report = pool.shutdown(shutdown_mode::cancel);
  EXPECT_EQ(report.ran, 0u);
  EXPECT_EQ(report.cancelled, 100u);
  EXPECT_EQ(report.still_running, workers());
  EXPECT_EQ(report.not_run.size(), tasks.size());
  EXPECT_EQ(watched.use_count(), 1) << "a cancelled callable was not destroyed";
  std::size_t given_back = 0;
  while (task* const back = report.not_run.pop()) {
    EXPECT_GE(back, &tasks.front());
    EXPECT_LE(back, &tasks.back());
    EXPECT_EQ(static_cast<counted_task*>(back)->runs.fetch_add(1), 0u) << "given back twice, or ran";
    ++given_back;
  }
  EXPECT_EQ(given_back, tasks.size());
  for (future<int>& each : futures) {
    EXPECT_TRUE(each.is_ready());
    try {
      each.get();
      ADD_FAILURE() << "a cancelled future had a result";
    } catch (const std::system_error& error) {
      EXPECT_EQ(error.code(), errc::cancelled);
    }
  }
  busy->release();
  EXPECT_FALSE(pool.join());
  const shutdown_report after = pool.shutdown();
  EXPECT_EQ(after.ran, workers());
  EXPECT_EQ(after.still_running, 0u);
}

TEST_P(lifecycle, under_cancel_running_tasks_are_refused_and_their_tasks_are_whole) {
  gate started, cancelled;
  thread_pool pool{config()};
  std::error_code single, group, posted, submitted;
  counted_task a, b, c;
  batch pair = batch::of(b, c);
  bool touched = false;
  function_task root([&] {
    started.open();
    cancelled.pass();
    single = pool.schedule(a);
    group = pool.schedule(pair);
    posted = pool.post([&touched] { touched = true; });
    try {
      static_cast<void>(pool.submit([&touched] { touched = true; }));
    } catch (const std::system_error& error) {
      submitted = error.code();
    }
  });
  ASSERT_FALSE(pool.schedule(root));
  ASSERT_TRUE(started.pass());
  const shutdown_report report = pool.shutdown(shutdown_mode::cancel);
  EXPECT_EQ(report.still_running, 1u);
  cancelled.open();
  EXPECT_FALSE(pool.join());
  EXPECT_EQ(single, errc::shut_down);
  EXPECT_EQ(group, errc::shut_down);
  EXPECT_EQ(posted, errc::shut_down);
  EXPECT_EQ(submitted, errc::shut_down);
  EXPECT_EQ(a.runs.load() + b.runs.load() + c.runs.load(), 0u);
  EXPECT_FALSE(touched);
  EXPECT_EQ(pair.size(), 2u);
  EXPECT_EQ(pair.pop(), &b);
  EXPECT_EQ(pair.pop(), &c);
}

TEST_P(lifecycle, at_the_deadline_drain_becomes_cancel) {
  thread_pool pool{config()};
  occupation busy;
  ASSERT_TRUE(busy.hold(pool, workers()));
  std::vector<counted_task> tasks(100);
  for (counted_task& each : tasks) ASSERT_FALSE(pool.schedule(each));
  const auto before = std::chrono::steady_clock::now();
  shutdown_report report = pool.shutdown_for(50ms);
  EXPECT_GE(std::chrono::steady_clock::now() - before, 50ms);
  EXPECT_EQ(report.not_run.size(), tasks.size());
  EXPECT_EQ(report.still_running, workers());
  EXPECT_EQ(report.ran, 0u);
  busy.release();
  EXPECT_FALSE(pool.join());
}

TEST_P(lifecycle, a_deadline_that_is_far_lets_the_drain_end) {
  thread_pool pool{config()};
  std::vector<counted_task> tasks(1'000);
  for (counted_task& each : tasks) ASSERT_FALSE(pool.schedule(each));
  const shutdown_report report = pool.shutdown_until(std::chrono::system_clock::now() + 1h);
  EXPECT_EQ(report.ran, tasks.size());
  EXPECT_EQ(report.not_run.size(), 0u);
}

TEST(lifecycle_deadlines, of_the_past_and_of_the_end_of_time) {
  counted_task never, once;
  {
    pool_config config;
    config.max_threads = 1;
    thread_pool pool{config};
    occupation busy;
    ASSERT_TRUE(busy.hold(pool, 1));
    ASSERT_FALSE(pool.schedule(never));
    shutdown_report report = pool.shutdown_for(-1s);
    EXPECT_EQ(report.not_run.pop(), &never);
    busy.release();
    EXPECT_FALSE(pool.join());
  }
  {
    thread_pool pool;
    ASSERT_FALSE(pool.schedule(once));
    const shutdown_report report = pool.shutdown_until(std::chrono::steady_clock::time_point::max());
    EXPECT_EQ(report.ran, 1u);
  }
  {
    thread_pool pool;
    ASSERT_FALSE(pool.schedule(once));
    const shutdown_report report = pool.shutdown_for(std::chrono::hours::max());
    EXPECT_EQ(report.ran, 1u);
  }
  EXPECT_EQ(never.runs.load(), 0u);
  EXPECT_EQ(once.runs.load(), 2u);
}

/// With the only worker blocked, whoever waits runs the task in place; its entry is swept meanwhile.
TEST(lifecycle_reports, count_once_what_a_waiter_runs) {
  gate leave;
  thread_pool pool{pool_config{.max_threads = 1, .max_spare_threads = pool_config::no_spares}};
  tally inside;
  const auto stay = [&] {
    inside.add();
    leave.pass();
  };
  ASSERT_FALSE(pool.post([&] { blocking(stay); }));
  ASSERT_TRUE(inside.reaches(1));
  std::thread waiter([&] { EXPECT_FALSE(pool.submit(stay).wait()); });
  EXPECT_TRUE(inside.reaches(2));
  const shutdown_report report = pool.shutdown(shutdown_mode::cancel);
  EXPECT_EQ(report.ran + report.still_running + report.cancelled + report.not_run.size(), 2u);
  leave.open();
  waiter.join();
  EXPECT_FALSE(pool.join());
  EXPECT_EQ(pool.shutdown().ran, 2u);
}

TEST_P(lifecycle, a_cancel_overtakes_a_drain) {
  thread_pool pool{config()};
  occupation busy;
  ASSERT_TRUE(busy.hold(pool, workers()));
  std::vector<counted_task> tasks(100);
  for (counted_task& each : tasks) ASSERT_FALSE(pool.schedule(each));
  shutdown_report drained;
  std::thread drainer([&] { drained = pool.shutdown(shutdown_mode::drain); });
  ASSERT_TRUE(eventually([&] { return pool.start() == errc::shut_down; }));
  shutdown_report cancelled = pool.shutdown(shutdown_mode::cancel);
  drainer.join();
  EXPECT_EQ(drained.not_run.size() + cancelled.not_run.size(), tasks.size());
  busy.release();
  EXPECT_FALSE(pool.join());
  for (counted_task& each : tasks) EXPECT_EQ(each.runs.load(), 0u);
}

}  // namespace
}  // namespace treadle::test
