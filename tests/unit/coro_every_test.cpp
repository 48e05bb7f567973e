#include <tasks.hpp>

#include <treadle/coro.hpp>
#include <treadle/treadle.hpp>

#include <gtest/gtest.h>

#include <chrono>
#include <cstdint>
#include <system_error>
#include <thread>

// A ticker counts the multiples of its period: it neither drifts nor makes up for what it missed.

namespace treadle::test {
namespace {

using coro::sync_wait;
using namespace std::chrono_literals;
using steady = std::chrono::steady_clock;

class coro_tickers : public with_workers {};
INSTANTIATE_TEST_SUITE_P(widths, coro_tickers, worker_counts(), worker_count_name);

/// The sum of all ticks says how many periods have passed since the ticker was made, whatever was done between.
coro::task<> ticks(std::chrono::microseconds period, int times) {
  const auto before = steady::now();
  coro::ticker t = coro::every(period);
  const auto after = steady::now();
  std::int64_t sum = 0;
  for (int i = 0; i < times; ++i) {
    if (i % 4 == 3) std::this_thread::sleep_for(period * 2);
    const auto asked = steady::now();
    const std::uint64_t passed = co_await t.next();
    EXPECT_GE(passed, i % 4 == 3 ? 2u : 1u);
    sum += static_cast<std::int64_t>(passed);
    EXPECT_LE(sum * period, steady::now() - before) << "never early";
    EXPECT_GT((sum + 1) * period, asked - after) << "none is forgotten";
  }
}

TEST_P(coro_tickers, do_not_drift_and_count_what_was_missed) {
  thread_pool pool{config()};
  sync_wait(pool, ticks(1ms, 20));
  sync_wait(pool, ticks(130us, 40));
}

TEST_P(coro_tickers, do_not_suspend_for_a_tick_that_has_been) {
  thread_pool pool{config()};
  sync_wait(pool, []() -> coro::task<> {
    auto t = coro::every(1ms);
    std::this_thread::sleep_for(3ms);
    const auto here = std::this_thread::get_id();
    EXPECT_GE(co_await t.next(), 3u);
    EXPECT_EQ(std::this_thread::get_id(), here);
  }());
}

/// One who is stopped takes no tick along.
TEST_P(coro_tickers, are_left_whole_by_a_request_to_stop) {
  thread_pool pool{config()};
  auto t = coro::every(20ms);
  tally waits;
  const auto waiting = [](coro::ticker& at, tally& begun) -> coro::task<std::uint64_t> {
    begun.add();
    co_return co_await at.next();
  };
  auto stopped = coro::spawn(pool, waiting(t, waits));
  ASSERT_TRUE(waits.reaches(1));
  stopped.request_stop();
  std::uint64_t seen = 0;
  try {
    seen = stopped.wait();
  } catch (const std::system_error& error) {
    EXPECT_EQ(error.code(), errc::cancelled);
  }
  std::this_thread::sleep_for(45ms);
  EXPECT_GE(seen + sync_wait(pool, waiting(t, waits)), 2u);
}

TEST_P(coro_tickers, of_no_end_wait_for_the_end_of_the_pool) {
  thread_pool pool{config()};
  auto never = coro::every(std::chrono::hours::max());
  auto handle = coro::spawn(pool, [](coro::ticker& t) -> coro::task<> { static_cast<void>(co_await t.next()); }(never));
  ASSERT_FALSE(pool.drain());
  EXPECT_FALSE(handle.is_done());
  static_cast<void>(pool.shutdown());
  EXPECT_THROW(handle.wait(), std::system_error);
}

TEST(coro_ticker_death, a_period_that_is_not_positive_aborts) {
  testing::GTEST_FLAG(death_test_style) = "threadsafe";
  EXPECT_DEATH(static_cast<void>(coro::every(0ms)), "broken invariant");
  EXPECT_DEATH(static_cast<void>(coro::every(-1ms)), "broken invariant");
}

}  // namespace
}  // namespace treadle::test
