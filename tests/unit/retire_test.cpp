#include <process_facts.hpp>
#include <tasks.hpp>

#include <treadle/treadle.hpp>

#include <gtest/gtest.h>

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <fstream>
#include <set>
#include <string>
#include <thread>
#include <vector>

// Threads without work end after `retire_after`, and come back with the work.

namespace treadle::test {
namespace {

using namespace std::chrono_literals;

class retirement : public with_workers {
 protected:
  [[nodiscard]] static pool_config retiring(std::chrono::nanoseconds after) {
    pool_config made = config();
    made.retire_after = after;
    return made;
  }
};
INSTANTIATE_TEST_SUITE_P(widths, retirement, worker_counts(), worker_count_name);

TEST_P(retirement, ends_all_threads_and_later_tasks_start_new_ones) {
  const std::set<int> before = thread_ids();
  thread_pool pool{retiring(5ms)};
  for (std::uint32_t round = 1; round <= 3; ++round) {
    {
      occupation busy;
      ASSERT_TRUE(busy.hold(pool, workers())) << "in round " << round;
      EXPECT_EQ(facts_of_new_threads(before).size(), workers());
    }
    ASSERT_TRUE(eventually([&] { return facts_of_new_threads(before).empty(); }));
    EXPECT_TRUE(eventually([&] { return pool.stats().threads == 0; }));
    EXPECT_GE(pool.stats().threads_started, round * workers());
  }
  EXPECT_FALSE(pool.drain());
  EXPECT_EQ(pool.stats().tasks_run, 3u * workers());
}

TEST_P(retirement, loses_no_task) {
  thread_pool pool{retiring(1us)};
  const std::size_t rounds = smaller_if_slow(300);
  tally ran;
  for (std::size_t round = 0; round < rounds; ++round) {
    counted_task one;
    ASSERT_FALSE(pool.schedule(one));
    ASSERT_FALSE(pool.post([&] { ran.add(); }));
    if (round % 3 == 0) std::this_thread::sleep_for(50us);
    ASSERT_TRUE(eventually([&] { return one.runs.load() == 1; }));
    ASSERT_FALSE(pool.drain());
  }
  EXPECT_EQ(ran.get(), rounds);
  EXPECT_FALSE(pool.join());
  EXPECT_EQ(pool.stats().tasks_run, 2 * rounds);
}

TEST_P(retirement, never_when_told_so) {
  const std::set<int> before = thread_ids();
  thread_pool pool{retiring(-1ns)};
  {
    occupation busy;
    ASSERT_TRUE(busy.hold(pool, workers()));
  }
  ASSERT_TRUE(eventually([&] { return pool.stats().parked == workers(); }));
  std::this_thread::sleep_for(30ms);
  EXPECT_EQ(facts_of_new_threads(before).size(), workers());
}

std::size_t address_space_kib() {
  std::ifstream status("/proc/self/status");
  for (std::string line; std::getline(status, line);) {
    if (line.rfind("VmSize:", 0) == 0) return std::strtoull(line.c_str() + 7, nullptr, 10);
  }
  return 0;
}

TEST(retirement_memory, gives_the_stacks_back) {
  constexpr std::size_t stack = std::size_t{256} << 20;  // more than the C library keeps for later
  constexpr std::size_t stack_kib = stack >> 10;
  thread_pool pool{pool_config{.max_threads = 4, .stack_bytes = stack, .retire_after = 5ms}};
  const std::size_t before = address_space_kib();
  {
    occupation busy;
    ASSERT_TRUE(busy.hold(pool, 4));
    ASSERT_GE(address_space_kib(), before + 4 * stack_kib);
  }
  // Those that leave last, side by side, keep their own until the next one comes and goes: nobody is left to join them.
  const auto comes_and_goes = [&] {
    pool.run([] {});
    std::this_thread::sleep_for(20ms);
    return address_space_kib() < before + 2 * stack_kib;
  };
  EXPECT_TRUE(eventually(comes_and_goes))
      << "the stacks of retired threads are still mapped: " << (address_space_kib() - before) / stack_kib;
}

TEST(retirement_spares, end_too) {
  const std::set<int> before = thread_ids();
  gate released;
  thread_pool pool{pool_config{.max_threads = 1, .max_spare_threads = 3, .retire_after = 5ms}};
  tally entered;
  for (int i = 0; i < 4; ++i) {
    ASSERT_FALSE(pool.post([&] {
      entered.add();
      blocking([&] { released.pass(); });
    }));
  }
  ASSERT_TRUE(entered.reaches(4));
  EXPECT_EQ(facts_of_new_threads(before).size(), 4u);
  released.open();
  EXPECT_TRUE(eventually([&] { return facts_of_new_threads(before).empty(); }));
  EXPECT_EQ(pool.run([] { return this_worker::index(); }), 0u) << "the lowest index comes first";
}

}  // namespace
}  // namespace treadle::test
