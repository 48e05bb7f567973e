#include <process_facts.hpp>
#include <tasks.hpp>

#include <treadle/treadle.hpp>

#include <gtest/gtest.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <iostream>
#include <memory>
#include <thread>
#include <vector>

namespace treadle::test {
namespace {

using namespace std::chrono_literals;
using steady = std::chrono::steady_clock;

/// Notes how often and when it was called.
struct noted_timer : timer {
  explicit noted_timer(thread_pool& pool) noexcept : timer(pool, &call) {}
  static void call(timer& expired) noexcept {
    auto& self = static_cast<noted_timer&>(expired);
    self.called_at = steady::now();
    self.calls.add();
  }
  [[nodiscard]] bool was_called(std::size_t times = 1) const { return calls.reaches(times); }
  steady::time_point called_at;
  tally calls;
};

class timers : public with_workers {};
INSTANTIATE_TEST_SUITE_P(widths, timers, worker_counts(), worker_count_name);

TEST_P(timers, expire_once_and_never_early) {
  thread_pool pool{config()};
  std::vector<std::unique_ptr<noted_timer>> all;
  std::vector<steady::time_point> due;
  for (int i = 0; i < 200; ++i) {
    all.push_back(std::make_unique<noted_timer>(pool));
    due.push_back(steady::now() + std::chrono::microseconds(i * 137));
    ASSERT_FALSE(all.back()->arm(due.back()));
  }
  for (std::size_t i = 0; i < all.size(); ++i) {
    ASSERT_TRUE(all[i]->was_called());
    EXPECT_GE(all[i]->called_at, due[i]);
    EXPECT_FALSE(all[i]->is_armed());
    EXPECT_FALSE(all[i]->cancel());
  }
  ASSERT_FALSE(pool.drain());
  for (const auto& each : all) EXPECT_EQ(each->calls.get(), 1u);
}

TEST_P(timers, are_not_called_after_a_cancel_that_won) {
  thread_pool pool{config()};
  std::vector<std::unique_ptr<noted_timer>> all;
  for (int i = 0; i < 100; ++i) {
    all.push_back(std::make_unique<noted_timer>(pool));
    ASSERT_FALSE(all.back()->arm(i % 2 == 0 ? 1h : 1ms));
  }
  std::size_t cancelled = 0;
  for (const auto& each : all) {
    if (each->cancel()) {
      ++cancelled;
      EXPECT_FALSE(each->cancel());
    }
  }
  EXPECT_GE(cancelled, 50u);
  std::size_t called = 0;
  EXPECT_TRUE(eventually([&] {
    called = 0;
    for (const auto& each : all) called += each->calls.get();
    return called + cancelled == all.size();
  }));
  std::this_thread::sleep_for(5ms);
  for (const auto& each : all) EXPECT_LE(each->calls.get(), 1u);
}

/// Arms itself again, from its callback.
struct ticking_timer : timer {
  ticking_timer(thread_pool& pool, std::size_t count) noexcept : timer(pool, &call), left(count) {}
  static void call(timer& expired) noexcept {
    auto& self = static_cast<ticking_timer&>(expired);
    if (--self.left == 0) {
      self.over.add();
    } else if (self.arm(100us)) {
      std::abort();
    }
  }
  std::size_t left;
  tally over;
};

TEST_P(timers, arm_themselves_again) {
  thread_pool pool{config()};
  std::vector<std::unique_ptr<ticking_timer>> all;
  for (int i = 0; i < 8; ++i) all.push_back(std::make_unique<ticking_timer>(pool, 50));
  for (const auto& each : all) ASSERT_FALSE(each->arm(0ns));
  for (const auto& each : all) EXPECT_TRUE(each->over.reaches(1));
  ASSERT_FALSE(pool.drain());
}

TEST_P(timers, armed_by_tasks_of_the_pool_expire_too) {
  thread_pool pool{config()};
  std::vector<std::unique_ptr<noted_timer>> all;
  for (int i = 0; i < 64; ++i) all.push_back(std::make_unique<noted_timer>(pool));
  for (const auto& each : all) {
    ASSERT_FALSE(pool.post([&timer = *each] {
      if (timer.arm(1ms)) std::abort();
    }));
  }
  for (const auto& each : all) EXPECT_TRUE(each->was_called());
}

/// A timer that frees itself.
struct mortal_timer : timer {
  mortal_timer(thread_pool& pool, tally& tells) noexcept : timer(pool, &call), told(tells) {}
  static void call(timer& expired) noexcept {
    auto* const self = static_cast<mortal_timer*>(&expired);
    tally& of = self->told;
    delete self;
    of.add();
  }
  tally& told;
};

TEST_P(timers, may_free_themselves) {
  tally told;
  thread_pool pool{config()};
  for (int i = 0; i < 100; ++i) {
    auto* const made = new mortal_timer(pool, told);
    ASSERT_FALSE(made->arm(std::chrono::microseconds(i)));
  }
  EXPECT_TRUE(told.reaches(100));
}

TEST_P(timers, come_back_from_a_pool_that_ends) {
  for (const shutdown_mode mode : {shutdown_mode::drain, shutdown_mode::cancel}) {
    thread_pool pool{config()};
    std::vector<std::unique_ptr<noted_timer>> all;
    for (int i = 0; i < 50; ++i) {
      all.push_back(std::make_unique<noted_timer>(pool));
      ASSERT_FALSE(all.back()->arm(std::chrono::hours(i + 1)));
    }
    shutdown_report report = pool.shutdown(mode);
    EXPECT_EQ(report.not_run.size(), all.size());
    for (const auto& each : all) {
      EXPECT_FALSE(each->is_armed());
      EXPECT_EQ(each->arm(1ms), make_error_code(errc::shut_down));
      EXPECT_EQ(each->calls.get(), 0u);
    }
    report.not_run.clear();
    EXPECT_FALSE(pool.join());
  }
}

TEST_P(timers, are_at_rest_after_a_join) {
  thread_pool pool{config()};
  noted_timer far(pool);
  ASSERT_FALSE(far.arm(1h));
  ASSERT_FALSE(pool.join());
  EXPECT_FALSE(far.is_armed());
  EXPECT_FALSE(far.cancel());
}

TEST_P(timers, move_to_another_time) {
  thread_pool pool{config()};
  noted_timer moved(pool);
  EXPECT_FALSE(moved.rearm(1ms)) << "it is at rest";
  ASSERT_FALSE(moved.arm(1h));
  const steady::time_point sooner = steady::now() + 5ms;
  EXPECT_TRUE(moved.rearm(sooner));
  ASSERT_TRUE(moved.was_called());
  EXPECT_GE(moved.called_at, sooner);
  EXPECT_FALSE(moved.rearm(1h)) << "it has expired";
  EXPECT_FALSE(moved.is_armed());

  // By a worker, which may keep the time itself.
  ASSERT_FALSE(moved.arm(1h));
  EXPECT_TRUE(pool.run([&] { return moved.rearm(2ms); }));
  ASSERT_TRUE(moved.was_called(2));
  ASSERT_FALSE(moved.arm(1h));
  ASSERT_FALSE(pool.join());
  EXPECT_FALSE(moved.rearm(1h)) << "the pool has let go of it";
}

TEST_P(timers, pushed_on_and_on_expire_once_in_the_end) {
  thread_pool pool{config()};
  noted_timer limit(pool);
  ASSERT_FALSE(limit.arm(50ms));
  steady::time_point due;
  for (int i = 0; i < 100; ++i) {
    due = steady::now() + 50ms;
    ASSERT_TRUE(limit.rearm(due)) << i;
    std::this_thread::sleep_for(1ms);
  }
  ASSERT_TRUE(limit.was_called());
  EXPECT_GE(limit.called_at, due);
  ASSERT_FALSE(pool.drain());
  EXPECT_EQ(limit.calls.get(), 1u);
}

TEST_P(timers, race_their_cancel_and_one_wins) {
  thread_pool pool{config()};
  noted_timer raced(pool);
  std::size_t called = 0;
  for (std::size_t round = 0; round < repetitions(500); ++round) {
    ASSERT_FALSE(raced.arm(std::chrono::microseconds(round % 150)));
    std::this_thread::sleep_for(std::chrono::microseconds(round % 100));
    if (raced.cancel()) continue;
    ASSERT_TRUE(raced.was_called(++called));
  }
  EXPECT_EQ(raced.calls.get(), called);
  EXPECT_GT(called, 0u);
}

TEST(timer, that_is_pending_wakes_nobody) {
  thread_pool pool{pool_config{.max_threads = 4, .retire_after = -1ns}};
  noted_timer far(pool);
  ASSERT_FALSE(far.arm(1h));
  ASSERT_TRUE(eventually([&] { return pool.stats().parked == pool.stats().threads && pool.stats().threads != 0; }));
  const std::uint64_t parks = pool.stats().parks;
  std::this_thread::sleep_for(50ms);
  EXPECT_EQ(pool.stats().parks, parks);
  EXPECT_TRUE(far.cancel());
  std::this_thread::sleep_for(20ms);
  EXPECT_EQ(pool.stats().parks, parks);
}

TEST(timer, that_ticks_in_an_idle_pool_wakes_one_worker_each_time) {
  thread_pool pool{pool_config{.max_threads = 4, .retire_after = -1ns}};
  occupation busy;
  ASSERT_TRUE(busy.hold(pool, 4));
  busy.release();
  ASSERT_TRUE(eventually([&] { return pool.stats().parked == 4; }));
  const std::uint64_t parks = pool.stats().parks;
  const std::size_t ticks = 100;
  ticking_timer ticking(pool, ticks);
  ASSERT_FALSE(ticking.arm(1ms));
  ASSERT_TRUE(ticking.over.reaches(1));
  ASSERT_TRUE(eventually([&] { return pool.stats().parked == 4; }));
  EXPECT_LE(pool.stats().parks - parks, ticks + ticks / 4 + 4) << "one worker a tick, and few besides";
}

TEST(timer, keeps_a_thread_that_would_retire) {
  thread_pool pool{pool_config{.max_threads = 4, .retire_after = 1ms}};
  noted_timer later(pool);
  ASSERT_FALSE(later.arm(50ms));
  EXPECT_TRUE(later.was_called());
  noted_timer again(pool);
  ASSERT_TRUE(eventually([&] { return pool.stats().threads == 0; }));
  ASSERT_FALSE(again.arm(1ms));
  EXPECT_TRUE(again.was_called()) << "armed in a pool without a thread";
}

TEST(timer, expires_although_its_worker_blocks) {
  thread_pool pool{pool_config{.max_threads = 1}};
  noted_timer awaited(pool);
  EXPECT_TRUE(pool.run([&] {
    if (awaited.arm(1ms)) std::abort();
    return blocking([&] { return awaited.was_called(); });
  }));
}

TEST(timer, expires_between_the_tasks_of_a_pool_that_never_rests) {
  thread_pool pool{pool_config{.max_threads = 1}};
  std::atomic<bool> over{false};
  struct again : task {
    again(thread_pool& of, std::atomic<bool>& until) noexcept : task(&call), owner(of), end_of_all(until) {}
    static void call(task* called) noexcept {
      auto* const self = static_cast<again*>(called);
      const auto until = steady::now() + 200us;
      while (steady::now() < until) {
      }
      if (!self->end_of_all.load() && self->owner.schedule(*self)) std::abort();
    }
    thread_pool& owner;
    std::atomic<bool>& end_of_all;
  };
  again one(pool, over), other(pool, over);
  ASSERT_FALSE(pool.schedule(one));
  ASSERT_FALSE(pool.schedule(other));
  noted_timer between(pool);
  ASSERT_FALSE(between.arm(1ms));
  EXPECT_TRUE(between.was_called());
  over.store(true);
  ASSERT_FALSE(pool.drain());
}

/// One worker computes for 10 ms at a time, another is idle. The bound is 1 ms; the machine of a test may be slower, so
/// this one asks for what only a worker that nobody wakes would miss.
TEST(timer, of_a_busy_worker_is_expired_by_an_idle_one) {
  thread_pool pool{pool_config{.max_threads = 2, .retire_after = -1ns}};
  std::vector<std::chrono::nanoseconds> late;
  for (std::size_t round = 0; round < repetitions(40); ++round) {
    noted_timer raised(pool);
    ASSERT_FALSE(pool.run([&] {
      const auto due = steady::now() + 1ms;
      const std::error_code refused = raised.arm(due);
      while (steady::now() < due + 9ms) {
      }
      if (raised.calls.get() == 1) late.push_back(raised.called_at - due);
      return refused;
    }));
    ASSERT_TRUE(raised.was_called());
  }
  ASSERT_GE(late.size(), repetitions(40) / 2) << "nobody came to a busy worker's timer";
  std::sort(late.begin(), late.end());
  std::cout << "late by " << late[late.size() / 2].count() / 1000 << " us (median), " << late.back().count() / 1000
            << " us (most)\n";
}

TEST(timer, is_run_by_run_ready_once_it_is_due) {
  thread_pool pool{pool_config{.max_threads = 1}};
  noted_timer near(pool), far(pool);
  const std::size_t ran = pool.run([&] {
    const auto due = steady::now() + 1ms;
    if (near.arm(due) || far.arm(1h)) std::abort();
    while (steady::now() < due + 100us) {
    }
    return run_ready();
  });
  EXPECT_EQ(ran, 1u);
  EXPECT_EQ(near.calls.get(), 1u);
  EXPECT_TRUE(far.cancel());
}

TEST(timer, says_why_it_cannot_be_armed) {
  thread_pool faulty{pool_config{.stack_bytes = 1}};
  noted_timer one(faulty);
  EXPECT_EQ(one.arm(1ms), make_error_code(errc::bad_stack_size));
  EXPECT_FALSE(one.is_armed());
}

TEST(timer_death, destroying_one_that_is_armed_aborts) {
  testing::GTEST_FLAG(death_test_style) = "threadsafe";
  EXPECT_DEATH(
      {
        thread_pool pool;
        timer armed(pool, [](timer&) noexcept {});
        static_cast<void>(armed.arm(1h));
      },
      "is_armed");
}

}  // namespace
}  // namespace treadle::test
