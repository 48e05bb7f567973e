#include <process_facts.hpp>
#include <tasks.hpp>

#include <treadle/treadle.hpp>

#include <gtest/gtest.h>

#include <atomic>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <set>
#include <string>
#include <system_error>
#include <thread>
#include <type_traits>
#include <utility>
#include <vector>

// schedule and post: what is accepted, what is refused and how, and what a worker sees of itself.

namespace treadle::test {
namespace {

constinit thread_pool global_pool{pool_config{.max_threads = 2, .on_destroy = shutdown_mode::cancel}};

static_assert(!std::is_copy_constructible_v<thread_pool> && !std::is_move_constructible_v<thread_pool>);
static_assert(std::is_same_v<task::callback_type, void (*)(task*) noexcept>);

TEST(thread_pool_static, starts_no_thread_before_its_first_task) {
  const std::set<int> before = thread_ids();
  EXPECT_EQ(global_pool.stats().threads, 0u);
  EXPECT_FALSE(global_pool.start());
  EXPECT_EQ(global_pool.worker_limit(), 2u);
  EXPECT_TRUE(facts_of_new_threads(before).empty()) << "start is no first task";
  EXPECT_EQ(global_pool.run([] { return 1; }), 1);
  EXPECT_GE(global_pool.stats().threads_started, 1u);
  EXPECT_FALSE(facts_of_new_threads(before).empty());
}

TEST(thread_pool_static, starts_only_the_threads_that_its_work_needs) {
  const std::set<int> before = thread_ids();
  thread_pool pool{pool_config{.max_threads = 64}};
  for (int i = 0; i < 100; ++i) EXPECT_EQ(pool.run([] { return 1; }), 1);
  // One task at a time: one worker would do. Another is started when a push finds the first between two tasks.
  EXPECT_LE(facts_of_new_threads(before).size(), 8u);
}

class thread_pools : public with_workers {};
INSTANTIATE_TEST_SUITE_P(widths, thread_pools, worker_counts(), worker_count_name);

TEST_P(thread_pools, run_every_task_once) {
  thread_pool pool{config()};
  EXPECT_EQ(pool.worker_limit(), workers());
  std::vector<counted_task> tasks(20'000);
  for (std::size_t i = 0; i < tasks.size() / 2; ++i) ASSERT_FALSE(pool.schedule(tasks[i]));
  batch rest;
  for (std::size_t i = tasks.size() / 2; i < tasks.size(); ++i) rest.push(tasks[i]);
  ASSERT_FALSE(pool.schedule(rest));
  EXPECT_TRUE(rest.empty());
  EXPECT_EQ(rest.size(), 0u);
  ASSERT_FALSE(pool.drain());
  for (const counted_task& each : tasks) ASSERT_EQ(each.runs.load(), 1u);
  const pool_stats stats = pool.stats();
  EXPECT_EQ(stats.tasks_run, tasks.size());
  EXPECT_LE(stats.threads, workers());
  EXPECT_EQ(stats.active + stats.blocked + stats.parked, stats.threads);
}

TEST_P(thread_pools, keep_to_their_number_of_threads) {
  const std::set<int> before = thread_ids();
  thread_pool pool{config()};
  occupation busy;
  ASSERT_TRUE(busy.hold(pool, workers())) << "as many tasks as workers must run at a time";
  counted_task one_more;
  ASSERT_FALSE(pool.schedule(one_more));
  EXPECT_EQ(facts_of_new_threads(before).size(), workers());
  EXPECT_EQ(pool.stats().active, workers());
  EXPECT_EQ(one_more.runs.load(), 0u);
  busy.release();
  ASSERT_FALSE(pool.drain());
  EXPECT_EQ(one_more.runs.load(), 1u);
}

TEST_P(thread_pools, let_a_task_free_itself_or_go_again) {
  struct own : task {
    thread_pool* pool = nullptr;
    tally* freed = nullptr;
    int left = 5;
  };
  thread_pool pool{config()};
  tally freed;
  for (int i = 0; i < 200; ++i) {
    auto* const made = new own;
    made->pool = &pool;
    made->freed = &freed;
    made->callback = [](task* called) noexcept {
      auto* const self = static_cast<own*>(called);
      if (--self->left > 0) {
        EXPECT_FALSE(self->pool->schedule(*self));
      } else {
        self->freed->add();
        delete self;
      }
    };
    ASSERT_FALSE(pool.schedule(*made));
  }
  ASSERT_FALSE(pool.drain());
  EXPECT_EQ(freed.get(), 200u);
}

TEST_P(thread_pools, tell_a_worker_who_it_is) {
  EXPECT_EQ(this_worker::pool(), nullptr);
  EXPECT_EQ(this_worker::index(), this_worker::npos);
  thread_pool pool{config()};
  tally wrong;
  for (int i = 0; i < 1'000; ++i) {
    ASSERT_FALSE(pool.post([&](worker& self) {
      const bool right = this_worker::pool() == &pool && &self.pool() == &pool &&
                         this_worker::index() == self.index() && self.index() < pool.worker_limit();
      if (!right) wrong.add();
    }));
  }
  ASSERT_FALSE(pool.drain());
  EXPECT_EQ(wrong.get(), 0u);
  EXPECT_EQ(this_worker::pool(), nullptr);
}

TEST_P(thread_pools, take_any_callable_and_destroy_it) {
  thread_pool pool{config()};
  const auto shared = std::make_shared<tally>();
  auto owned = std::make_unique<int>(5);
  ASSERT_FALSE(pool.post([shared] { shared->add(); }));
  ASSERT_FALSE(
      pool.post([shared, owned = std::move(owned)](worker&) { shared->add(static_cast<std::size_t>(*owned)); }));
  struct only_as_rvalue {
    std::shared_ptr<tally> kept;
    void operator()() { kept->add(); }
  };
  ASSERT_FALSE(pool.post(only_as_rvalue{shared}));
  ASSERT_FALSE(pool.drain());
  EXPECT_EQ(shared->get(), 7u);
  ASSERT_FALSE(pool.join());
  EXPECT_EQ(shared.use_count(), 1);
}

TEST(thread_pool, an_empty_batch_is_accepted_and_starts_nothing) {
  const std::set<int> before = thread_ids();
  thread_pool pool;
  batch none;
  EXPECT_FALSE(pool.schedule(none));
  EXPECT_FALSE(pool.schedule(batch()));
  EXPECT_TRUE(facts_of_new_threads(before).empty());
}

TEST(thread_pool, a_refused_batch_is_whole_and_in_order) {
  thread_pool pool{pool_config{.max_threads = 1}};
  static_cast<void>(pool.shutdown());
  std::vector<counted_task> tasks(300);
  batch whole;
  for (counted_task& each : tasks) whole.push(each);
  EXPECT_EQ(pool.schedule(whole), errc::shut_down);
  EXPECT_EQ(pool.schedule(std::move(whole)), errc::shut_down);
  EXPECT_EQ(whole.size(), tasks.size());  // NOLINT(bugprone-use-after-move): refused, so not moved from
  thread_pool other{pool_config{.max_threads = 1}};
  ordered_tasks in_order(3);
  batch again = batch::of(in_order.tasks[0], in_order.tasks[1], in_order.tasks[2]);
  EXPECT_EQ(pool.schedule(again), errc::shut_down);
  EXPECT_FALSE(other.schedule(again)) << "a refused task can be scheduled elsewhere";
  EXPECT_FALSE(other.schedule(whole));
  EXPECT_FALSE(other.drain());
  EXPECT_EQ(in_order.first_out_of_order(), 3u);
  for (const counted_task& each : tasks) EXPECT_EQ(each.runs.load(), 1u);
}

TEST(thread_pool, a_refused_task_can_be_scheduled_elsewhere) {
  thread_pool ended{pool_config{.max_threads = 1}};
  static_cast<void>(ended.shutdown());
  counted_task work;
  EXPECT_EQ(ended.schedule(work), errc::shut_down);
  EXPECT_EQ(ended.schedule(work), errc::shut_down);
  thread_pool other{pool_config{.max_threads = 1}};
  EXPECT_FALSE(other.schedule(work));
  EXPECT_FALSE(other.drain());
  EXPECT_EQ(work.runs.load(), 1u);
}

/// No bound on any queue was the seed's: whoever is faster than the workers fills the memory.
TEST(thread_pool, seed_defect_26) {
  thread_pool pool{pool_config{.max_threads = 1, .max_queued = 10}};
  occupation busy;
  ASSERT_TRUE(busy.hold(pool, 1));
  std::vector<counted_task> tasks(30);
  batch too_many;
  for (std::size_t i = 0; i < 11; ++i) too_many.push(tasks[i]);
  EXPECT_EQ(pool.schedule(too_many), errc::queue_full);
  EXPECT_EQ(too_many.size(), 11u);
  too_many.pop();
  EXPECT_FALSE(pool.schedule(too_many)) << "ten of ten";
  EXPECT_EQ(pool.schedule(tasks[20]), errc::queue_full);
  bool touched = false;
  EXPECT_EQ(pool.post([&touched] { touched = true; }), errc::queue_full);
  try {
    static_cast<void>(pool.submit([&touched] { touched = true; }));
    ADD_FAILURE() << "submitted beyond the bound";
  } catch (const std::system_error& refused) {
    EXPECT_EQ(refused.code(), errc::queue_full);
  }
  busy.release();
  ASSERT_FALSE(pool.drain());
  EXPECT_FALSE(touched);
  for (int round = 0; round < 5; ++round) {
    EXPECT_FALSE(pool.schedule(tasks[20])) << "the places must be free again";
    ASSERT_FALSE(pool.drain());
  }
  EXPECT_EQ(tasks[20].runs.load(), 5u);
}

TEST(thread_pool, the_bound_holds_for_outsiders_only_and_its_places_come_back) {
  thread_pool pool{pool_config{.max_threads = 2, .max_queued = 64}};
  tally ran, refused;
  const std::size_t goal = smaller_if_slow(20'000);
  std::vector<std::thread> outsiders;
  for (int t = 0; t < 3; ++t) {
    outsiders.emplace_back([&] {
      for (std::size_t i = 0; i < goal; ++i) {
        while (pool.post([&] { ran.add(); }) == errc::queue_full) {
          refused.add();
          std::this_thread::yield();
        }
      }
    });
  }
  for (std::thread& each : outsiders) each.join();
  ASSERT_FALSE(pool.drain());
  EXPECT_EQ(ran.get(), goal * 3);
  pool.run([&] {
    for (int i = 0; i < 1'000; ++i) EXPECT_FALSE(pool.post([&] { ran.add(); })) << "an insider is not bounded";
  });
  ASSERT_FALSE(pool.drain());
  EXPECT_EQ(ran.get(), goal * 3 + 1'000);
  occupation busy;
  ASSERT_TRUE(busy.hold(pool, 2));
  std::vector<counted_task> fill(65);
  std::size_t accepted = 0;
  for (counted_task& each : fill) accepted += pool.schedule(each) ? 0u : 1u;
  EXPECT_EQ(accepted, 64u) << "places were lost or made";
  busy.release();
  ASSERT_FALSE(pool.drain());  // before the tasks go
}

TEST(thread_pool, source_sites_are_those_of_the_calls) {
  constexpr source_site here = source_site::current();
  static_assert(here.line != 0);
  EXPECT_NE(std::string(here.file).find("thread_pool_test.cpp"), std::string::npos);
  thread_pool pool{pool_config{.max_threads = 1}};
  counted_task one, two;
  batch both = batch::of(two);
  EXPECT_FALSE(pool.schedule(one, source_site{"elsewhere", 7}));
  EXPECT_FALSE(pool.schedule(both, here));
  EXPECT_FALSE(pool.post([] {}, here));
  pool.submit([] {}, here).get();
  pool.run([] {}, here);
}

/// What a call made by itself notes about where it was made.
TEST(thread_pool, a_made_task_notes_its_source_site) {
  const auto note = [](source_site site = source_site::current()) { return site; };
  const source_site first = note();
  const source_site second = note();
  EXPECT_EQ(first.line + 1, second.line);
  EXPECT_EQ(first.file, second.file) << "a pointer to static data, the same for the whole file";
}

#ifndef NDEBUG

void schedule_without_a_callback() {
  thread_pool pool{pool_config{.max_threads = 1}};
  task empty;
  static_cast<void>(pool.schedule(empty));
}

void schedule_twice() {
  thread_pool pool{pool_config{.max_threads = 1}};
  occupation busy;
  if (!busy.hold(pool, 1)) return;
  counted_task twice;
  static_cast<void>(pool.schedule(twice));
  static_cast<void>(pool.schedule(twice));
}

void schedule_twice_from_a_worker() {
  thread_pool pool{pool_config{.max_threads = 1}};
  counted_task twice;
  pool.run([&] {
    static_cast<void>(pool.schedule(twice));
    static_cast<void>(pool.schedule(twice));
  });
}

void schedule_twice_by_a_batch() {
  thread_pool pool{pool_config{.max_threads = 1}};
  occupation busy;
  if (!busy.hold(pool, 1)) return;
  counted_task twice, other;
  static_cast<void>(pool.schedule(twice));
  batch group = batch::of(other, twice);
  static_cast<void>(pool.schedule(group));
}

TEST(thread_pool, names_the_task_that_is_misused) {
  testing::GTEST_FLAG(death_test_style) = "threadsafe";
  EXPECT_DEATH(schedule_without_a_callback(), "callback.*0x[0-9a-f]+");
  EXPECT_DEATH(schedule_twice(), "queued already.*0x[0-9a-f]+");
  EXPECT_DEATH(schedule_twice_from_a_worker(), "queued already.*0x[0-9a-f]+");
  EXPECT_DEATH(schedule_twice_by_a_batch(), "queued already.*0x[0-9a-f]+");
}

#endif

}  // namespace
}  // namespace treadle::test
