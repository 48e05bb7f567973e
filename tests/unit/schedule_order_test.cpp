#include <tasks.hpp>

#include <treadle/treadle.hpp>

#include <gtest/gtest.h>

#include <cstddef>
#include <cstdint>
#include <memory>
#include <ostream>
#include <string>
#include <thread>
#include <utility>
#include <vector>

// What one thread schedules starts in that order on a pool of one worker.

namespace treadle::test {
namespace {

constexpr std::size_t many = 100'000;

pool_config one_worker() {
  pool_config config;
  config.max_threads = 1;
  return config;
}

/// Schedules all of `tasks` in batches whose sizes go round through `sizes`. Size 0 means one task without a batch.
std::size_t schedule_in(thread_pool& pool, std::vector<ordered_task>& tasks, const std::vector<std::size_t>& sizes) {
  std::size_t refused = 0;
  std::size_t turn = 0;
  for (std::size_t at = 0; at < tasks.size(); ++turn) {
    const std::size_t size = sizes[turn % sizes.size()];
    if (size == 0) {
      refused += pool.schedule(tasks[at++]) ? 1u : 0u;
      continue;
    }
    batch group;
    for (std::size_t i = 0; i < size && at < tasks.size(); ++i) group.push(tasks[at++]);
    refused += pool.schedule(group) ? 1u : 0u;
  }
  return refused;
}

struct submission {
  const char* name;
  std::vector<std::size_t> sizes;
};

void PrintTo(const submission& tested, std::ostream* out) { *out << tested.name; }
std::string submission_name(const testing::TestParamInfo<submission>& tested) { return tested.param.name; }

class schedule_order : public testing::TestWithParam<submission> {};

TEST_P(schedule_order, from_outside) {
  ordered_tasks made(many);
  thread_pool pool{one_worker()};
  EXPECT_EQ(schedule_in(pool, made.tasks, GetParam().sizes), 0u);
  ASSERT_TRUE(made.all_ran());
  EXPECT_EQ(made.first_out_of_order(), many);
}

TEST_P(schedule_order, from_outside_while_the_worker_is_busy) {
  ordered_tasks made(many);
  thread_pool pool{one_worker()};
  occupation busy;
  ASSERT_TRUE(busy.hold(pool, 1));
  EXPECT_EQ(schedule_in(pool, made.tasks, GetParam().sizes), 0u);
  busy.release();
  ASSERT_TRUE(made.all_ran());
  EXPECT_EQ(made.first_out_of_order(), many);
}

TEST_P(schedule_order, from_the_worker_with_overflow) {
  ordered_tasks made(many);
  thread_pool pool{one_worker()};
  std::size_t refused = 0;
  function_task root([&] { refused = schedule_in(pool, made.tasks, GetParam().sizes); });
  ASSERT_FALSE(pool.schedule(root));
  ASSERT_TRUE(made.all_ran());
  EXPECT_EQ(refused, 0u);
  EXPECT_EQ(made.first_out_of_order(), many);
  EXPECT_GT(pool.stats().tasks_overflowed, 0u) << "the test meant to overflow the worker's ring";
}

INSTANTIATE_TEST_SUITE_P(all, schedule_order,
                         testing::Values(submission{"singly", {0}}, submission{"batches_of_1", {1}},
                                         submission{"batches_of_7", {7}}, submission{"batches_of_255", {255}},
                                         submission{"batches_of_256", {256}}, submission{"batches_of_257", {257}},
                                         submission{"batches_of_1000", {1000}},
                                         submission{"mixed", {0, 1, 300, 2, 0, 0, 129, 60, 61, 5000, 3}}),
                         submission_name);

TEST(schedule_order_cases, one_batch_of_all) {
  ordered_tasks made(many);
  thread_pool pool{one_worker()};
  batch all;
  for (ordered_task& each : made.tasks) all.push(each);
  ASSERT_FALSE(pool.schedule(std::move(all)));
  ASSERT_TRUE(made.all_ran());
  EXPECT_EQ(made.first_out_of_order(), many);
}

/// A worker that goes on scheduling while its ring drains: what overflowed stays ahead of what is pushed later.
TEST(schedule_order_cases, pushes_between_runs_queue_behind_an_overflow) {
  constexpr std::size_t waves = 200, wave = 500;
  ordered_tasks made(waves * wave);
  thread_pool pool{one_worker()};
  std::size_t next = 0;
  std::unique_ptr<function_task> producer;
  producer = std::make_unique<function_task>([&] {
    batch burst;
    for (std::size_t i = 0; i < wave; ++i) burst.push(made.tasks[next++]);
    EXPECT_FALSE(pool.schedule(burst));
    const bool more = next < made.tasks.size();
    EXPECT_FALSE(more && pool.schedule(*producer));
  });
  ASSERT_FALSE(pool.schedule(*producer));
  ASSERT_TRUE(made.all_ran());
  EXPECT_EQ(made.first_out_of_order(), made.tasks.size());
}

TEST(schedule_order_cases, posts_and_submits_keep_the_order_too) {
  constexpr std::size_t count = 20'000;
  std::vector<std::size_t> seen;
  seen.reserve(count);
  thread_pool pool{one_worker()};
  std::vector<future<void>> results;
  for (std::size_t i = 0; i < count; ++i) {
    if (i % 3 == 0) {
      results.push_back(pool.submit([&seen, i] { seen.push_back(i); }));
    } else {
      ASSERT_FALSE(pool.post([&seen, i] { seen.push_back(i); }));
    }
  }
  ASSERT_FALSE(pool.drain());
  ASSERT_EQ(seen.size(), count);
  for (std::size_t i = 0; i < count; ++i) ASSERT_EQ(seen[i], i);
}

/// Each of several outsiders keeps its own order.
TEST(schedule_order_cases, of_each_of_several_threads) {
  constexpr std::size_t threads = 4, each = 20'000;
  struct numbered : task {
    std::size_t thread = 0, number = 0;
    std::vector<std::size_t>* next = nullptr;
    tally* wrong = nullptr;
  };
  std::vector<std::size_t> next(threads, 0);  // the one worker's own
  tally wrong;
  std::vector<std::vector<numbered>> tasks(threads);
  thread_pool pool{one_worker()};
  std::vector<std::thread> outsiders;
  for (std::size_t t = 0; t < threads; ++t) {
    tasks[t].resize(each);
    outsiders.emplace_back([&, t] {
      for (std::size_t i = 0; i < each; ++i) {
        numbered& made = tasks[t][i];
        made.thread = t;
        made.number = i;
        made.next = &next;
        made.wrong = &wrong;
        made.callback = [](task* called) noexcept {
          const auto* const self = static_cast<numbered*>(called);
          if ((*self->next)[self->thread]++ != self->number) self->wrong->add();
        };
        if (pool.schedule(made)) wrong.add();
      }
    });
  }
  for (std::thread& outsider : outsiders) outsider.join();
  ASSERT_FALSE(pool.drain());
  EXPECT_EQ(wrong.get(), 0u);
  for (const std::size_t ran : next) EXPECT_EQ(ran, each);
}

/// Batch A, B, C; A schedules itself again: the seed then ran B and C twice, for A's link still led to them.
TEST(schedule_order_cases, seed_defect_4) {
  struct repeating : counted_task {
    thread_pool* pool = nullptr;
  };
  for (std::uint32_t workers = 1; workers <= 2; ++workers) {
    for (int round = 0; round < 200; ++round) {
      repeating a;
      counted_task b, c;
      pool_config config;
      config.max_threads = workers;
      thread_pool pool{config};
      a.pool = &pool;
      a.callback = [](task* called) noexcept {
        auto* const self = static_cast<repeating*>(called);
        const bool first = self->runs.fetch_add(1) == 0;
        EXPECT_FALSE(first && self->pool->schedule(*self));
      };
      batch group = batch::of(a, b, c);
      ASSERT_FALSE(pool.schedule(group));
      ASSERT_FALSE(pool.drain());
      ASSERT_FALSE(pool.join());
      ASSERT_EQ(a.runs.load(), 2u);
      ASSERT_EQ(b.runs.load(), 1u);
      ASSERT_EQ(c.runs.load(), 1u);
    }
  }
}

}  // namespace
}  // namespace treadle::test
