#include <tasks.hpp>

#include <treadle/coro.hpp>
#include <treadle/treadle.hpp>

#include <gtest/gtest.h>

#include <atomic>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <stdexcept>
#include <string>
#include <system_error>
#include <thread>
#include <utility>
#include <vector>

// Tasks are calls that may suspend: results, exceptions and references arrive, depth costs no stack, and a flow goes on
// wherever a worker takes it.

namespace treadle::test {
namespace {

using coro::sync_wait;

class coro_tasks : public with_workers {};
INSTANTIATE_TEST_SUITE_P(widths, coro_tasks, worker_counts(), worker_count_name);

coro::task<int> number(int value) { co_return value; }
coro::task<std::unique_ptr<int>> boxed(int value) { co_return std::make_unique<int>(value); }
coro::task<int&> reference_to(int& value) { co_return value; }
coro::task<> throws(const char* what) {
  throw std::runtime_error(what);
  co_return;
}
coro::task<std::uint64_t> depth(std::uint64_t levels) {
  if (levels == 0) co_return 0;
  co_return 1 + co_await depth(levels - 1);
}
coro::task<std::uint64_t> fibonacci(thread_pool& pool, unsigned n) {
  if (n < 2) co_return n;
  auto left = coro::spawn(pool, fibonacci(pool, n - 1));
  const std::uint64_t right = co_await fibonacci(pool, n - 2);
  co_return co_await left + right;
}

coro::task<> gives_results_of_each_kind() {
  EXPECT_EQ(co_await number(7), 7);
  std::unique_ptr<int> box = co_await boxed(8);
  EXPECT_EQ(*box, 8);
  int& same = co_await reference_to(*box);
  EXPECT_EQ(&same, box.get());
  std::string caught;
  try {
    co_await throws("on purpose");
  } catch (const std::runtime_error& error) {
    caught = error.what();
  }
  EXPECT_EQ(caught, "on purpose");
}

TEST_P(coro_tasks, give_results_of_each_kind) {
  thread_pool pool{config()};
  sync_wait(pool, gives_results_of_each_kind());
  EXPECT_EQ(*sync_wait(pool, boxed(3)), 3);
  int value = 1;
  EXPECT_EQ(&sync_wait(pool, reference_to(value)), &value);
  EXPECT_THROW(sync_wait(pool, throws("outside")), std::runtime_error);
}

coro::task<std::uint64_t> many_calls(std::uint64_t count) {
  std::uint64_t sum = 0;
  for (std::uint64_t i = 0; i < count; ++i) sum += static_cast<std::uint64_t>(co_await number(1));
  co_return sum;
}

/// A chain of awaits, and a loop of tasks that end at once, would overflow a stack that they used.
TEST_P(coro_tasks, use_no_stack_for_depth_nor_for_loops) {
  thread_pool pool{config()};
  EXPECT_EQ(sync_wait(pool, depth(200'000)), 200'000u);
  EXPECT_EQ(sync_wait(pool, many_calls(200'000)), 200'000u);
}

TEST_P(coro_tasks, spawn_and_join_each_other) {
  thread_pool pool{config()};
  EXPECT_EQ(sync_wait(pool, fibonacci(pool, slow_factor > 1 ? 12 : 18)), slow_factor > 1 ? 144u : 2584u);
}

coro::task<> one_tick(tally& ticks) {
  ticks.add();
  co_return;
}

TEST_P(coro_tasks, run_when_nobody_waits_for_them) {
  thread_pool pool{config()};
  tally ticks;
  for (int i = 0; i < 1'000; ++i) coro::spawn(pool, one_tick(ticks)).detach();
  ASSERT_FALSE(pool.drain());
  EXPECT_EQ(ticks.get(), 1'000u);
}

coro::task<> yields(std::size_t times, std::atomic<std::size_t>& sum) {
  std::size_t mine = 0;  // moves with the coroutine from thread to thread
  for (std::size_t i = 0; i < times; ++i) {
    const std::size_t before = this_worker::index();
    co_await coro::yield();
    EXPECT_NE(this_worker::index(), this_worker::npos) << "it was on " << before;
    ++mine;
  }
  sum += mine;
}

TEST_P(coro_tasks, go_on_where_a_worker_takes_them) {
  thread_pool pool{config()};
  std::atomic<std::size_t> sum{0};
  constexpr std::size_t coroutines = 50;
  const std::size_t times = smaller_if_slow(400);
  std::vector<coro::join_handle<void>> handles;
  for (std::size_t i = 0; i < coroutines; ++i) handles.push_back(coro::spawn(pool, yields(times, sum)));
  for (auto& each : handles) each.wait();
  EXPECT_EQ(sum, coroutines * times);
}

coro::task<thread_pool*> moves(thread_pool& to) {
  co_await coro::resume_on(to);
  co_return this_worker::pool();
}
coro::task<> moves_to_and_fro(thread_pool& home, thread_pool& away) {
  EXPECT_EQ(this_worker::pool(), &home);
  EXPECT_EQ(co_await moves(away), &away);
  EXPECT_EQ(this_worker::pool(), &away) << "the flow has moved, not only the task";
  co_await coro::yield();
  EXPECT_EQ(this_worker::pool(), &away);
  EXPECT_EQ(co_await moves(home), &home);
  EXPECT_EQ(co_await moves(home), &home);
}

TEST_P(coro_tasks, move_between_pools) {
  thread_pool home{config()};
  thread_pool away{config()};
  for (int i = 0; i < 50; ++i) sync_wait(home, moves_to_and_fro(home, away));
  static_cast<void>(away.shutdown());
  EXPECT_EQ(sync_wait(home,
                      [](thread_pool& gone) -> coro::task<std::error_code> {
                        try {
                          co_await coro::resume_on(gone);
                        } catch (const std::system_error& refused) {
                          co_return refused.code();
                        }
                        co_return std::error_code();
                      }(away)),
            errc::shut_down);
}

coro::task<std::uint64_t> inherited() { co_return coro::this_coro::locals().trace_id; }
coro::task<> carries_locals(thread_pool& pool) {
  coro::this_coro::locals().trace_id = 42;
  for (int i = 0; i < 20; ++i) {
    co_await coro::yield();
    EXPECT_EQ(coro::this_coro::locals().trace_id, 42u) << "on whatever thread";
  }
  EXPECT_EQ(co_await inherited(), 42u);
  auto child = coro::spawn(pool, [](thread_pool&) -> coro::task<std::uint64_t> {
    const std::uint64_t before = co_await inherited();
    coro::this_coro::locals().trace_id = 43;  // its own copy
    co_return before;
  }(pool));
  EXPECT_EQ(co_await child, 42u);
  EXPECT_EQ(coro::this_coro::locals().trace_id, 42u);
  const auto [left, right] = co_await coro::when_all(inherited(), inherited());
  EXPECT_EQ(left, 42u);
  EXPECT_EQ(right, 42u);
}

TEST_P(coro_tasks, carry_their_locals) {
  thread_pool pool{config()};
  sync_wait(pool, carries_locals(pool));
  EXPECT_EQ(coro::this_coro::locals().trace_id, 0u);
}

coro::task<int> waits_inside(thread_pool& pool) {
  co_return coro::spawn(pool, number(5)).wait() + sync_wait(number(1));
}

TEST_P(coro_tasks, may_be_waited_for_on_a_worker) {
  thread_pool pool{config()};
  EXPECT_EQ(sync_wait(pool, waits_inside(pool)), 6);
}

/// With no worker to take its place, who waits goes on itself: with what it waits for, its timers included.
TEST(coro_task, may_be_waited_for_on_the_only_worker) {
  thread_pool pool{pool_config{.max_threads = 1, .max_spare_threads = pool_config::no_spares}};
  const auto sleeps = []() -> coro::task<int> {
    co_await coro::sleep_for(std::chrono::milliseconds(1));
    co_return 3;
  };
  EXPECT_EQ(pool.run([&] { return sync_wait(pool, sleeps()); }), 3);
  EXPECT_EQ(pool.run([&] { return blocking([&] { return sync_wait(pool, sleeps()); }); }), 3);
  EXPECT_FALSE(pool.drain());
  EXPECT_EQ(pool.stats().blocked, 0u);
}

TEST(coro_task, that_is_never_awaited_is_only_destroyed) {
  bool ran = false;
  {
    const coro::task<> unawaited = [](bool& flag) -> coro::task<> {
      flag = true;
      co_return;
    }(ran);
    EXPECT_TRUE(static_cast<bool>(unawaited));
  }
  EXPECT_FALSE(ran);
}

TEST(coro_task, that_throws_with_nobody_waiting_goes_to_the_hook) {
  std::atomic<int> seen{0};
  pool_config config;
  config.hooks.context = &seen;
  config.hooks.unhandled_exception = [](void* count, std::exception_ptr) noexcept {
    ++*static_cast<std::atomic<int>*>(count);
  };
  thread_pool pool{config};
  coro::spawn(pool, throws("unseen")).detach();
  ASSERT_FALSE(pool.drain());
  EXPECT_EQ(seen, 1);
}

TEST(coro_task, is_refused_by_a_pool_that_is_shut_down) {
  thread_pool pool;
  static_cast<void>(pool.shutdown());
  EXPECT_THROW(static_cast<void>(coro::spawn(pool, number(1))), std::system_error);
}

coro::generator<int> up_to(int end) {
  for (int i = 0; i < end; ++i) co_yield i;
}
coro::generator<const std::string&> words() {
  const std::string kept = "kept";
  co_yield kept;
  throw std::runtime_error("no more");
}

TEST(coro_generator, gives_what_is_yielded) {
  int sum = 0;
  for (const int each : up_to(100)) sum += each;
  EXPECT_EQ(sum, 4950);
  auto left_early = up_to(100);
  EXPECT_EQ(*left_early.begin(), 0);
  auto sequence = words();
  auto at = sequence.begin();
  EXPECT_EQ(*at, "kept");
  EXPECT_THROW(++at, std::runtime_error);
}

}  // namespace
}  // namespace treadle::test
