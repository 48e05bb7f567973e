// obs::latencies: what took long is found as long, once.
#include "tasks.hpp"
#include "waiting.hpp"

#include <treadle/obs/latencies.hpp>
#include <treadle/treadle.hpp>

#include <gtest/gtest.h>

#include <chrono>
#include <thread>

namespace treadle {
namespace {

using namespace std::chrono_literals;

class latencies : public test::with_workers {};
INSTANTIATE_TEST_SUITE_P(widths, latencies, test::worker_counts(), test::worker_count_name);

TEST_P(latencies, count_what_has_ended_once) {
  if (!detail::keeps_records) return;
  thread_pool pool{config()};
  pool.run([] {});  // what starts a thread is noted, and what this thread queues after that
  ASSERT_FALSE(pool.drain());
  obs::latencies seen(pool);
  for (int i = 0; i < 5; ++i) pool.submit([] { std::this_thread::sleep_for(3ms); }).get();
  ASSERT_FALSE(pool.drain());
  ASSERT_TRUE(test::eventually([&] {
    seen.look();
    return seen.merged().run_time.count() >= 5;
  }));
  seen.look();
  const obs::latencies::of_worker all = seen.merged();
  EXPECT_EQ(all.run_time.count(), 5U);
  EXPECT_GE(all.run_time.quantile(0.01), 3ms);
  EXPECT_GE(all.run_time.sum(), 15ms);
  EXPECT_EQ(all.queue_wait.count(), 5U);
  EXPECT_LT(seen.workers().size(), GetParam() + 1U);
}

TEST_P(latencies, show_that_tasks_lay_in_a_queue) {
  if (!detail::keeps_records) return;
  thread_pool pool{config()};
  pool.run([] {});
  obs::latencies seen(pool);
  test::occupation held;
  ASSERT_TRUE(held.hold(pool, GetParam()));
  // Of what is pushed fast, each 32nd is noted.
  for (int i = 0; i < 64; ++i) ASSERT_FALSE(pool.post([] {}));
  std::this_thread::sleep_for(20ms);
  held.release();
  ASSERT_FALSE(pool.drain());
  EXPECT_TRUE(test::eventually([&] {
    seen.look();
    return seen.merged().queue_wait.quantile(1) >= 19ms;
  }));
}

TEST(latencies_of_one, show_how_long_a_worker_takes_to_get_up) {
  if (!detail::keeps_records) return;
  thread_pool pool(pool_config{.max_threads = 1});
  pool.run([] {});
  obs::latencies seen(pool);
  EXPECT_TRUE(test::eventually([&] {
    EXPECT_TRUE(test::eventually([&] { return pool.stats().parked == 1; }));
    std::this_thread::sleep_for(2ms);
    pool.run([] {});
    seen.look();
    return seen.merged().wake_latency.count() >= 5;
  }));
  EXPECT_GT(seen.merged().wake_latency.sum(), 0ns);
}

TEST(latencies_of_one, of_a_pool_that_was_not_started_are_none) {
  thread_pool pool;
  obs::latencies seen(pool);
  seen.look();
  EXPECT_EQ(seen.merged().run_time.count(), 0U);
  EXPECT_TRUE(seen.workers().empty());
}

}  // namespace
}  // namespace treadle
