#include <tasks.hpp>

#include <treadle/treadle.hpp>

#include <gtest/gtest.h>

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <new>
#include <thread>
#include <vector>

// Several pools in one process, each with its own workers, that use each other in both directions.

namespace treadle::test {
namespace {

class multi_pool : public with_workers {};
INSTANTIATE_TEST_SUITE_P(widths, multi_pool, worker_counts(), worker_count_name);

/// The seed's thread-local `current` did not say whose worker it was: a task for pool 2 ran on pool 1.
TEST_P(multi_pool, seed_defect_8) {
  thread_pool first{config()}, second{config()};
  struct homed : task {
    thread_pool* home = nullptr;
    tally *ran = nullptr, *strayed = nullptr;
  };
  tally ran, strayed;
  std::vector<homed> tasks(600);
  for (homed& each : tasks) {
    each.ran = &ran;
    each.strayed = &strayed;
    each.callback = [](task* called) noexcept {
      const auto* const self = static_cast<homed*>(called);
      if (this_worker::pool() != self->home) self->strayed->add();
      self->ran->add();
    };
  }
  const auto schedule_on = [&](thread_pool& home, std::size_t from) {
    for (std::size_t i = from; i < from + 100; ++i) {
      tasks[i].home = &home;
      EXPECT_FALSE(home.schedule(tasks[i]));
    }
    batch group;
    for (std::size_t i = from + 100; i < from + 200; ++i) {
      tasks[i].home = &home;
      group.push(tasks[i]);
    }
    EXPECT_FALSE(home.schedule(group));
  };
  first.run([&] {
    schedule_on(second, 0);
    schedule_on(first, 200);
  });
  second.run([&] { schedule_on(first, 400); });
  ASSERT_TRUE(ran.reaches(tasks.size()));
  EXPECT_EQ(strayed.get(), 0u);
  EXPECT_FALSE(first.drain());
  EXPECT_FALSE(second.drain());
}

TEST_P(multi_pool, tasks_bounce_between_two) {
  thread_pool first{config()}, second{config()};
  tally bounced;
  std::function<void(int)> bounce = [&](int left) {
    bounced.add();
    if (left == 0) return;
    thread_pool& other = this_worker::pool() == &first ? second : first;
    EXPECT_FALSE(other.post([&bounce, left] { bounce(left - 1); }));
  };
  for (int i = 0; i < 8; ++i) ASSERT_FALSE(first.post([&bounce] { bounce(300); }));
  EXPECT_TRUE(bounced.reaches(8u * 301));
  EXPECT_FALSE(first.drain());
  EXPECT_FALSE(second.drain());
}

/// Each pool's workers wait for tasks of the other one, at the same time.
TEST_P(multi_pool, workers_wait_for_each_others_pools) {
  pool_config settings = config();
  settings.max_spare_threads = 2 * workers() + 8;
  thread_pool first{settings}, second{settings};
  std::vector<future<int>> results;
  for (std::uint32_t i = 0; i < workers(); ++i) {
    results.push_back(first.submit([&] { return second.submit([&] { return first.run([] { return 1; }); }).get(); }));
    results.push_back(second.submit([&] { return first.submit([&] { return second.run([] { return 1; }); }).get(); }));
  }
  int sum = 0;
  for (future<int>& each : results) sum += each.get();
  EXPECT_EQ(sum, static_cast<int>(2 * workers()));
}

TEST_P(multi_pool, an_outsider_to_one_is_an_outsider_to_it_only) {
  thread_pool first{config()}, second{config()};
  counted_task work;
  first.run([&] {
    EXPECT_FALSE(second.drain());
    EXPECT_EQ(first.drain(), errc::would_deadlock);
    static_cast<void>(second.shutdown());
    EXPECT_EQ(second.schedule(work), errc::shut_down);
    EXPECT_FALSE(first.schedule(work));
    EXPECT_FALSE(second.join());
  });
  EXPECT_FALSE(first.drain());
  EXPECT_EQ(work.runs.load(), 1u);
}

TEST(multi_pools, many_pools_at_a_time) {
  constexpr std::size_t count = 20;
  std::vector<std::unique_ptr<thread_pool>> pools;
  for (std::size_t i = 0; i < count; ++i) {
    pools.push_back(std::make_unique<thread_pool>(pool_config{.max_threads = 1 + static_cast<std::uint32_t>(i % 3)}));
  }
  tally ran;
  // Each task goes through all pools in turn.
  std::function<void(std::size_t)> pass = [&](std::size_t at) {
    ran.add();
    if (at + 1 == count) return;
    EXPECT_FALSE(pools[at + 1]->post([&pass, at] { pass(at + 1); }));
  };
  for (int i = 0; i < 50; ++i) ASSERT_FALSE(pools[0]->post([&pass] { pass(0); }));
  ASSERT_TRUE(ran.reaches(50 * count));
  for (auto& pool : pools) EXPECT_FALSE(pool->join());
}

/// A thread's memory of its pool ends with the pool's task: another pool may get the same address.
TEST(multi_pools, a_new_pool_in_the_place_of_an_old_one) {
  alignas(thread_pool) static unsigned char place[sizeof(thread_pool)];
  for (int round = 0; round < 50; ++round) {
    auto* const pool = new (place) thread_pool(pool_config{.max_threads = 2});
    EXPECT_EQ(pool->run([] { return this_worker::pool() != nullptr ? 1 : 0; }), 1);
    EXPECT_EQ(this_worker::pool(), nullptr);
    counted_task work;
    EXPECT_FALSE(pool->schedule(work));
    pool->~thread_pool();
    EXPECT_EQ(work.runs.load(), 1u);
  }
}

}  // namespace
}  // namespace treadle::test
