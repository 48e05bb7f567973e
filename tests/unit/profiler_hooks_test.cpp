// profiler_hooks: what a profiler is told pairs up, nests, comes on the worker's own thread, and has its names.
#include "dumps.hpp"
#include "tasks.hpp"
#include "waiting.hpp"

#include <treadle/coro.hpp>
#include <treadle/treadle.hpp>

#include <gtest/gtest.h>

#include <array>
#include <atomic>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <map>
#include <mutex>
#include <string>
#include <string_view>
#include <thread>
#include <utility>
#include <vector>

namespace treadle {
namespace {

using namespace std::chrono_literals;
using test::here;

/// What has begun on each worker, as a stack; what does not fit on it is a mistake.
class call_log {
 public:
  [[nodiscard]] profiler_hooks hooks() {
    profiler_hooks made;
    made.context = this;
    made.thread_begin = [](void* self, std::size_t worker) noexcept { of(self).begin(worker, "thread"); };
    made.thread_end = [](void* self, std::size_t worker) noexcept { of(self).end(worker, "thread"); };
    made.task_begin = [](void* self, std::size_t worker, const profiler_hooks::task_info& task) noexcept {
      of(self).begin(worker, "task");
      of(self).note(task);
    };
    made.task_end = [](void* self, std::size_t worker) noexcept { of(self).end(worker, "task"); };
    made.park = [](void* self, std::size_t worker) noexcept { of(self).begin(worker, "park"); };
    made.unpark = [](void* self, std::size_t worker) noexcept { of(self).end(worker, "park"); };
    made.blocking_begin = [](void* self, std::size_t worker, const char* kind) noexcept {
      of(self).begin(worker, "blocking");
      const std::lock_guard lock(of(self).mutex_);
      ++of(self).kinds_[kind];
    };
    made.blocking_end = [](void* self, std::size_t worker) noexcept { of(self).end(worker, "blocking"); };
    return made;
  }

  [[nodiscard]] std::uint64_t count(const std::string& what) const { return at(counts_, what); }
  [[nodiscard]] std::uint64_t tasks_of(const std::string& site) const { return at(sites_, site); }
  [[nodiscard]] std::uint64_t waits_of(const std::string& kind) const { return at(kinds_, kind); }
  [[nodiscard]] std::uint64_t functions() const { return at(sites_, "function"); }
  [[nodiscard]] std::size_t deepest() const {
    const std::lock_guard lock(mutex_);
    return deepest_;
  }
  /// Returns what was told that cannot be; empty if all is well.
  [[nodiscard]] std::string mistakes() const {
    const std::lock_guard lock(mutex_);
    return mistakes_;
  }
  [[nodiscard]] bool all_ended() const {
    const std::lock_guard lock(mutex_);
    for (const auto& [worker, stack] : open_) {
      if (!stack.empty()) return false;
    }
    return true;
  }

 private:
  using table = std::map<std::string, std::uint64_t>;

  static call_log& of(void* context) noexcept { return *static_cast<call_log*>(context); }
  [[nodiscard]] std::uint64_t at(const table& in, const std::string& name) const {
    const std::lock_guard lock(mutex_);
    const auto found = in.find(name);
    return found != in.end() ? found->second : 0;
  }

  void begin(std::size_t worker, const std::string& what) {
    const std::lock_guard lock(mutex_);
    auto& stack = open_[worker];
    if (what == "thread") threads_[worker] = std::this_thread::get_id();
    const std::string inside = stack.empty() ? "" : stack.back();
    const bool may = what == "thread" ? stack.empty()
                     : what == "park" ? inside == "thread"
                     : what == "task" ? inside == "thread" || inside == "task"
                                      : inside == "task";
    check(may, worker, what + " begins in " + inside);
    stack.push_back(what);
    ++counts_[what];
    std::size_t tasks = 0;
    for (const std::string& each : stack) tasks += each == "task" ? 1U : 0U;
    deepest_ = deepest_ < tasks ? tasks : deepest_;
  }
  void end(std::size_t worker, const std::string& what) {
    const std::lock_guard lock(mutex_);
    auto& stack = open_[worker];
    const std::string inside = stack.empty() ? "" : stack.back();
    check(inside == what, worker, what + " ends in " + inside);
    if (!stack.empty()) stack.pop_back();
  }
  void check(bool is_right, std::size_t worker, const std::string& text) {
    if (!is_right) mistakes_ += "worker " + std::to_string(worker) + ": " + text + "\n";
    if (threads_[worker] != std::this_thread::get_id()) mistakes_ += "on another thread: " + text + "\n";
  }
  void note(const profiler_hooks::task_info& task) {
    const std::lock_guard lock(mutex_);
    if (task.task == nullptr) mistakes_ += "no address\n";
    ++sites_[task.function != nullptr ? "function" : task.site.file + (":" + std::to_string(task.site.line))];
  }

