#include <policies.hpp>
#include <waiting.hpp>

#include <treadle/detail/brief_lock.hpp>

#include <gtest/gtest.h>

#include <atomic>
#include <cstddef>
#include <thread>
#include <vector>

namespace treadle::test {
namespace {

/// Waiters that sleep at once.
struct sleepy_policy : detail::system_policy {
  static constexpr std::uint32_t brief_rounds = 0;
};

/// Threads that add to a number that is not atomic.
template <class P>
void count_under_a_lock() {
  detail::brief_lock<P> lock;
  std::size_t count = 0;
  const std::size_t rounds = smaller_if_slow(50'000);
  constexpr std::size_t threads = 8;
  std::vector<std::thread> all;
  for (std::size_t i = 0; i < threads; ++i) {
    all.emplace_back([&] {
      for (std::size_t round = 0; round < rounds; ++round) {
        const detail::brief_guard held(lock);
        ++count;
      }
    });
  }
  for (std::thread& each : all) each.join();
  EXPECT_EQ(count, threads * rounds);
}

TEST(brief_lock, lets_in_one_at_a_time) { count_under_a_lock<detail::system_policy>(); }
TEST(brief_lock, wakes_whoever_sleeps_for_it) { count_under_a_lock<sleepy_policy>(); }

/// Counts the calls to the system.
struct counting_policy : detail::system_policy {
  static inline std::atomic<std::size_t> calls = 0;
  static bool futex_wait(const std::atomic<std::uint32_t>& word, std::uint32_t expected,
                         std::int64_t deadline) noexcept {
    ++calls;
    return detail::futex_wait(word, expected, deadline);
  }
  static void futex_wake(const std::atomic<std::uint32_t>* word, std::uint32_t count) noexcept {
    ++calls;
    detail::futex_wake(word, count);
  }
};

TEST(brief_lock, is_tried_without_waiting) {
  detail::brief_lock<detail::system_policy> lock;
  EXPECT_TRUE(lock.try_lock());
  EXPECT_FALSE(lock.try_lock());
  lock.unlock();
  EXPECT_TRUE(lock.try_lock());
  lock.unlock();
}

TEST(brief_lock, makes_no_system_call_without_a_waiter) {
  detail::brief_lock<counting_policy> lock;
  for (int i = 0; i < 1'000; ++i) const detail::brief_guard held(lock);
  EXPECT_EQ(counting_policy::calls.load(), 0u);
}

}  // namespace
}  // namespace treadle::test
