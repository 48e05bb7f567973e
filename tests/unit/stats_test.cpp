// thread_pool::stats and stats_of: what is counted, that it only grows, and that the parts make the sum.
#include "tasks.hpp"
#include "waiting.hpp"

#include <treadle/treadle.hpp>

#include <gtest/gtest.h>

#include <atomic>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <thread>
#include <vector>

namespace treadle {
namespace {

using namespace std::chrono_literals;

constexpr std::uint64_t worker_stats::*all_counts[] = {&worker_stats::tasks_run,
                                                       &worker_stats::steals,
                                                       &worker_stats::tasks_stolen,
                                                       &worker_stats::failed_steals,
                                                       &worker_stats::steal_retries,
                                                       &worker_stats::parks,
                                                       &worker_stats::wakes,
                                                       &worker_stats::spins,
                                                       &worker_stats::tasks_overflowed,
                                                       &worker_stats::blocking_sections,
                                                       &worker_stats::forks_exposed,
                                                       &worker_stats::forks_stolen,
                                                       &worker_stats::timers_expired,
                                                       &worker_stats::io_ticks,
                                                       &worker_stats::io_completions};

/// A tree whose leaves take long enough for others to come.
void tree(worker& self, int depth) {
  if (depth == 0) {
    std::this_thread::sleep_for(1ms);
    return;
  }
  fork_join(
      self, [depth](worker& other) { tree(other, depth - 1); }, [depth](worker& other) { tree(other, depth - 1); });
}

class stats : public testing::TestWithParam<std::uint32_t> {
 protected:
  thread_pool pool{pool_config{.max_threads = GetParam()}};
};
INSTANTIATE_TEST_SUITE_P(widths, stats, test::worker_counts(), test::worker_count_name);

TEST_P(stats, of_the_workers_add_up_and_only_grow) {
  std::atomic<bool> over{false};
  std::atomic<std::size_t> looks{0};
  std::thread reader([&] {
    worker_stats before;
    while (!over.load(std::memory_order_relaxed)) {
      const pool_stats now = pool.stats();
      for (const auto each : all_counts) EXPECT_GE(now.*each, before.*each);
      before = now;
      looks.fetch_add(1, std::memory_order_relaxed);
    }
  });
  for (int i = 0; i < 2'000; ++i) {
    ASSERT_FALSE(pool.post([this] { EXPECT_FALSE(pool.post([] {})); }));
  }
  ASSERT_FALSE(pool.drain());
  EXPECT_TRUE(test::eventually([&] { return looks.load(std::memory_order_relaxed) > 10; }));
  over.store(true, std::memory_order_relaxed);
  reader.join();
  ASSERT_FALSE(pool.join());
  const pool_stats sum = pool.stats();
  EXPECT_EQ(sum.tasks_run, 4'000U);
  EXPECT_GE(sum.workers, 1U);
  EXPECT_EQ(sum.threads, 0U);
  EXPECT_EQ(sum.queued_in_rings + sum.queued_in_overflow, 0U);
  for (const auto each : all_counts) {
    std::uint64_t added = 0;
    for (std::uint32_t i = 0; i < sum.workers; ++i) added += pool.stats_of(i).*each;
    EXPECT_EQ(added, sum.*each);
  }
}

TEST_P(stats, count_what_is_queued_and_overflows) {
  constexpr std::size_t count = 1'000;
  std::vector<test::counted_task> tasks(count);
  pool.run([&] {
    test::occupation others;  // so that nobody takes what is queued here
    ASSERT_TRUE(others.hold(pool, GetParam() - 1));
    for (test::counted_task& each : tasks) ASSERT_FALSE(pool.schedule(each));
    const pool_stats now = pool.stats();
    EXPECT_EQ(now.queued_in_rings + now.queued_in_overflow, count);
    EXPECT_GT(now.queued_in_overflow, 0U);
    EXPECT_EQ(now.queued_in_overflow, now.tasks_overflowed);
  });
  ASSERT_FALSE(pool.drain());
  const pool_stats now = pool.stats();
  EXPECT_EQ(now.queued_in_rings + now.queued_in_overflow, 0U);
}

TEST_P(stats, count_forks_that_others_could_take) {
  pool.run([](worker& self) { tree(self, 5); });
  const pool_stats now = pool.stats();
  EXPECT_GE(now.forks_exposed, now.forks_stolen);
  EXPECT_TRUE(GetParam() == 1 || now.forks_exposed > 0);
}

TEST_P(stats, count_timers) {
  struct counting_timer : timer {
    explicit counting_timer(thread_pool& of) noexcept
        : timer(of, [](timer& self) noexcept { static_cast<counting_timer&>(self).expired.add(); }) {}
    test::tally expired;
  };
  counting_timer once(pool);
  ASSERT_FALSE(once.arm(1ms));
  ASSERT_TRUE(once.expired.reaches(1));
  EXPECT_TRUE(test::eventually([&] { return pool.stats().timers_expired == 1; }));
}

TEST(stats_of, a_worker_that_never_was_are_none) {
  thread_pool pool;
  EXPECT_EQ(pool.stats().workers, 0U);
  EXPECT_EQ(pool.stats_of(0).tasks_run, 0U);
  pool.run([] {});
  ASSERT_FALSE(pool.drain());
  EXPECT_EQ(pool.stats_of(0).tasks_run, 1U);
  EXPECT_EQ(pool.stats_of(thread_pool::max_workers).tasks_run, 0U);
  EXPECT_EQ(pool.stats_of(SIZE_MAX).tasks_run, 0U);
}

TEST(stats_of, what_is_queued_outside_shows) {
  thread_pool pool(pool_config{.max_threads = 1});
  test::occupation held;
  ASSERT_TRUE(held.hold(pool, 1));
  ASSERT_FALSE(pool.post([] {}));
  EXPECT_TRUE(pool.stats().queued_outside);
  held.release();
  ASSERT_FALSE(pool.drain());
  EXPECT_FALSE(pool.stats().queued_outside);
}

}  // namespace
}  // namespace treadle
