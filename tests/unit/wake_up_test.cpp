#include <process_facts.hpp>
#include <tasks.hpp>

#include <treadle/treadle.hpp>

#include <gtest/gtest.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <memory>
#include <set>
#include <thread>
#include <vector>

// Who is woken, how many, and that nobody is when there is nothing to do. What a single push wakes is in scheduler_test.

namespace treadle::test {
namespace {

using namespace std::chrono_literals;

/// Starts all workers of `pool` and lets them park.
[[nodiscard]] bool park_all(thread_pool& pool, std::uint32_t workers) {
  {
    occupation busy;
    if (!busy.hold(pool, workers)) return false;
  }
  return eventually([&] {
    const pool_stats now = pool.stats();
    return now.threads == workers && now.parked == workers;
  });
}

class wake_ups : public with_workers {};
INSTANTIATE_TEST_SUITE_P(widths, wake_ups, worker_counts(), worker_count_name);

/// A stale token cost the seed a wake-up a hop: one task woke two workers and more.
TEST_P(wake_ups, seed_defect_22) {
  thread_pool pool{config()};
  ASSERT_TRUE(park_all(pool, workers()));
  const pool_stats first = pool.stats();
  constexpr std::uint64_t rounds = 100;
  for (std::uint64_t round = 0; round < rounds; ++round) {
    const pool_stats before = pool.stats();
    counted_task work;
    ASSERT_FALSE(pool.schedule(work));
    ASSERT_TRUE(eventually([&] { return pool.stats().parked == workers() && work.runs.load() == 1; }));
    // None, if a worker had announced that it parks and saw the task in its last look.
    ASSERT_LE(pool.stats().wakes - before.wakes, 1u) << "one task woke more than one worker";
    if (round % 2 == 0) std::this_thread::sleep_for(200us);  // long enough to fall asleep, most times
  }
  EXPECT_GE(pool.stats().wakes - first.wakes, rounds / 10) << "nobody ever slept: the test shows nothing";
}

TEST_P(wake_ups, an_empty_drain_wakes_nobody) {
  thread_pool pool{config()};
  ASSERT_TRUE(park_all(pool, workers()));
  const pool_stats before = pool.stats();
  for (int i = 0; i < 100; ++i) ASSERT_FALSE(pool.drain());
  EXPECT_EQ(pool.stats().wakes, before.wakes);
}

/// As many tasks as workers, each of which waits for all others: every worker must be woken, though no push does it.
TEST_P(wake_ups, reach_every_worker_that_has_work) {
  thread_pool pool{config()};
  ASSERT_TRUE(park_all(pool, workers()));
  for (int round = 0; round < 20; ++round) {
    tally here;
    std::vector<std::unique_ptr<function_task>> tasks;
    batch all;
    for (std::uint32_t i = 0; i < workers(); ++i) {
      tasks.push_back(std::make_unique<function_task>([&] {
        here.add();
        EXPECT_TRUE(here.reaches(workers()));
      }));
      all.push(*tasks.back());
    }
    ASSERT_FALSE(pool.schedule(all));
    ASSERT_FALSE(pool.drain());
    ASSERT_EQ(here.get(), workers());
  }
}

/// The same, but a task of the pool schedules them, one by one.
TEST_P(wake_ups, reach_every_worker_for_tasks_of_a_worker) {
  thread_pool pool{config()};
  for (int round = 0; round < 20; ++round) {
    tally here;
    ASSERT_FALSE(pool.post([&] {
      for (std::uint32_t i = 0; i + 1 < workers(); ++i) {
        EXPECT_FALSE(pool.post([&] {
          here.add();
          EXPECT_TRUE(here.reaches(workers()));
        }));
      }
      here.add();
      EXPECT_TRUE(here.reaches(workers()));
    }));
    ASSERT_FALSE(pool.drain());
    ASSERT_EQ(here.get(), workers());
  }
}

/// A worker's own pushes while the others go to sleep: the seed's relaxed look at `notified` could miss the sleeper, and
/// the task that blocks on what it pushed then waited for ever.
TEST(wake_up, seed_defect_3) {
  thread_pool pool{pool_config{.max_threads = 2, .max_spare_threads = pool_config::no_spares, .spin_ns = -1}};
  const std::size_t rounds = repetitions(20'000);
  pool.run([&] {
    for (std::size_t round = 0; round < rounds; ++round) {
      std::atomic<bool> done{false};
      function_task child([&done] { done.store(true, std::memory_order_release); });
      ASSERT_FALSE(pool.schedule(child));
      // Only the other worker can run it: this one waits without giving its slot away.
      if (!eventually([&] { return done.load(std::memory_order_acquire); })) std::abort();
    }
  });
}

/// A push from outside while the only worker goes to sleep.
TEST(wake_up, is_not_lost_between_a_push_and_a_park) {
  for (const std::uint32_t workers : {1u, 2u, 4u}) {
    thread_pool pool{pool_config{.max_threads = workers, .spin_ns = -1}};
    const std::size_t rounds = repetitions(10'000);
    for (std::size_t round = 0; round < rounds; ++round) {
      std::atomic<bool> done{false};
      function_task work([&done] { done.store(true, std::memory_order_release); });
      ASSERT_FALSE(pool.schedule(work));
      if (!eventually([&] { return done.load(std::memory_order_acquire); })) std::abort();
    }
  }
}

/// A worker that spins takes what comes without a wake-up; the seed never spun.
TEST(wake_up, is_not_needed_by_a_worker_that_still_looks) {
  constexpr std::chrono::nanoseconds spin = 8s;
  thread_pool pool{pool_config{.max_threads = 1, .spin_ns = spin.count()}};
  const auto begin = std::chrono::steady_clock::now();
  for (int i = 0; i < 100; ++i) EXPECT_EQ(pool.run([] { return 1; }), 1);
  EXPECT_EQ(pool.stats().wakes, 0u);
  EXPECT_EQ(pool.stats().parks, 0u);
  EXPECT_GT(pool.stats().spins, 0u);
  // Neither a drain nor the end of the pool waits for the end of the search.
  EXPECT_FALSE(pool.drain());
  EXPECT_FALSE(pool.join());
  EXPECT_LT(std::chrono::steady_clock::now() - begin, spin);
}

TEST(wake_up, of_a_pool_that_does_not_spin_parks_at_once) {
  thread_pool pool{pool_config{.max_threads = 2, .spin_ns = -1}};
  for (int i = 0; i < 100; ++i) EXPECT_EQ(pool.run([] { return 1; }), 1);
  EXPECT_TRUE(eventually([&] { return pool.stats().parked == pool.stats().threads; }));
  EXPECT_EQ(pool.stats().spins, 0u);
}

/// Idle is idle: no context switch and no time on a CPU.
TEST(idle, costs_nothing) {
  const auto time = test_scale() > 1 ? 10s : 2s;
  const std::set<int> before = thread_ids();
  thread_pool pool{pool_config{.max_threads = 8}};
  ASSERT_TRUE(park_all(pool, 8));
  // Counted as parked a few instructions before they sleep.
  std::this_thread::sleep_for(100ms);
  const auto at_first = facts_of_new_threads(before);
  ASSERT_EQ(at_first.size(), 8u);
  const pool_stats first = pool.stats();
  std::this_thread::sleep_for(time);
  const auto at_last = facts_of_new_threads(before);
  ASSERT_EQ(at_last.size(), 8u);
  for (const auto& [id, facts] : at_first) {
    ASSERT_EQ(at_last.count(id), 1u);
    EXPECT_EQ(at_last.at(id).context_switches, facts.context_switches);
    EXPECT_EQ(at_last.at(id).cpu_ns, facts.cpu_ns);
  }
  EXPECT_EQ(pool.stats().wakes, first.wakes);
  EXPECT_EQ(pool.stats().parks, first.parks);
}

/// When workers last had no work in sight.
struct park_times {
  std::atomic<std::int64_t> last_ns{0};
  tally parks;
  static std::int64_t now_ns() {
    return std::chrono::duration_cast<std::chrono::nanoseconds>(std::chrono::steady_clock::now().time_since_epoch())
        .count();
  }
  [[nodiscard]] pool_hooks hooks() {
    pool_hooks made;
    made.context = this;
    made.before_park = [](void* context, std::size_t) noexcept {
      auto* const self = static_cast<park_times*>(context);
      self->last_ns.store(now_ns());
      self->parks.add();
    };
    return made;
  }
};

/// A loaded machine may keep a worker off the CPU for longer, so the best of a few tries counts.
TEST(idle, begins_within_a_millisecond_of_the_last_task) {
  park_times times;
  pool_config config;
  config.max_threads = 4;
  config.hooks = times.hooks();
  thread_pool pool{config};
  std::int64_t best = INT64_MAX;
  for (int attempt = 0; attempt < 5 && best > 1'000'000 + 2'000; ++attempt) {
    ASSERT_TRUE(park_all(pool, 4));
    const std::size_t parks = times.parks.get();
    std::atomic<std::int64_t> ended{0};
    function_task work([&ended] { ended.store(park_times::now_ns()); });
    ASSERT_FALSE(pool.schedule(work));
    ASSERT_TRUE(eventually([&] { return ended.load() != 0 && pool.stats().parked == 4; }));
    ASSERT_GT(times.parks.get(), parks);
    best = std::min(best, times.last_ns.load() - ended.load());
  }
  EXPECT_LE(best, 1'000'000 + 2'000);
}

}  // namespace
}  // namespace treadle::test
