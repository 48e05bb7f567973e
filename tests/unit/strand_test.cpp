#include <tasks.hpp>

#include <treadle/treadle.hpp>

#include <gtest/gtest.h>

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <exception>
#include <functional>
#include <memory>
#include <stdexcept>
#include <system_error>
#include <thread>
#include <vector>

// A strand runs what is posted to it first in first out and never two at once.

namespace treadle::test {
namespace {

class strands : public with_workers {};
INSTANTIATE_TEST_SUITE_P(widths, strands, worker_counts(), worker_count_name);

TEST_P(strands, keep_the_order_and_never_run_two_at_once) {
  constexpr std::size_t posters = 3;
  const std::size_t each = smaller_if_slow(5'000);
  thread_pool pool{config()};
  strand line{pool};
  // Not atomic on purpose: the strand orders every access, and the thread sanitizer checks that it does.
  std::array<std::size_t, posters> next{};
  std::size_t ran = 0;
  bool inside = false;
  tally wrong;
  std::vector<std::thread> threads;
  for (std::size_t p = 0; p < posters; ++p) {
    threads.emplace_back([&, p] {
      for (std::size_t i = 0; i < each; ++i) {
        const std::error_code refused = line.post([&, p, i] {
          if (inside || next[p] != i) wrong.add();
          inside = true;
          ++next[p];
          ++ran;
          inside = false;
        });
        if (refused) wrong.add();
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  ASSERT_FALSE(pool.drain());
  EXPECT_EQ(wrong.get(), 0u);
  EXPECT_EQ(ran, posters * each);
}

/// What waits in a strand is queued, too: outsiders may not have more of it than `max_queued`, and get every place back.
TEST_P(strands, count_against_the_bound_of_the_pool) {
  pool_config bounded = config();
  bounded.max_queued = 4;
  thread_pool pool{bounded};
  strand line{pool};
  tally ran;
  for (int round = 0; round < 3; ++round) {
    gate open;
    tally inside;
    ASSERT_FALSE(line.post([&] {
      inside.add();
      open.pass();
    }));
    ASSERT_TRUE(inside.reaches(1)) << "the strand's turn has begun";
    for (int i = 0; i < 4; ++i) EXPECT_FALSE(line.post([&] { ran.add(); })) << "place " << i << " of round " << round;
    EXPECT_EQ(line.post([&] { ran.add(); }), errc::queue_full);
    EXPECT_EQ(pool.post([&] { ran.add(); }), errc::queue_full);
    open.open();
    ASSERT_FALSE(pool.drain());
  }
  EXPECT_EQ(ran.get(), 12u);
  // A task of the pool is never refused.
  ASSERT_FALSE(pool.run([&] {
    for (int i = 0; i < 20; ++i) {
      if (const std::error_code refused = line.post([&] { ran.add(); })) return refused;
    }
    return std::error_code{};
  }));
  ASSERT_FALSE(pool.drain());
  EXPECT_EQ(ran.get(), 32u);
}

TEST_P(strands, of_a_worker_keep_its_order) {
  thread_pool pool{config()};
  strand line{pool};
  std::vector<int> seen;
  pool.run([&] {
    for (int i = 0; i < 3'000; ++i) EXPECT_FALSE(line.post([&seen, i] { seen.push_back(i); }));
  });
  ASSERT_FALSE(pool.drain());
  ASSERT_EQ(seen.size(), 3'000u);
  for (int i = 0; i < 3'000; ++i) ASSERT_EQ(seen[static_cast<std::size_t>(i)], i);
}

TEST_P(strands, take_posts_from_their_own_tasks) {
  thread_pool pool{config()};
  strand line{pool};
  std::size_t ran = 0;
  std::function<void(std::size_t)> chain = [&](std::size_t left) {
    ++ran;
    if (left == 0) return;
    EXPECT_FALSE(line.post([&chain, left] { chain(left - 1); }));
  };
  ASSERT_FALSE(line.post([&] { chain(1'000); }));
  ASSERT_FALSE(pool.drain());
  EXPECT_EQ(ran, 1'001u);
}

TEST_P(strands, side_by_side_are_independent) {
  thread_pool pool{config()};
  constexpr std::size_t count = 8;
  std::vector<std::unique_ptr<strand>> lines;
  std::array<std::size_t, count> ran{};
  for (std::size_t i = 0; i < count; ++i) lines.push_back(std::make_unique<strand>(pool));
  for (std::size_t round = 0; round < 500; ++round) {
    for (std::size_t i = 0; i < count; ++i) {
      ASSERT_FALSE(lines[i]->post([&ran, i] { ++ran[i]; }));
    }
  }
  ASSERT_FALSE(pool.drain());
  for (const std::size_t each : ran) EXPECT_EQ(each, 500u);
}

TEST_P(strands, may_go_while_their_tasks_are_queued) {
  thread_pool pool{config()};
  occupation busy;
  ASSERT_TRUE(busy.hold(pool, workers()));
  std::size_t ran = 0;
  {
    strand line{pool};
    for (int i = 0; i < 200; ++i) ASSERT_FALSE(line.post([&ran](worker&) { ++ran; }));
  }
  busy.release();
  ASSERT_FALSE(pool.drain());
  EXPECT_EQ(ran, 200u);
}

TEST_P(strands, end_what_is_cancelled) {
  thread_pool pool{config()};
  occupation busy;
  ASSERT_TRUE(busy.hold(pool, workers()));
  const auto watched = std::make_shared<int>(0);
  strand line{pool};
  for (int i = 0; i < 100; ++i) ASSERT_FALSE(line.post([watched] { ++*watched; }));
  const shutdown_report report = pool.shutdown(shutdown_mode::cancel);
  EXPECT_EQ(*watched, 0);
  EXPECT_EQ(watched.use_count(), 1) << "a cancelled callable was not destroyed";
  EXPECT_GE(report.cancelled, 1u);
  EXPECT_EQ(line.post([watched] { ++*watched; }), errc::shut_down);
  EXPECT_EQ(watched.use_count(), 1);
  busy.release();
  EXPECT_FALSE(pool.join());
}

TEST(strand, does_not_keep_the_pools_other_work_waiting) {
  thread_pool pool{pool_config{.max_threads = 1}};
  strand line{pool};
  std::atomic<bool> other_ran{false};
  std::size_t ran = 0;
  std::function<void()> endless = [&] {
    ++ran;
    if (other_ran.load()) return;
    EXPECT_FALSE(line.post([&] { endless(); }));
  };
  ASSERT_FALSE(line.post([&] { endless(); }));
  function_task other([&] { other_ran.store(true); });
  ASSERT_FALSE(pool.schedule(other));
  ASSERT_FALSE(pool.drain());
  EXPECT_TRUE(other_ran.load());
}

TEST(strand, tells_the_hook_of_exceptions_and_goes_on) {
  tally told;
  pool_config config;
  config.max_threads = 1;
  config.hooks.context = &told;
  config.hooks.unhandled_exception = [](void* context, std::exception_ptr) noexcept {
    static_cast<tally*>(context)->add();
  };
  thread_pool pool{config};
  strand line{pool};
  bool ran = false;
  ASSERT_FALSE(line.post([] { throw std::runtime_error("x"); }));
  ASSERT_FALSE(line.post([&ran] { ran = true; }));
  ASSERT_FALSE(pool.drain());
  EXPECT_EQ(told.get(), 1u);
  EXPECT_TRUE(ran);
}

}  // namespace
}  // namespace treadle::test
