#include <tasks.hpp>

#include <treadle/coro.hpp>
#include <treadle/io.hpp>
#include <treadle/treadle.hpp>

#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <chrono>
#include <cstddef>
#include <system_error>
#include <utility>
#include <vector>

namespace treadle::test {
namespace {

using coro::sync_wait;
using io::limiter;
using namespace std::chrono_literals;

class limiters : public with_workers {};
INSTANTIATE_TEST_SUITE_P(widths, limiters, worker_counts(), worker_count_name);

/// How many are under way at a time, and were at most.
struct load {
  std::atomic<int> now{0}, most{0};
  void begin() {
    const int own = now.fetch_add(1) + 1;
    int seen = most.load();
    while (seen < own && !most.compare_exchange_weak(seen, own)) {
    }
  }
  void end() { now.fetch_sub(1); }
};

coro::task<> works(limiter& limit, load& here, load& in_all) {
  const limiter::permit held = co_await limit.acquire();
  EXPECT_TRUE(held);
  here.begin();
  in_all.begin();
  for (int i = 0; i < 3; ++i) co_await coro::yield();
  in_all.end();
  here.end();
}

TEST_P(limiters, start_no_more_than_they_let) {
  thread_pool pool{config()};
  limiter limit(3);
  load seen, same;
  sync_wait(pool, [](thread_pool& runs_on, limiter& of, load& here, load& in_all) -> coro::task<> {
    coro::async_scope all(runs_on);
    for (std::size_t i = 0; i < smaller_if_slow(1000); ++i) all.spawn(works(of, here, in_all));
    co_await all.join();
  }(pool, limit, seen, same));
  EXPECT_EQ(seen.now, 0);
  EXPECT_LE(seen.most, 3);
  EXPECT_GE(seen.most, 1);
}

TEST_P(limiters, nest) {
  thread_pool pool{config()};
  limiter total(5);
  std::array<limiter, 3> hosts{limiter(2, &total), limiter(3, &total), limiter(4, &total)};
  std::array<load, 3> seen;
  load in_all;
  sync_wait(pool, [](thread_pool& runs_on, auto& of, auto& here, load& all_of_them) -> coro::task<> {
    coro::async_scope all(runs_on);
    for (std::size_t i = 0; i < smaller_if_slow(900); ++i) all.spawn(works(of[i % 3], here[i % 3], all_of_them));
    co_await all.join();
  }(pool, hosts, seen, in_all));
  for (int i = 0; i < 3; ++i) EXPECT_LE(seen[static_cast<std::size_t>(i)].most, i + 2);
  EXPECT_LE(in_all.most, 5);
  // All of it is there again.
  std::vector<limiter::permit> all;
  for (int i = 0; i < 5; ++i) all.push_back(total.try_acquire());
  EXPECT_TRUE(std::all_of(all.begin(), all.end(), [](const auto& each) { return static_cast<bool>(each); }));
  EXPECT_FALSE(total.try_acquire());
}

TEST(limiter, gives_permits_in_order) {
  thread_pool pool{pool_config{.max_threads = 1}};
  limiter limit(1);
  limiter::permit first = limit.try_acquire();
  ASSERT_TRUE(first);
  std::vector<int> order;
  std::vector<coro::join_handle<void>> all;
  for (int i = 0; i < 10; ++i) {
    all.push_back(coro::spawn(pool, [](limiter& of, std::vector<int>& into, int number) -> coro::task<> {
      const auto held = co_await of.acquire();
      into.push_back(number);
      co_await coro::yield();
    }(limit, order, i)));
  }
  first.release();
  EXPECT_FALSE(first);
  for (auto& each : all) each.wait();
  EXPECT_EQ(order, (std::vector<int>{0, 1, 2, 3, 4, 5, 6, 7, 8, 9}));
}

coro::task<std::error_code> fails_to_acquire(limiter& of) {
  try {
    const auto held = co_await of.acquire();
    co_return std::error_code{};
  } catch (const std::system_error& stopped) {
    co_return stopped.code();
  }
}

TEST_P(limiters, let_go_of_whoever_is_asked_to_stop) {
  thread_pool pool{config()};
  limiter total(1);
  limiter host(2, &total);
  for (std::size_t round = 0; round < repetitions(100); ++round) {
    // One that waits for the total holds a place of the host's, which must come back.
    limiter::permit other = total.try_acquire();
    ASSERT_TRUE(other);
    std::array<coro::join_handle<std::error_code>, 4> waiting;
    for (auto& each : waiting) each = coro::spawn(pool, fails_to_acquire(host));
    for (auto& each : waiting) each.request_stop();
    for (auto& each : waiting) EXPECT_EQ(each.wait(), make_error_code(errc::cancelled));
    EXPECT_FALSE(host.try_acquire());
    other.release();
    EXPECT_TRUE(host.try_acquire());
  }
  EXPECT_THROW(sync_wait(pool,
                         [](limiter& all, limiter& of) -> coro::task<> {
                           const auto held = co_await all.acquire();
                           static_cast<void>(co_await coro::with_timeout(1ms, of.acquire()));
                         }(total, host)),
               std::system_error);
  limiter::permit moved = host.try_acquire();
  limiter::permit target;
  target = std::move(moved);
  EXPECT_TRUE(target);
  EXPECT_FALSE(host.try_acquire());
}

}  // namespace
}  // namespace treadle::test
