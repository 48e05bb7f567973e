#include <limits.hpp>
#include <random.hpp>
#include <tasks.hpp>

#include <treadle/coro.hpp>
#include <treadle/treadle.hpp>

#include <gtest/gtest.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstddef>
#include <exception>
#include <system_error>
#include <thread>
#include <utility>
#include <vector>

// Coroutines that sleep: never too short, ended by a request to stop or by the end of their pool, on any number of workers.

namespace treadle::test {
namespace {

using coro::sync_wait;
using namespace std::chrono_literals;
using steady = std::chrono::steady_clock;

class coro_sleeps : public with_workers {
 protected:
  void TearDown() override { EXPECT_EQ(reported_.get(), 0u) << "an exception came to the hook"; }
  /// Counts what comes to the hook: nothing is to.
  [[nodiscard]] pool_config listening() {
    pool_config made = config();
    made.hooks.context = &reported_;
    made.hooks.unhandled_exception = [](void* context, std::exception_ptr) noexcept {
      static_cast<tally*>(context)->add();
    };
    return made;
  }

 private:
  tally reported_;
};
INSTANTIATE_TEST_SUITE_P(widths, coro_sleeps, worker_counts(), worker_count_name);

template <class T>
std::error_code error_of(coro::join_handle<T>& handle) {
  try {
    handle.wait();
  } catch (const std::system_error& error) {
    return error.code();
  }
  return {};
}

coro::task<> sleeps_and_looks(std::chrono::microseconds time) {
  const auto began = steady::now();
  co_await coro::sleep_for(time);
  EXPECT_GE(steady::now() - began, time);
  const auto until = steady::now() + time;
  co_await coro::sleep_until(until);
  EXPECT_GE(steady::now(), until);
}

TEST_P(coro_sleeps, are_never_too_short) {
  thread_pool pool{config()};
  std::vector<coro::join_handle<void>> handles;
  for (int i = 0; i < 200; ++i) handles.push_back(coro::spawn(pool, sleeps_and_looks(i * 67us)));
  for (auto& each : handles) each.wait();
}

TEST_P(coro_sleeps, hold_no_thread) {
  thread_pool pool{config()};
  const auto began = steady::now();
  std::vector<coro::task<>> all;
  for (int i = 0; i < 1'000; ++i) {
    all.push_back([]() -> coro::task<> { co_await coro::sleep_for(20ms); }());
  }
  sync_wait(pool, [](std::vector<coro::task<>> tasks) -> coro::task<> {
    co_await coro::when_all(std::move(tasks));
  }(std::move(all)));
  EXPECT_LT(steady::now() - began, 10s) << "one after another it were twenty";
}

TEST_P(coro_sleeps, for_no_time_do_not_suspend) {
  thread_pool pool{config()};
  sync_wait(pool, []() -> coro::task<> {
    const auto here = std::this_thread::get_id();
    co_await coro::sleep_for(0s);
    co_await coro::sleep_for(-1h);
    co_await coro::sleep_until(std::chrono::system_clock::now() - 1h);
    EXPECT_EQ(std::this_thread::get_id(), here);
    const auto until = std::chrono::system_clock::now() + 2ms;
    co_await coro::sleep_until(until);
  }());
}

coro::task<> sleeps(std::chrono::nanoseconds time, tally& began, tally& ended) {
  struct leaving {
    tally& ended;
    ~leaving() { ended.add(); }
  };
  const leaving on_exit{ended};
  began.add();
  co_await coro::sleep_for(time);
}

TEST_P(coro_sleeps, end_by_a_request_to_stop) {
  thread_pool pool{config()};
  tally began, ended;
  std::vector<coro::join_handle<void>> handles;
  for (std::size_t i = 0; i < 50; ++i) {
    handles.push_back(coro::spawn(pool, sleeps(i % 2 == 0 ? 1h : std::chrono::nanoseconds::max(), began, ended)));
    if (i % 5 == 0) {
      ASSERT_TRUE(began.reaches(i + 1));
    }
    handles[i].request_stop();
  }
  for (auto& each : handles) EXPECT_EQ(error_of(each), errc::cancelled);
  EXPECT_EQ(ended.get(), 50u);
}

/// A stop and the expiry come at the same time: whoever is first ends the sleep, and it ends once.
TEST_P(coro_sleeps, race_with_a_request_to_stop) {
  thread_pool pool{config()};
  random_source random(workers());
  tally began, ended;
  std::size_t slept = 0, stopped = 0;
  const std::size_t rounds = smaller_if_slow(300);
  for (std::size_t round = 0; round < rounds; ++round) {
    auto handle = coro::spawn(pool, sleeps(std::chrono::microseconds(random.below(200)), began, ended));
    const auto until = steady::now() + std::chrono::microseconds(random.below(250));
    while (steady::now() < until) {
    }
    handle.request_stop();
    ++(error_of(handle) == errc::cancelled ? stopped : slept);
  }
  EXPECT_EQ(slept + stopped, rounds);
  EXPECT_EQ(ended.get(), rounds);
}

coro::task<> beats(std::chrono::nanoseconds period, tally& began, tally& ended) {
  struct leaving {
    tally& ended;
    ~leaving() { ended.add(); }
  };
  const leaving on_exit{ended};
  began.add();
  while (!coro::this_coro::stop_requested()) {
    try {
      co_await coro::sleep_for(period);
    } catch (const std::system_error& error) {
      EXPECT_EQ(error.code(), errc::cancelled);
      EXPECT_TRUE(coro::this_coro::stop_requested());
    }
  }
  // Afterwards every sleep ends at once.
  co_await coro::sleep_for(period);
  ADD_FAILURE() << "slept after the end";
}

coro::task<> awaits_sleepers(tally& began, tally& ended) {
  co_await coro::when_all(sleeps(1h, began, ended), sleeps(2h, began, ended));
}

/// Joined, detached, in a loop, below others: all are unwound, and none of it is an unhandled exception.
TEST_P(coro_sleeps, end_with_their_pool) {
  for (const shutdown_mode mode : {shutdown_mode::drain, shutdown_mode::cancel}) {
    tally began, ended;
    thread_pool pool{listening()};
    timer other(pool, [](timer&) noexcept {});
    ASSERT_FALSE(other.arm(1h));
    std::vector<coro::join_handle<void>> handles;
    for (int i = 0; i < 20; ++i) {
      handles.push_back(coro::spawn(pool, sleeps(1h, began, ended)));
      handles.push_back(coro::spawn(pool, beats(1h, began, ended)));
      handles.push_back(coro::spawn(pool, awaits_sleepers(began, ended)));
      coro::spawn(pool, sleeps(1h, began, ended)).detach();
      coro::spawn(pool, awaits_sleepers(began, ended)).detach();
    }
    ASSERT_TRUE(began.reaches(140));
    ASSERT_FALSE(pool.drain()) << "all of them sleep";
    shutdown_report report = pool.shutdown(mode);
    EXPECT_EQ(report.not_run.size(), 1u) << "the user's timer, and no coroutine";
    report.not_run.clear();
    EXPECT_EQ(report.still_running, 0u);
    EXPECT_EQ(ended.get(), 140u) << "before the shutdown returned";
    for (auto& each : handles) EXPECT_EQ(error_of(each), errc::cancelled);
    EXPECT_FALSE(pool.join());
  }
}

TEST_P(coro_sleeps, end_by_a_join_and_by_the_destructor) {
  tally began, ended;
  {
    thread_pool pool{listening()};
    for (int i = 0; i < 20; ++i) coro::spawn(pool, beats(i % 2 == 0 ? 1h : 1ms, began, ended)).detach();
    ASSERT_TRUE(began.reaches(20));
    ASSERT_FALSE(pool.join());
    EXPECT_EQ(ended.get(), 20u);
  }
  thread_pool* const pool = new thread_pool{listening()};
  for (int i = 0; i < 20; ++i) coro::spawn(*pool, beats(i % 2 == 0 ? 1h : 1ms, began, ended)).detach();
  ASSERT_TRUE(began.reaches(40));
  delete pool;
  EXPECT_EQ(ended.get(), 40u);
}

/// The pool ends while some go to sleep, some wake up, and some have not begun.
TEST_P(coro_sleeps, race_with_the_end_of_their_pool) {
  random_source random(workers());
  for (std::size_t round = 0; round < smaller_if_slow(40); ++round) {
    tally began, ended;
    thread_pool pool{listening()};
    std::vector<coro::join_handle<void>> handles;
    for (std::size_t i = 0; i < 30; ++i) {
      handles.push_back(coro::spawn(pool, beats(std::chrono::microseconds(random.below(300)), began, ended)));
    }
    std::this_thread::sleep_for(std::chrono::microseconds(random.below(2'000)));
    const shutdown_report report = pool.shutdown(round % 2 == 0 ? shutdown_mode::drain : shutdown_mode::cancel);
    EXPECT_TRUE(report.not_run.empty());
    for (auto& each : handles) EXPECT_EQ(error_of(each), errc::cancelled);
    EXPECT_EQ(ended.get(), began.get());
  }
}

TEST_P(coro_sleeps, happen_on_the_pool_that_the_coroutine_is_on) {
  thread_pool there{config()};
  tally began, ended;
  coro::join_handle<void> handle;
  {
    thread_pool here{config()};
    handle = coro::spawn(here, [](thread_pool& to, tally& in, tally& out) -> coro::task<> {
      co_await coro::resume_on(to);
      co_await sleeps(1ms, in, out);
      co_await sleeps(1h, in, out);
    }(there, began, ended));
    ASSERT_TRUE(began.reaches(2));
    ASSERT_FALSE(there.drain());
  }
  EXPECT_FALSE(handle.is_done()) << "the end of a pool that it has left is nothing to it";
  handle.request_stop();
  EXPECT_EQ(error_of(handle), errc::cancelled);
}

TEST(coro_sleep, in_a_loop_wakes_one_worker_each_time) {
  thread_pool pool{pool_config{.max_threads = 4, .retire_after = -1ns}};
  occupation busy;
  ASSERT_TRUE(busy.hold(pool, 4));
  busy.release();
  ASSERT_TRUE(eventually([&] { return pool.stats().parked == 4; }));
  const std::uint64_t parks = pool.stats().parks;
  constexpr std::size_t times = 100;
  sync_wait(pool, []() -> coro::task<> {
    for (std::size_t i = 0; i < times; ++i) co_await coro::sleep_for(1ms);
  }());
  ASSERT_TRUE(eventually([&] { return pool.stats().parked == 4; }));
  EXPECT_LE(pool.stats().parks - parks, times + times / 4 + 4) << "one worker a time, and few besides";
}

void compute(std::chrono::nanoseconds time) {
  const auto end = steady::now() + time;
  while (steady::now() < end) {
  }
}

/// What a task runs aside may go to sleep: then somebody else gets up for it, although the task computes on. The coroutine
/// computes first, until the worker that was woken for it has parked again.
TEST(coro_sleep, of_a_coroutine_that_run_ready_runs_is_kept_by_others) {
  thread_pool pool{pool_config{.max_threads = 2, .retire_after = -1ns}};
  std::vector<std::chrono::nanoseconds> late;
  for (std::size_t round = 0; round < repetitions(20); ++round) {
    steady::time_point due, woken;
    coro::join_handle<void> handle;
    pool.run([&] {
      handle = coro::spawn(pool, [](steady::time_point& until, steady::time_point& over) -> coro::task<> {
        compute(5ms);
        until = steady::now() + 1ms;
        co_await coro::sleep_until(until);
        over = steady::now();
      }(due, woken));
      static_cast<void>(run_ready());
      compute(20ms);
    });
    handle.wait();
    late.push_back(woken - due);
  }
  std::sort(late.begin(), late.end());
  EXPECT_LT(late[late.size() / 2], 15ms) << "only the task itself came to it";
}

TEST(coro_sleep, says_why_it_cannot_be) {
  thread_pool pool{pool_config{.max_threads = 1}};
  coro::join_handle<void> handle;
  std::atomic<bool> ends{false};
  handle = coro::spawn(pool, [](std::atomic<bool>& end) -> coro::task<> {
    while (!end.load()) co_await coro::yield();
    co_await coro::sleep_for(1ms);
  }(ends));
  std::thread shuts_down([&] { static_cast<void>(pool.shutdown()); });
  EXPECT_TRUE(eventually([&] { return pool.post([] {}) == errc::shut_down; }));
  std::this_thread::sleep_for(5ms);
  ends.store(true);
  EXPECT_EQ(error_of(handle), errc::cancelled) << "a pool that is shut down has no timers";
  shuts_down.join();
}

}  // namespace
}  // namespace treadle::test
