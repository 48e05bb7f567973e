#include <process_facts.hpp>
#include <tasks.hpp>

#include <treadle/treadle.hpp>

#include <gtest/gtest.h>

#include <atomic>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <set>
#include <system_error>
#include <thread>
#include <vector>

// join, drain and the destructor: from where they may be called, how often, and what is over when they return.

namespace treadle::test {
namespace {

using namespace std::chrono_literals;

class joins : public with_workers {};
INSTANTIATE_TEST_SUITE_P(widths, joins, worker_counts(), worker_count_name);

TEST_P(joins, any_number_of_times_and_from_many_threads) {
  thread_pool pool{config()};
  std::vector<counted_task> tasks(500);
  for (counted_task& each : tasks) ASSERT_FALSE(pool.schedule(each));
  tally joined;
  std::vector<std::thread> joiners;
  for (int i = 0; i < 4; ++i) {
    joiners.emplace_back([&] {
      EXPECT_FALSE(pool.join());
      for (const counted_task& each : tasks) EXPECT_EQ(each.runs.load(), 1u);
      joined.add();
    });
  }
  for (std::thread& each : joiners) each.join();
  EXPECT_EQ(joined.get(), 4u);
  EXPECT_FALSE(pool.join());
  EXPECT_FALSE(pool.join());
  EXPECT_EQ(pool.stats().threads, 0u);
  EXPECT_EQ(pool.start(), errc::shut_down);
  counted_task late;
  EXPECT_EQ(pool.schedule(late), errc::shut_down);
  EXPECT_EQ(pool.shutdown(shutdown_mode::cancel).ran, tasks.size());
}

/// The seed's deinit blocked for ever without a shutdown, and its second join too.
TEST_P(joins, seed_defect_9) {
  std::vector<counted_task> tasks(100);
  {
    thread_pool destroyed_only{config()};
    for (counted_task& each : tasks) ASSERT_FALSE(destroyed_only.schedule(each));
  }
  for (const counted_task& each : tasks) EXPECT_EQ(each.runs.load(), 1u);
  {
    thread_pool joined_only{config()};
    for (counted_task& each : tasks) ASSERT_FALSE(joined_only.schedule(each));
    EXPECT_FALSE(joined_only.join());
    EXPECT_FALSE(joined_only.join());
  }
  for (const counted_task& each : tasks) EXPECT_EQ(each.runs.load(), 2u);
}

TEST(joins_unused, pools_end_at_once) {
  { thread_pool destroyed; }
  thread_pool pool;
  EXPECT_FALSE(pool.drain());
  const shutdown_report report = pool.shutdown();
  EXPECT_EQ(report.ran + report.cancelled + report.still_running + report.not_run.size(), 0u);
  EXPECT_FALSE(report.error);
  EXPECT_FALSE(pool.join());
  thread_pool cancelled;
  EXPECT_FALSE(cancelled.shutdown(shutdown_mode::cancel).error);
  EXPECT_FALSE(cancelled.join());
  thread_pool checked;
  EXPECT_FALSE(checked.start());
  EXPECT_FALSE(checked.join());
}

TEST_P(joins, on_the_own_worker_would_deadlock) {
  thread_pool pool{config()};
  pool.run([&] {
    EXPECT_EQ(pool.drain(), errc::would_deadlock);
    EXPECT_EQ(pool.join(), errc::would_deadlock);
    EXPECT_EQ(pool.shutdown().error, errc::would_deadlock);
    EXPECT_EQ(pool.shutdown(shutdown_mode::cancel).error, errc::would_deadlock);
    EXPECT_EQ(pool.shutdown_for(1s).error, errc::would_deadlock);
    EXPECT_EQ(pool.shutdown_until(std::chrono::steady_clock::now()).error, errc::would_deadlock);
  });
  // Nothing was done: the pool goes on.
  EXPECT_EQ(pool.run([] { return 1; }), 1);
}

TEST_P(joins, on_another_pools_worker_is_fine) {
  auto inner = std::make_unique<thread_pool>(config());
  thread_pool outer{config()};
  counted_task work;
  outer.run([&] {
    ASSERT_FALSE(inner->schedule(work));
    EXPECT_FALSE(inner->drain());
    EXPECT_EQ(work.runs.load(), 1u);
    EXPECT_EQ(inner->shutdown().ran, 1u);
    EXPECT_FALSE(inner->join());
    inner.reset();
  });
}

/// The seed's joiner read "no threads left" relaxed: what the tasks did was not yet visible to it. Under the thread
/// sanitizer the plain writes below are a race with the reads unless join orders them.
TEST_P(joins, seed_defect_5) {
  for (std::size_t round = 0; round < smaller_if_slow(100); ++round) {
    struct plain_task : task {
      int written = 0;
    };
    std::vector<plain_task> tasks(8);
    auto pool = std::make_unique<thread_pool>(config());
    for (plain_task& each : tasks) {
      each.callback = [](task* called) noexcept { static_cast<plain_task*>(called)->written = 1; };
      ASSERT_FALSE(pool->schedule(each));
    }
    ASSERT_FALSE(pool->join());
    pool.reset();
    for (const plain_task& each : tasks) ASSERT_EQ(each.written, 1);
  }
}

/// The seed detached its threads, so that their thread-local destructors still ran after join.
TEST_P(joins, seed_defect_13) {
  static std::atomic<int> alive{0};
  struct local {
    local() { alive.fetch_add(1); }
    ~local() {
      std::this_thread::sleep_for(5ms);  // a joiner that does not wait for the thread's end gets ahead
      alive.fetch_sub(1);
    }
  };
  for (int round = 0; round < 3; ++round) {
    const std::set<int> before = thread_ids();
    thread_pool pool{config()};
    for (int i = 0; i < 20; ++i) {
      ASSERT_FALSE(pool.post([] {
        thread_local local mine;
        static_cast<void>(&mine);
      }));
    }
    ASSERT_FALSE(pool.drain());
    EXPECT_GT(alive.load(), 0);
    ASSERT_FALSE(pool.join());
    EXPECT_EQ(alive.load(), 0);
    // The kernel's entry of a joined thread is gone a moment after the join.
    EXPECT_TRUE(eventually([&] { return facts_of_new_threads(before).empty(); }));
  }
}

TEST_P(joins, destructor_by_cancel_does_not_run_what_is_queued) {
  std::vector<counted_task> tasks(200);
  auto pool = std::make_unique<thread_pool>([] {
    pool_config settings = config();
    settings.on_destroy = shutdown_mode::cancel;
    return settings;
  }());
  thread_pool& observed = *pool;
  occupation busy;
  ASSERT_TRUE(busy.hold(*pool, workers()));
  for (counted_task& each : tasks) ASSERT_FALSE(pool->schedule(each));
  std::atomic<bool> destroyed{false};
  std::thread destroyer([&] {
    pool.reset();
    destroyed.store(true);
  });
  // All workers are held, so that the destructor is waiting in join when the pool says that it was cancelled.
  EXPECT_TRUE(eventually([&] { return observed.stats().threads == workers() && observed.start() == errc::shut_down; }));
  EXPECT_TRUE(eventually([&] { return observed.core().sync().look().life() >= detail::lifecycle::cancelling; }));
  EXPECT_FALSE(destroyed.load());
  busy.release();
  destroyer.join();
  for (const counted_task& each : tasks) EXPECT_EQ(each.runs.load(), 0u);
}

TEST_P(joins, a_task_may_outlast_the_shutdown_but_not_the_join) {
  gate held;
  thread_pool pool{config()};
  tally started, ended;
  function_task slow([&] {
    started.add();
    held.pass();
    ended.add();
  });
  ASSERT_FALSE(pool.schedule(slow));
  ASSERT_TRUE(started.reaches(1));
  EXPECT_EQ(pool.shutdown(shutdown_mode::cancel).still_running, 1u);
  EXPECT_EQ(ended.get(), 0u);
  std::thread opener([&] { held.open(); });
  EXPECT_FALSE(pool.join());
  EXPECT_EQ(ended.get(), 1u);
  opener.join();
  EXPECT_EQ(pool.shutdown().still_running, 0u);
  EXPECT_EQ(pool.shutdown().ran, 1u);
}

TEST_P(joins, drains_of_many_threads_at_a_time) {
  thread_pool pool{config()};
  const std::size_t rounds = smaller_if_slow(200);
  std::vector<std::thread> outsiders;
  for (int t = 0; t < 3; ++t) {
    outsiders.emplace_back([&] {
      for (std::size_t round = 0; round < rounds; ++round) {
        counted_task own;
        ASSERT_FALSE(pool.schedule(own));
        ASSERT_FALSE(pool.drain());
        ASSERT_EQ(own.runs.load(), 1u);
      }
    });
  }
  for (std::thread& each : outsiders) each.join();
}

TEST_P(joins, shutdowns_of_many_threads_at_a_time_share_the_tasks) {
  for (std::size_t round = 0; round < smaller_if_slow(20); ++round) {
    std::vector<counted_task> tasks(300);
    thread_pool pool{config()};
    for (counted_task& each : tasks) ASSERT_FALSE(pool.schedule(each));
    std::vector<shutdown_report> reports(3);
    std::vector<std::thread> enders;
    for (shutdown_report& report : reports) {
      enders.emplace_back([&] { report = pool.shutdown(shutdown_mode::cancel); });
    }
    for (std::thread& each : enders) each.join();
    ASSERT_FALSE(pool.join());
    std::size_t given_back = 0;
    for (shutdown_report& report : reports) {
      given_back += report.not_run.size();
      while (task* const back = report.not_run.pop()) static_cast<counted_task*>(back)->runs.fetch_add(1);
    }
    for (const counted_task& each : tasks) ASSERT_EQ(each.runs.load(), 1u);
    EXPECT_EQ(pool.shutdown().ran + given_back, tasks.size());
  }
}

}  // namespace
}  // namespace treadle::test
