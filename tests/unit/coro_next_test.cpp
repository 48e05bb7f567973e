#include <tasks.hpp>

#include <treadle/coro.hpp>
#include <treadle/treadle.hpp>

#include <gtest/gtest.h>

#include <atomic>
#include <chrono>
#include <cstddef>
#include <thread>
#include <vector>

// What a coroutine wakes or spawns runs next on its worker, but is no captive there.

namespace treadle::test {
namespace {

using coro::sync_wait;

class coro_next : public with_workers {};
INSTANTIATE_TEST_SUITE_P(widths, coro_next, worker_counts(), worker_count_name);

coro::task<> returns_all(coro::channel<int>& from, coro::channel<int>& to) {
  while (const auto got = co_await from.receive()) static_cast<void>(co_await to.send(*got + 1));
  to.close();
}

coro::task<int> plays(thread_pool& pool, int rounds) {
  coro::channel<int> there(1), back(1);
  auto other = coro::spawn(pool, returns_all(there, back));
  int number = 0;
  for (int i = 0; i < rounds; ++i) {
    static_cast<void>(co_await there.send(number));
    number = *co_await back.receive();
  }
  there.close();
  co_await other;
  co_return number;
}

TEST_P(coro_next, hand_over_reaches_the_other_each_time) {
  thread_pool pool{config()};
  const int rounds = static_cast<int>(smaller_if_slow(2'000));
  EXPECT_EQ(sync_wait(pool, plays(pool, rounds)), rounds);
}

/// Two that wake each other all the time leave room for what is queued, from inside and from outside.
TEST_P(coro_next, nothing_starves_behind_two_who_wake_each_other) {
  thread_pool pool{config()};
  std::atomic<bool> over{false};
  std::atomic<int> ran{0};
  const auto goes_on = [](coro::channel<int>& from, coro::channel<int>& to, std::atomic<bool>& end) -> coro::task<> {
    while (!end.load() && co_await from.receive()) static_cast<void>(co_await to.send(1));
    from.close();
    to.close();
  };
  coro::channel<int> there(1), back(1);
  std::vector<coro::join_handle<void>> busy;
  for (std::size_t i = 0; i < workers(); ++i) {
    busy.push_back(coro::spawn(pool, goes_on(there, back, over)));
    busy.push_back(coro::spawn(pool, goes_on(back, there, over)));
  }
  sync_wait(pool, [](coro::channel<int>& to) -> coro::task<> { static_cast<void>(co_await to.send(1)); }(there));
  const auto inside = coro::spawn(pool, [](thread_pool& on, std::atomic<int>& count) -> coro::task<> {
    for (int i = 0; i < 10; ++i) {
      static_cast<void>(on.post([&count] { ++count; }));
      co_await coro::yield();
    }
  }(pool, ran));
  for (int i = 0; i < 10; ++i) ASSERT_FALSE(pool.post([&ran] { ++ran; }));
  EXPECT_TRUE(eventually([&] { return ran.load() == 20; }));
  over = true;
  for (auto& each : busy) each.wait();
}

/// A coroutine that computes on holds up what it has woken for a lookout's nap, not until it waits.
TEST_P(coro_next, what_it_has_spawned_is_taken_while_it_computes) {
  if (workers() == 1) return;  // nobody else is there
  thread_pool pool{config()};
  const auto computes = [](thread_pool& on) -> coro::task<bool> {
    std::atomic<bool> started{false};
    auto other = coro::spawn(on, [](std::atomic<bool>& flag) -> coro::task<> {
      flag = true;
      co_return;
    }(started));
    const bool taken = eventually([&] { return started.load(); });  // holds its thread
    co_await other;
    co_return taken;
  };
  for (int i = 0; i < 20; ++i) EXPECT_TRUE(sync_wait(pool, computes(pool)));
}

/// The same where it blocks; on one worker a spare comes for it.
TEST_P(coro_next, what_it_has_spawned_runs_while_it_blocks) {
  thread_pool pool{config()};
  const auto blocks = [](thread_pool& on) -> coro::task<bool> {
    std::atomic<bool> started{false};
    auto other = coro::spawn(on, [](std::atomic<bool>& flag) -> coro::task<> {
      flag = true;
      co_return;
    }(started));
    const bool taken = blocking([&] { return eventually([&] { return started.load(); }); });
    co_await other;
    co_return taken;
  };
  for (int i = 0; i < 20; ++i) EXPECT_TRUE(sync_wait(pool, blocks(pool)));
}

/// What lies in a slot when the pool ends runs, or ends with it: handles hear of it.
TEST_P(coro_next, ends_with_the_pool) {
  for (int round = 0; round < 20; ++round) {
    thread_pool pool{config()};
    std::atomic<int> begun{0};
    auto all = coro::spawn(pool, [](thread_pool& on, std::atomic<int>& count) -> coro::task<> {
      for (;;) {
        ++count;
        co_await coro::spawn(on, [](std::atomic<int>& number) -> coro::task<> {
          ++number;
          co_return;
        }(count));
      }
    }(pool, begun));
    ASSERT_TRUE(eventually([&] { return begun.load() > 10; }));
    static_cast<void>(pool.shutdown(shutdown_mode::cancel));
    EXPECT_ANY_THROW(all.wait());
    EXPECT_FALSE(pool.join());
  }
}

}  // namespace
}  // namespace treadle::test
