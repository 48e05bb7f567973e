#include <process_facts.hpp>
#include <tasks.hpp>

#include <treadle/treadle.hpp>

#include <gtest/gtest.h>

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <mutex>
#include <set>
#include <stdexcept>
#include <system_error>
#include <thread>
#include <type_traits>
#include <utility>
#include <vector>

// A worker that blocks lends its slot to a spare.

namespace treadle::test {
namespace {

class blockings : public with_workers {
 protected:
  [[nodiscard]] static pool_config with_spares(std::uint32_t spares) {
    pool_config made = config();
    made.max_spare_threads = spares;
    return made;
  }
};
INSTANTIATE_TEST_SUITE_P(widths, blockings, worker_counts(), worker_count_name);

/// Tasks that block until they are released, and what they saw.
struct blocked_tasks {
  gate released;
  tally entered, left;
  [[nodiscard]] bool hold(thread_pool& pool, std::size_t count) {
    for (std::size_t i = 0; i < count; ++i) {
      const std::error_code refused = pool.post([this] {
        const std::size_t before = this_worker::index();
        entered.add();
        blocking([this] { released.pass(); });
        EXPECT_EQ(this_worker::index(), before) << "the index changed during a task";
        left.add();
      });
      if (refused) return false;
    }
    return entered.reaches(count);
  }
};

TEST_P(blockings, all_workers_leave_room_for_as_many_spares) {
  gate all_here;
  thread_pool pool{with_spares(workers())};
  blocked_tasks blocked;
  ASSERT_TRUE(blocked.hold(pool, workers()));
  ASSERT_TRUE(eventually([&] { return pool.stats().blocked == workers(); }));
  std::mutex lock;
  std::set<std::size_t> indices;
  tally here;
  for (std::uint32_t i = 0; i < workers(); ++i) {
    ASSERT_FALSE(pool.post([&] {
      {
        const std::lock_guard<std::mutex> locked(lock);
        indices.insert(this_worker::index());
      }
      here.add();
      all_here.pass();
    }));
  }
  ASSERT_TRUE(here.reaches(workers())) << "further tasks must run while all workers are blocked";
  all_here.open();
  for (const std::size_t index : indices) {
    EXPECT_GE(index, workers());
    EXPECT_LT(index, 2 * workers());
  }
  EXPECT_EQ(indices.size(), workers());
  blocked.released.open();
  ASSERT_FALSE(pool.drain());
  EXPECT_EQ(blocked.left.get(), workers());
  EXPECT_EQ(pool.stats().blocked, 0u);
  EXPECT_EQ(pool.stats().blocking_sections, workers());
}

TEST_P(blockings, spares_are_bounded) {
  const std::set<int> before = thread_ids();
  thread_pool pool{with_spares(1)};
  blocked_tasks blocked;
  ASSERT_TRUE(blocked.hold(pool, workers() + 1));
  ASSERT_TRUE(eventually([&] { return pool.stats().blocked == workers() + 1; }));
  counted_task waits;
  ASSERT_FALSE(pool.schedule(waits));
  EXPECT_EQ(facts_of_new_threads(before).size(), workers() + 1);
  EXPECT_EQ(waits.runs.load(), 0u);
  blocked.released.open();
  ASSERT_FALSE(pool.drain());
  EXPECT_EQ(waits.runs.load(), 1u);
}

TEST_P(blockings, without_spares_nothing_is_started) {
  const std::set<int> before = thread_ids();
  thread_pool pool{with_spares(pool_config::no_spares)};
  blocked_tasks blocked;
  ASSERT_TRUE(blocked.hold(pool, workers()));
  counted_task waits;
  ASSERT_FALSE(pool.schedule(waits));
  EXPECT_EQ(facts_of_new_threads(before).size(), workers());
  blocked.released.open();
  ASSERT_FALSE(pool.drain());
  EXPECT_EQ(waits.runs.load(), 1u);
}

/// Counts who is inside a task and outside a blocking section. After a section, the worker goes on at once, so that the
/// count may pass the width until a task ends; the next task is then not started. So each task of one section adds at
/// most itself, and the tasks that never block keep to the width among themselves.
TEST_P(blockings, never_more_than_the_width_start_tasks) {
  thread_pool pool{with_spares(8)};
  std::atomic<int> running{0};
  tally ran, beyond;
  std::atomic<int> resumed{0};
  const std::size_t count = smaller_if_slow(4'000);
  const int width = static_cast<int>(workers());
  for (std::size_t i = 0; i < count; ++i) {
    ASSERT_FALSE(pool.post([&, i] {
      // A task that was resumed above the width stays until it ends, but no new one may start meanwhile.
      const int others = running.fetch_add(1) + 1 - resumed.load();
      if (others > width) beyond.add();
      if (i % 7 == 0) {
        resumed.fetch_add(1);
        blocking([] { std::this_thread::yield(); });
        ran.add();
        running.fetch_sub(1);
        resumed.fetch_sub(1);
        return;
      }
      ran.add();
      running.fetch_sub(1);
    }));
  }
  ASSERT_FALSE(pool.drain());
  EXPECT_EQ(ran.get(), count);
  // `running` and `resumed` are two words: a reader between two changes of one task may count it double.
  EXPECT_LE(beyond.get(), count / 10);
  EXPECT_LE(pool.stats().active, workers());
}

/// After all sections have ended, no more than the width run at a time, whatever number of spares there are by then.
TEST_P(blockings, afterwards_the_width_is_kept_again) {
  thread_pool pool{with_spares(8)};
  blocked_tasks blocked;
  ASSERT_TRUE(blocked.hold(pool, workers() + 8));
  blocked.released.open();
  ASSERT_TRUE(blocked.left.reaches(workers() + 8));
  ASSERT_FALSE(pool.drain());
  std::atomic<std::uint32_t> running{0}, most{0};
  for (std::size_t i = 0; i < 2'000; ++i) {
    ASSERT_FALSE(pool.post([&] {
      const std::uint32_t now = running.fetch_add(1) + 1;
      std::uint32_t seen = most.load();
      while (seen < now && !most.compare_exchange_weak(seen, now)) {
      }
      running.fetch_sub(1);
    }));
  }
  ASSERT_FALSE(pool.drain());
  EXPECT_LE(most.load(), workers());
}

TEST_P(blockings, nest) {
  thread_pool pool{with_spares(2)};
  const int result = pool.run([] {
    const std::size_t before = this_worker::index();
    const int inner = blocking([before] {
      EXPECT_EQ(this_worker::index(), before);
      return blocking([] { return blocking([] { return 7; }); });
    });
    EXPECT_EQ(this_worker::index(), before);
    return inner;
  });
  EXPECT_EQ(result, 7);
  const pool_stats stats = pool.stats();
  EXPECT_EQ(stats.blocked, 0u);
  EXPECT_LE(stats.active, workers());
  EXPECT_EQ(pool.run([] { return 1; }), 1);
}

TEST_P(blockings, hold_many_at_a_time_and_nested) {
  gate released;
  thread_pool pool{with_spares(workers())};
  tally entered;
  for (std::uint32_t i = 0; i < workers(); ++i) {
    ASSERT_FALSE(pool.post([&] {
      blocking([&] {
        entered.add();
        blocking([&] { released.pass(); });
      });
    }));
  }
  ASSERT_TRUE(entered.reaches(workers()));
  EXPECT_EQ(pool.run([] { return 2; }), 2);
  released.open();
  ASSERT_FALSE(pool.drain());
  const pool_stats stats = pool.stats();
  EXPECT_EQ(stats.blocked, 0u);
  EXPECT_EQ(stats.active + stats.parked, stats.threads);
}

TEST(blocking, passes_results_references_and_exceptions_through) {
  thread_pool pool{pool_config{.max_threads = 1}};
  const auto check = [] {
    int cell = 3;
    static_assert(std::is_same_v<decltype(blocking([&cell]() -> int& { return cell; })), int&>);
    EXPECT_EQ(&blocking([&cell]() -> int& { return cell; }), &cell);
    EXPECT_EQ(*blocking([] { return std::make_unique<int>(4); }), 4);
    EXPECT_THROW(blocking([] { throw std::runtime_error("x"); }), std::runtime_error);
    bool ran = false;
    blocking([&ran] { ran = true; });
    EXPECT_TRUE(ran);
  };
  pool.run(check);
  check();  // outside it just calls
  const pool_stats stats = pool.stats();
  EXPECT_EQ(stats.blocked, 0u);
  EXPECT_EQ(stats.blocking_sections, 4u);
}

TEST(blocking, work_queued_by_the_blocked_worker_itself_is_taken_by_a_spare) {
  gate child_ran;
  thread_pool pool{pool_config{.max_threads = 1, .max_spare_threads = 1}};
  std::size_t child_index = this_worker::npos;
  pool.run([&] {
    ASSERT_FALSE(pool.post([&] {
      child_index = this_worker::index();
      child_ran.open();
    }));
    blocking([&] { EXPECT_TRUE(child_ran.pass()); });
  });
  EXPECT_EQ(child_index, 1u);
}

}  // namespace
}  // namespace treadle::test
