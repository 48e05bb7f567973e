#include <tasks.hpp>

#include <treadle/treadle.hpp>

#include <gtest/gtest.h>

#include <array>
#include <atomic>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <stdexcept>
#include <string>
#include <system_error>
#include <thread>
#include <type_traits>
#include <utility>
#include <vector>

// What a future holds and tells. How it waits is in future_wait_test.cpp.

namespace treadle::test {
namespace {

using namespace std::chrono_literals;

template <class F>
std::error_code thrown_code(F&& f) {
  try {
    f();
  } catch (const std::system_error& error) {
    return error.code();
  }
  return {};
}

class futures : public with_workers {};
INSTANTIATE_TEST_SUITE_P(widths, futures, worker_counts(), worker_count_name);

TEST_P(futures, carry_results_of_each_kind) {
  thread_pool pool{config()};
  EXPECT_EQ(pool.submit([] { return 42; }).get(), 42);
  EXPECT_EQ(pool.submit([] { return std::string("text"); }).get(), "text");
  EXPECT_EQ(*pool.submit([] { return std::make_unique<int>(7); }).get(), 7);
  int cell = 1;
  future<int&> reference = pool.submit([&cell]() -> int& { return cell; });
  EXPECT_EQ(&reference.get(), &cell);
  const int fixed = 2;
  EXPECT_EQ(&pool.submit([&fixed]() -> const int& { return fixed; }).get(), &fixed);
  bool ran = false;
  pool.submit([&ran] { ran = true; }).get();
  EXPECT_TRUE(ran);
}

TEST_P(futures, of_many_tasks_are_each_their_own) {
  thread_pool pool{config()};
  std::vector<future<std::size_t>> results;
  for (std::size_t i = 0; i < 5'000; ++i) results.push_back(pool.submit([i] { return i * i; }));
  for (std::size_t i = 0; i < results.size(); ++i) ASSERT_EQ(results[i].get(), i * i);
}

TEST_P(futures, rethrow_the_exception_of_their_task) {
  thread_pool pool{config()};
  future<int> failed = pool.submit([]() -> int { throw std::runtime_error("reason"); });
  try {
    failed.get();
    ADD_FAILURE() << "no exception came";
  } catch (const std::runtime_error& error) {
    EXPECT_STREQ(error.what(), "reason");
  }
  EXPECT_FALSE(failed.valid());
  future<void> odd = pool.submit([] { throw 5; });
  EXPECT_THROW(odd.get(), int);
}

TEST(future, says_whether_it_is_valid_and_ready) {
  const future<int> none;
  EXPECT_FALSE(none.valid());
  EXPECT_FALSE(none.is_ready());
  EXPECT_EQ(none.wait(), std::errc::invalid_argument);
  EXPECT_EQ(none.wait_for(0s), future_status::timeout);
  gate held;
  thread_pool pool{pool_config{.max_threads = 1}};
  future<int> waiting = pool.submit([&held] { return held.pass() ? 1 : 0; });
  EXPECT_TRUE(waiting.valid());
  EXPECT_FALSE(waiting.is_ready());
  future<int> moved = std::move(waiting);
  EXPECT_FALSE(waiting.valid());
  EXPECT_TRUE(moved.valid());
  held.open();
  EXPECT_FALSE(moved.wait());
  EXPECT_TRUE(moved.is_ready());
  EXPECT_TRUE(moved.valid());
  EXPECT_EQ(moved.get(), 1);
  EXPECT_FALSE(moved.valid());
  EXPECT_EQ(thrown_code([&] { moved.get(); }), std::errc::invalid_argument);
}

TEST(future, is_move_only_and_moving_over_one_detaches_it) {
  static_assert(!std::is_copy_constructible_v<future<int>>);
  static_assert(std::is_nothrow_move_constructible_v<future<int>>);
  static_assert(std::is_nothrow_move_assignable_v<future<int>>);
  thread_pool pool{pool_config{.max_threads = 1}};
  tally ran;
  future<void> first = pool.submit([&] { ran.add(); });
  first = pool.submit([&] { ran.add(); });
  first.get();
  EXPECT_FALSE(pool.drain());
  EXPECT_EQ(ran.get(), 2u);
}

TEST(future, waits_for_a_time_only) {
  gate held;
  thread_pool pool{pool_config{.max_threads = 1}};
  future<void> slow = pool.submit([&held] { held.pass(); });
  EXPECT_EQ(slow.wait_for(0s), future_status::timeout);
  EXPECT_EQ(slow.wait_for(-5s), future_status::timeout);
  const auto before = std::chrono::steady_clock::now();
  EXPECT_EQ(slow.wait_for(20ms), future_status::timeout);
  EXPECT_GE(std::chrono::steady_clock::now() - before, 20ms);
  EXPECT_EQ(slow.wait_until(std::chrono::system_clock::now() + 10ms), future_status::timeout);
  EXPECT_EQ(slow.wait_until(std::chrono::steady_clock::now() - 1h), future_status::timeout);
  held.open();
  EXPECT_EQ(slow.wait_for(std::chrono::hours(1)), future_status::ready);
  EXPECT_EQ(slow.wait_until(std::chrono::steady_clock::time_point::max()), future_status::ready);
  slow.get();
}

TEST(future, waits_for_the_longest_time) {
  gate held;
  thread_pool pool{pool_config{.max_threads = 1}};
  future<void> slow = pool.submit([&held] { held.pass(); });
  std::thread opener([&] {
    std::this_thread::sleep_for(20ms);  // the wait below should be asleep; if not, it has less to show
    held.open();
  });
  EXPECT_EQ(slow.wait_for(std::chrono::nanoseconds::max()), future_status::ready);
  opener.join();
  EXPECT_EQ(slow.wait_for(std::chrono::hours::max()), future_status::ready);
}

/// What the pool tells of exceptions that nobody waits for.
struct unhandled_log {
  tally calls;
  std::atomic<int> last{0};
  [[nodiscard]] pool_hooks hooks() {
    pool_hooks made;
    made.context = this;
    made.unhandled_exception = [](void* context, std::exception_ptr error) noexcept {
      auto* const log = static_cast<unhandled_log*>(context);
      try {
        std::rethrow_exception(error);
      } catch (int number) {
        log->last.store(number);
      } catch (...) {
        ADD_FAILURE() << "another exception than the one thrown";
      }
      log->calls.add();
    };
    return made;
  }
};

TEST_P(futures, dropped_before_and_after_their_task_ran_detach_it) {
  unhandled_log log;
  pool_config settings = config();
  settings.hooks = log.hooks();
  gate held;
  thread_pool pool{settings};
  tally ran;
  {
    future<void> dropped = pool.submit([&] {
      held.pass(), ran.add();
      throw 3;
    });
  }
  held.open();
  ASSERT_TRUE(log.calls.reaches(1));
  EXPECT_EQ(log.last.load(), 3);
  {
    future<void> dropped = pool.submit([&] {
      ran.add();
      throw 4;
    });
    EXPECT_FALSE(dropped.wait());
    EXPECT_EQ(log.calls.get(), 1u);
  }
  ASSERT_TRUE(log.calls.reaches(2));
  EXPECT_EQ(log.last.load(), 4);
  EXPECT_FALSE(pool.drain());
  EXPECT_EQ(ran.get(), 2u);
  EXPECT_EQ(log.calls.get(), 2u);
}

TEST_P(futures, taken_exceptions_are_not_told_again) {
  unhandled_log log;
  pool_config settings = config();
  settings.hooks = log.hooks();
  {
    thread_pool pool{settings};
    for (int i = 0; i < 100; ++i) EXPECT_THROW(pool.submit([] { throw 1; }).get(), int);
  }
  EXPECT_EQ(log.calls.get(), 0u);
}

TEST(future, outlives_its_pool) {
  future<int> done, cancelled;
  occupation busy;
  {
    thread_pool pool{pool_config{.max_threads = 1, .on_destroy = shutdown_mode::cancel}};
    done = pool.submit([] { return 1; });
    EXPECT_FALSE(done.wait());
    ASSERT_TRUE(busy.hold(pool, 1));
    cancelled = pool.submit([] { return 2; });
    static_cast<void>(pool.shutdown(shutdown_mode::cancel));
    busy.release();
  }
  EXPECT_EQ(done.get(), 1);
  EXPECT_EQ(thrown_code([&] { cancelled.get(); }), errc::cancelled);
}

/// An object that counts its copies, moves and lives.
struct counted_callable {
  explicit counted_callable(std::array<int, 4>& counts_of) : counts(&counts_of) { ++(*counts)[2]; }
  counted_callable(const counted_callable& other) : counts(other.counts) { ++(*counts)[0], ++(*counts)[2]; }
  counted_callable(counted_callable&& other) noexcept : counts(other.counts) { ++(*counts)[1], ++(*counts)[2]; }
  ~counted_callable() { --(*counts)[2]; }
  int operator()() { return ++(*counts)[3]; }
  std::array<int, 4>* counts;  // copies, moves, alive, calls
};

TEST(future, moves_a_callable_once_and_leaves_a_refused_one_alone) {
  std::array<int, 4> counts{};
  counted_callable callable(counts);
  {
    thread_pool pool{pool_config{.max_threads = 1}};
    EXPECT_EQ(pool.submit(std::move(callable)).get(), 1);
    EXPECT_EQ(counts, (std::array<int, 4>{0, 1, 1, 1})) << "the pool's callable must be gone when its result is there";
    EXPECT_EQ(pool.submit(callable).get(), 2);
    EXPECT_EQ(counts, (std::array<int, 4>{1, 1, 1, 2}));
    EXPECT_FALSE(pool.post(std::move(callable)));
    EXPECT_FALSE(pool.drain());
    EXPECT_EQ(counts, (std::array<int, 4>{1, 2, 1, 3}));
    static_cast<void>(pool.shutdown());
    EXPECT_EQ(pool.post(std::move(callable)), errc::shut_down);
    EXPECT_EQ(thrown_code([&] { static_cast<void>(pool.submit(std::move(callable))); }), errc::shut_down);
    EXPECT_EQ(thrown_code([&] { static_cast<void>(pool.run(callable)); }), errc::shut_down);
  }
  EXPECT_EQ(counts, (std::array<int, 4>{1, 2, 1, 3}));
}

TEST_P(futures, run_returns_rethrows_and_prefers_a_worker) {
  thread_pool pool{config()};
  EXPECT_EQ(pool.run([] { return 1; }), 1);
  EXPECT_EQ(*pool.run([] { return std::make_unique<int>(3); }), 3);
  EXPECT_THROW(pool.run([] { throw std::logic_error("x"); }), std::logic_error);
  int cell = 0;
  EXPECT_EQ(&pool.run([&cell]() -> int& { return cell; }), &cell);
  struct both {
    int operator()() { return 1; }
    int operator()(worker&) { return 2; }
  };
  EXPECT_EQ(pool.run(both{}), 2);
  EXPECT_EQ(pool.submit(both{}).get(), 2);
  thread_pool* seen = nullptr;
  std::size_t index = worker::npos;
  ASSERT_FALSE(pool.post([&](worker& self) { seen = &self.pool(), index = self.index(); }));
  ASSERT_FALSE(pool.drain());
  EXPECT_EQ(seen, &pool);
  EXPECT_LT(index, workers());
}

TEST_P(futures, run_inside_the_pool_runs_in_place) {
  thread_pool pool{config()};
  const auto [outer, inner] = pool.run([&](worker& self) {
    const std::thread::id here = std::this_thread::get_id();
    const std::size_t index = self.index();
    const std::thread::id there = pool.run([&](worker& again) {
      EXPECT_EQ(again.index(), index);
      return std::this_thread::get_id();
    });
    return std::pair(here, there);
  });
  EXPECT_EQ(outer, inner);
}

}  // namespace
}  // namespace treadle::test