  mutable std::mutex mutex_;
  std::map<std::size_t, std::vector<std::string>> open_;
  std::map<std::size_t, std::thread::id> threads_;
  table counts_, sites_, kinds_;
  std::size_t deepest_ = 0;
  std::string mistakes_;
};

class profilers : public test::with_workers {
 protected:
  [[nodiscard]] pool_config told() {
    pool_config made = config();
    made.profiler = log.hooks();
    return made;
  }
  /// No worker is left when this returns.
  void expect_pairs(thread_pool& pool) {
    ASSERT_FALSE(pool.drain());
    ASSERT_FALSE(pool.join());
    EXPECT_EQ(log.mistakes(), "");
    EXPECT_TRUE(log.all_ended());
  }

  call_log log;
};
INSTANTIATE_TEST_SUITE_P(widths, profilers, test::worker_counts(), test::worker_count_name);

TEST_P(profilers, hear_of_each_task_with_its_site) {
  const auto posted = here(), submitted = here(), intrusive = here();
  thread_pool pool{told()};
  for (int i = 0; i < 100; ++i) ASSERT_FALSE(pool.post([] {}, posted.site));
  std::vector<future<void>> all;
  for (int i = 0; i < 100; ++i) all.push_back(pool.submit([] {}, submitted.site));
  std::array<test::counted_task, 10> tasks;
  for (test::counted_task& each : tasks) ASSERT_FALSE(pool.schedule(each, intrusive.site));
  ASSERT_FALSE(pool.drain());
  for (const future<void>& each : all) EXPECT_TRUE(each.is_ready());
  expect_pairs(pool);
  EXPECT_EQ(log.tasks_of(posted.text), 100U);
  EXPECT_EQ(log.tasks_of(submitted.text), 100U);
  EXPECT_EQ(log.functions(), 10U);
  EXPECT_EQ(log.count("task"), 210U);
  EXPECT_GE(log.count("thread"), 1U);
}

TEST_P(profilers, hear_of_what_runs_in_the_middle_of_a_task) {
  const auto outer = here(), inner = here();
  thread_pool pool{told()};
  test::occupation others;
  ASSERT_TRUE(others.hold(pool, workers() - 1));  // nobody else takes it
  pool.submit(
          [&] {
            auto in_place = pool.submit([] {}, inner.site);
            in_place.get();
          },
          outer.site)
      .get();
  others.release();
  expect_pairs(pool);
  EXPECT_GE(log.tasks_of(outer.text), 1U);
  EXPECT_GE(log.tasks_of(inner.text), 1U);
  EXPECT_GE(log.deepest(), 2U);
}

TEST_P(profilers, hear_of_waits_and_of_what_kind) {
  test::gate started, release;
  thread_pool pool{told()};
  auto slow = pool.submit([&] {
    started.open();
    blocking([&] { release.pass(); });
  });
  ASSERT_TRUE(started.pass());
  auto waits = pool.submit([&] { EXPECT_FALSE(slow.wait()); });
  EXPECT_TRUE(test::eventually([&] { return log.waits_of("future") == 1; }));
  release.open();
  waits.get();
  expect_pairs(pool);
  EXPECT_EQ(log.waits_of("section"), 1U);
  EXPECT_EQ(log.count("blocking"), 2U);
}

TEST_P(profilers, hear_of_sleeps) {
  thread_pool pool{told()};
  for (std::uint64_t round = 1; round <= 5; ++round) {
    pool.run([] {});
    EXPECT_TRUE(test::eventually([&] { return log.count("park") >= round; }));
  }
  expect_pairs(pool);
}

coro::task<void> sleep_and_yield() {
  co_await coro::sleep_for(50us);
  co_await coro::yield();
}

/// All of it at once: trees of forks, scopes, strands, coroutines, timers, and threads that come and go.
TEST_P(profilers, hear_pairs_of_whatever_runs) {
  pool_config settings = told();
  settings.retire_after = 2ms;
  thread_pool pool{settings};
  const auto until = std::chrono::steady_clock::now() + 100ms;
  while (std::chrono::steady_clock::now() < until) {
    test::tally ran;
    auto forking = pool.submit([&] {
      fork_join(
          [&] {
            for (int i = 0; i < 50; ++i) checkpoint();
            ran.add();
          },
          [&] { ran.add(); });
      run_ready();
    });
    {
      strand one_by_one(pool);
      for (int i = 0; i < 5; ++i) ASSERT_FALSE(one_by_one.post([&] { ran.add(); }));
      scope children(pool);
      for (int i = 0; i < 5; ++i) {
        children.spawn([&] {
          blocking([] { std::this_thread::sleep_for(50us); });
          ran.add();
        });
      }
      children.wait();
    }
    coro::sync_wait(pool, sleep_and_yield());
    forking.get();
    EXPECT_TRUE(ran.reaches(12));
  }
  expect_pairs(pool);
  EXPECT_GE(log.count("task"), 12U);
}

/// One hook alone, and none for the rest.
TEST_P(profilers, may_hear_of_one_thing_only) {
  static std::atomic<int> begun{0};
  begun = 0;
  pool_config settings = config();
  settings.profiler.task_begin = [](void*, std::size_t, const profiler_hooks::task_info&) noexcept { ++begun; };
  thread_pool pool{settings};
  for (int i = 0; i < 100; ++i) ASSERT_FALSE(pool.post([] { blocking([] {}); }));
  ASSERT_FALSE(pool.drain());
  EXPECT_EQ(begun.load(), 100);
}

}  // namespace
}  // namespace treadle
