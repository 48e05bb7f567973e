#include <limits.hpp>
#include <random.hpp>
#include <tasks.hpp>

#include <treadle/coro.hpp>
#include <treadle/treadle.hpp>

#include <gtest/gtest.h>

#include <chrono>
#include <cstddef>
#include <exception>
#include <memory>
#include <stdexcept>
#include <system_error>
#include <thread>
#include <utility>
#include <vector>

// Time limits of tasks: what a task gives or throws arrives; one that is too slow is stopped and awaited.

namespace treadle::test {
namespace {

using coro::sync_wait;
using namespace std::chrono_literals;
using steady = std::chrono::steady_clock;

class coro_timeouts : public with_workers {};
INSTANTIATE_TEST_SUITE_P(widths, coro_timeouts, worker_counts(), worker_count_name);

template <class T>
std::error_code error_of(coro::join_handle<T>& handle) {
  try {
    handle.wait();
  } catch (const std::system_error& error) {
    return error.code();
  }
  return {};
}

coro::task<std::unique_ptr<int>> makes(int value) {
  co_await coro::yield();
  co_return std::make_unique<int>(value);
}
coro::task<int&> refers(int& value) { co_return value; }
coro::task<> nothing() { co_return; }
coro::task<> waits(coro::event& never, tally& began, tally& ended) {
  struct leaving {
    tally& ended;
    ~leaving() { ended.add(); }
  };
  const leaving on_exit{ended};
  began.add();
  co_await never.wait();
}

TEST_P(coro_timeouts, let_what_is_in_time_arrive) {
  thread_pool pool{config()};
  sync_wait(pool, []() -> coro::task<> {
    int value = 5;
    EXPECT_EQ(*co_await coro::with_timeout(1h, makes(3)), 3);
    EXPECT_EQ(&co_await coro::with_timeout(1h, refers(value)), &value);
    co_await coro::with_timeout(1h, nothing());
    co_await coro::with_timeout(std::chrono::hours::max(), nothing());
    co_await coro::with_deadline(steady::now() + 1h, nothing());
    co_await coro::with_deadline(std::chrono::system_clock::now() + 1h, nothing());
  }());
}

coro::task<result<int>> says(coro::event& until, int value) {
  try {
    co_await until.wait();
  } catch (const std::system_error& stopped) {
    co_return stopped.code();
  }
  co_return value;
}

/// An operation that fails by what it returns, not by what it throws, is told of the time in the same way.
TEST_P(coro_timeouts, reach_who_asks_by_a_result) {
  thread_pool pool{config()};
  coro::event never, now;
  now.set();
  sync_wait(pool, [](coro::event& closed, coro::event& open) -> coro::task<> {
    EXPECT_EQ((co_await coro::with_timeout(1ms, says(closed, 1))).error(), make_error_code(errc::timed_out));
    EXPECT_EQ(*co_await coro::with_timeout(1h, says(open, 2)), 2);
    // The inner limit is the one that passes.
    EXPECT_EQ((co_await coro::with_timeout(1h,
                                           [](coro::event& at) -> coro::task<result<int>> {
                                             co_return co_await coro::with_timeout(1ms, says(at, 1));
                                           }(closed)))
                  .error(),
              make_error_code(errc::timed_out));
  }(never, now));
  // Who was asked to stop was not too slow.
  auto asked = coro::spawn(pool, [](coro::event& closed) -> coro::task<std::error_code> {
    co_return (co_await coro::with_timeout(1h, says(closed, 1))).error();
  }(never));
  asked.request_stop();
  EXPECT_EQ(asked.wait(), make_error_code(errc::cancelled));
}

TEST_P(coro_timeouts, stop_and_await_what_is_too_slow) {
  thread_pool pool{config()};
  coro::event never;
  tally began, ended;
  for (std::size_t i = 1; i <= 10; ++i) {
    const auto start = steady::now();
    auto handle = coro::spawn(pool, [](coro::event& e, tally& in, tally& out) -> coro::task<> {
      co_await coro::with_timeout(2ms, waits(e, in, out));
    }(never, began, ended));
    EXPECT_EQ(error_of(handle), errc::timed_out);
    EXPECT_GE(steady::now() - start, 2ms);
    EXPECT_EQ(ended.get(), i);
  }
}

coro::task<int> saves_its_result(coro::event& never) {
  try {
    co_await never.wait();
  } catch (const std::system_error& error) {
    EXPECT_EQ(error.code(), errc::cancelled);
  }
  co_return 8;
}
coro::task<> fails_when_stopped(coro::event& never) {
  try {
    co_await never.wait();
  } catch (const std::system_error&) {
    throw std::runtime_error("instead");
  }
}
coro::task<> says_cancelled() {
  co_await coro::yield();
  throw std::system_error(make_error_code(errc::cancelled));
}

/// A result wins over the time, an exception of its own, too; that it was cancelled by others is not a matter of time.
TEST_P(coro_timeouts, lose_nothing_that_arrives_late) {
  thread_pool pool{config()};
  coro::event never;
  sync_wait(pool, [](coro::event& e) -> coro::task<> {
    EXPECT_EQ(co_await coro::with_timeout(1ms, saves_its_result(e)), 8);
    bool threw = false;
    try {
      co_await coro::with_timeout(1ms, fails_when_stopped(e));
    } catch (const std::runtime_error&) {
      threw = true;
    }
    EXPECT_TRUE(threw);
    std::error_code code;
    try {
      co_await coro::with_timeout(1h, says_cancelled());
    } catch (const std::system_error& error) {
      code = error.code();
    }
    EXPECT_EQ(code, errc::cancelled);
  }(never));
}

TEST_P(coro_timeouts, that_have_passed_let_a_task_run_to_its_first_wait) {
  thread_pool pool{config()};
  sync_wait(pool, []() -> coro::task<> {
    coro::event never;
    tally began, ended;
    std::error_code code;
    try {
      co_await coro::with_timeout(-1s, waits(never, began, ended));
    } catch (const std::system_error& error) {
      code = error.code();
    }
    EXPECT_EQ(code, errc::timed_out);
    EXPECT_EQ(began.get(), 1u);
    EXPECT_EQ(ended.get(), 1u);
  }());
}

TEST_P(coro_timeouts, pass_a_request_to_stop_on) {
  thread_pool pool{config()};
  coro::event never;
  tally began, ended;
  auto handle = coro::spawn(pool, [](coro::event& e, tally& in, tally& out) -> coro::task<> {
    co_await coro::with_timeout(1h, coro::task<>(waits(e, in, out)));
  }(never, began, ended));
  ASSERT_TRUE(began.reaches(1));
  handle.request_stop();
  EXPECT_EQ(error_of(handle), errc::cancelled) << "not for the time";
  EXPECT_EQ(ended.get(), 1u);
}

coro::task<steady::time_point> tells_deadline() { co_return coro::this_coro::locals().deadline; }
coro::task<steady::time_point> tells_deadline_with(std::chrono::nanoseconds time) {
  co_return co_await coro::with_timeout(time, tells_deadline());
}

TEST_P(coro_timeouts, tell_the_earliest_deadline_inside) {
  thread_pool pool{config()};
  sync_wait(pool, []() -> coro::task<> {
    constexpr auto none = steady::time_point::max();
    EXPECT_EQ(co_await tells_deadline(), none);
    const auto soon = steady::now() + 1h, later = soon + 1h;
    EXPECT_EQ(co_await coro::with_deadline(soon, tells_deadline()), soon);
    EXPECT_EQ(co_await coro::with_timeout(std::chrono::nanoseconds::max(), tells_deadline()), none);
    EXPECT_EQ(co_await coro::with_deadline(soon, tells_deadline_with(3h)), soon) << "the inherited one is earlier";
    EXPECT_LT(co_await coro::with_deadline(later, tells_deadline_with(1min)), soon);
    coro::this_coro::locals().deadline = soon;
    EXPECT_EQ(co_await coro::with_deadline(later, tells_deadline()), soon);
    EXPECT_EQ(coro::this_coro::locals().deadline, soon) << "outside nothing has changed";
  }());
}

coro::task<> inner(coro::event& never, tally& began, tally& ended, tally& told) {
  try {
    co_await coro::with_timeout(1h, waits(never, began, ended));
  } catch (const std::system_error& error) {
    EXPECT_EQ(error.code(), errc::cancelled) << "it is the outer time that has passed";
    told.add();
    throw;
  }
}

TEST_P(coro_timeouts, nest) {
  thread_pool pool{config()};
  coro::event never;
  tally began, ended, told;
  auto handle = coro::spawn(pool, [](coro::event& e, tally& in, tally& out, tally& saw) -> coro::task<> {
    co_await coro::with_timeout(2ms, inner(e, in, out, saw));
  }(never, began, ended, told));
  EXPECT_EQ(error_of(handle), errc::timed_out);
  EXPECT_EQ(told.get(), 1u);
}

/// A permit that comes at the last moment is had, or stays.
TEST_P(coro_timeouts, race_with_what_they_limit) {
  thread_pool pool{config()};
  random_source random(workers());
  coro::semaphore permits(0);
  std::size_t had = 0, given = 0;
  for (std::size_t round = 0; round < smaller_if_slow(300); ++round) {
    auto handle = coro::spawn(pool, [](coro::semaphore& from, std::chrono::microseconds limit) -> coro::task<> {
      co_await coro::with_timeout(limit, [](coro::semaphore& of) -> coro::task<> { co_await of.acquire(); }(from));
    }(permits, std::chrono::microseconds(random.below(150))));
    const auto until = steady::now() + std::chrono::microseconds(random.below(200));
    while (steady::now() < until) {
    }
    permits.release();
    ++given;
    const std::error_code code = error_of(handle);
    if (!code) {
      ++had;
    } else {
      EXPECT_EQ(code, errc::timed_out);
    }
  }
  std::size_t left = 0;
  while (permits.try_acquire()) ++left;
  EXPECT_EQ(had + left, given);
}

TEST_P(coro_timeouts, end_with_their_pool) {
  for (const shutdown_mode mode : {shutdown_mode::drain, shutdown_mode::cancel}) {
    tally reported, began, ended;
    coro::event never;
    pool_config listening = config();
    listening.hooks.context = &reported;
    listening.hooks.unhandled_exception = [](void* context, std::exception_ptr) noexcept {
      static_cast<tally*>(context)->add();
    };
    thread_pool pool{listening};
    std::vector<coro::join_handle<void>> handles;
    const auto limited = [](coro::event& e, tally& in, tally& out) -> coro::task<> {
      co_await coro::with_timeout(1h, waits(e, in, out));
    };
    for (int i = 0; i < 20; ++i) {
      handles.push_back(coro::spawn(pool, limited(never, began, ended)));
      coro::spawn(pool, limited(never, began, ended)).detach();
    }
    ASSERT_TRUE(began.reaches(40));
    ASSERT_FALSE(pool.drain());
    const shutdown_report report = pool.shutdown(mode);
    EXPECT_TRUE(report.not_run.empty());
    EXPECT_EQ(ended.get(), 40u) << "the limits slept, and stopped what they limit";
    for (auto& each : handles) EXPECT_EQ(error_of(each), errc::cancelled);
    EXPECT_FALSE(pool.join());
    EXPECT_EQ(reported.get(), 0u);
  }
}

}  // namespace
}  // namespace treadle::test
