#include <random.hpp>
#include <tasks.hpp>

#include <treadle/treadle.hpp>

#include <gtest/gtest.h>

#include <atomic>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <fstream>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <system_error>
#include <thread>
#include <utility>
#include <vector>

// Pools that end at random times, with outsiders and running tasks that go on scheduling: every accepted task runs once
// or is given back once, and the reports say which.

namespace treadle::test {
namespace {

class lifecycle_stress : public with_workers {};
INSTANTIATE_TEST_SUITE_P(widths, lifecycle_stress, worker_counts(), worker_count_name);

/// A task of the user's that may schedule another one when it runs.
struct accounted_task : task {
  accounted_task() noexcept : task(&call) {}
  static void call(task* called) noexcept {
    auto* const self = static_cast<accounted_task*>(called);
    self->runs.fetch_add(1, std::memory_order_relaxed);
    if (self->then) self->then();
  }
  std::function<void()> then;
  std::atomic<std::uint32_t> runs{0};
  std::uint32_t given_back = 0;
  bool accepted = false;
};

/// One pool, its outsiders, and the books of what was accepted.
class accounted_pool {
 public:
  accounted_pool(const pool_config& config, std::uint64_t seed, std::size_t per_outsider)
      : pool_(config), seed_(seed), tasks_(outsiders_), per_outsider_(per_outsider) {
    for (auto& own : tasks_) own = std::vector<accounted_task>(per_outsider_);
  }

  void run() {
    std::vector<std::thread> threads;
    for (std::size_t t = 0; t < outsiders_; ++t) threads.emplace_back([this, t] { be_outsider(t); });
    random_source random(seed_ ^ 0x5eed);
    const std::uint64_t goal = random.below(outsiders_ * per_outsider_);
    EXPECT_TRUE(eventually([&] { return accepted_.get() >= goal || finished_.get() == outsiders_; }));
    note(end_somehow(random));
    for (std::thread& each : threads) each.join();
    const std::error_code joined = pool_.join();
    EXPECT_FALSE(joined);
    check_books();
  }

 private:
  void be_outsider(std::size_t t) {
    random_source random(seed_ + t);
    std::vector<accounted_task>& own = tasks_[t];
    std::size_t at = 0;
    while (at < own.size()) {
      const std::uint64_t choice = random.below(8);
      if (choice < 3) {
        accept_one(own[at++], random.one_in(4));
      } else if (choice < 6) {
        at = accept_group(own, at, 1 + random.below(random.one_in(10) ? 400 : 10), random);
      } else if (choice == 6) {
        if (!pool_.post([this] { made_runs_.add(); })) book_made();
      } else {
        submit_one(random.one_in(2));
      }
    }
    finished_.add();
  }

  /// `nesting`: the task schedules another of the user's tasks and posts once it runs.
  void accept_one(accounted_task& made, bool nesting) {
    if (nesting) make_nesting(made);
    made.accepted = !pool_.schedule(made);
    if (made.accepted) accepted_.add();
  }

  std::size_t accept_group(std::vector<accounted_task>& own, std::size_t at, std::size_t size, random_source& random) {
    batch group;
    const std::size_t first = at;
    for (std::size_t i = 0; i < size && at < own.size(); ++i) {
      if (random.one_in(8)) make_nesting(own[at]);
      group.push(own[at++]);
    }
    const std::size_t count = group.size();
    const bool accepted = !pool_.schedule(group);
    EXPECT_EQ(group.size(), accepted ? 0 : count);
    for (std::size_t i = first; accepted && i < at; ++i) own[i].accepted = true;
    if (accepted) accepted_.add(count);
    return at;
  }

  void make_nesting(accounted_task& made) {
    made.then = [this, child = std::make_shared<accounted_task>()] {
      child->then = [this] { nested_runs_.add(); };
      keep(child);
      child->accepted = !pool_.schedule(*child);
      if (child->accepted) accepted_.add();
      if (!pool_.post([this] { made_runs_.add(); })) book_made();
    };
  }

  void submit_one(bool wait) {
    try {
      future<void> result = pool_.submit([this] { made_runs_.add(); });
      book_made();
      if (wait) static_cast<void>(result.wait());
    } catch (const std::system_error& refused) {
      EXPECT_EQ(refused.code(), errc::shut_down);
    }
  }

  void book_made() {
    made_.add();
    accepted_.add();
  }

  void keep(std::shared_ptr<accounted_task> child) {
    const std::lock_guard<std::mutex> lock(children_lock_);
    children_.push_back(std::move(child));
  }

  shutdown_report end_somehow(random_source& random) {
    const auto soon = std::chrono::microseconds(random.below(2'000));
    switch (random.below(4)) {
      case 0:
        return pool_.shutdown(shutdown_mode::drain);
      case 1:
        return pool_.shutdown(shutdown_mode::cancel);
      case 2:
        return pool_.shutdown_for(soon);
      default: {
        shutdown_report second;
        std::thread other([&] { second = pool_.shutdown_for(soon, shutdown_mode::drain); });
        shutdown_report first = pool_.shutdown(random.one_in(2) ? shutdown_mode::cancel : shutdown_mode::drain);
        other.join();
        // Each call gives back what it ended itself; what ran is the pool's whole life.
        first.cancelled += second.cancelled;
        first.not_run.push(std::move(second.not_run));
        two_reports_ = true;
        return first;
      }
    }
  }

  void note(shutdown_report report) {
    first_ran_ = report.ran;
    first_running_ = report.still_running;
    cancelled_ = report.cancelled;
    while (task* const back = report.not_run.pop()) {
      ++static_cast<accounted_task*>(back)->given_back;
      ++not_run_;
    }
  }

  void check_one(const accounted_task& each, std::uint64_t& ran) const {
    const std::uint32_t runs = each.runs.load();
    ASSERT_EQ(runs + each.given_back, each.accepted ? 1u : 0u) << runs << " runs, given back " << each.given_back;
    ran += runs;
  }

  void check_books() {
    std::uint64_t ran = made_runs_.get();
    for (const auto& own : tasks_) {
      for (const accounted_task& each : own) check_one(each, ran);
    }
    for (const auto& child : children_) check_one(*child, ran);
    const shutdown_report last = pool_.shutdown();
    EXPECT_EQ(last.still_running, 0u);
    EXPECT_EQ(last.cancelled + last.not_run.size(), 0u);
    EXPECT_EQ(last.ran, ran) << "what the pool counted is not what ran";
    EXPECT_EQ(made_runs_.get() + cancelled_, made_.get());
    EXPECT_EQ(last.ran + not_run_ + cancelled_, accepted_.get());
    const std::uint64_t first = first_ran_ + first_running_ + not_run_ + cancelled_;
    EXPECT_TRUE(two_reports_ || first == accepted_.get()) << first << " of " << accepted_.get();
  }

  static constexpr std::size_t outsiders_ = 3;
  thread_pool pool_;
  const std::uint64_t seed_;
  std::vector<std::vector<accounted_task>> tasks_;
  const std::size_t per_outsider_;
  tally accepted_, made_, made_runs_, nested_runs_, finished_;
  std::mutex children_lock_;
  std::vector<std::shared_ptr<accounted_task>> children_;
  std::uint64_t first_ran_ = 0, first_running_ = 0, cancelled_ = 0, not_run_ = 0;
  bool two_reports_ = false;
};

TEST_P(lifecycle_stress, every_accepted_task_is_in_exactly_one_count) {
  const std::uint64_t seed = run_seed();
  SCOPED_TRACE("TREADLE_TEST_SEED=" + std::to_string(seed));
  const std::size_t rounds = repetitions(workers() > 8 ? 60 : 200);
  for (std::size_t round = 0; round < rounds && !HasFailure(); ++round) {
    accounted_pool books(config(), seed + round * 1'000'003, 300);
    books.run();
  }
}

/// For docs/verification.md, where somebody asks for it: TREADLE_CYCLES_REPORT=FILE.
void note_cycles(std::size_t cycles, std::chrono::steady_clock::time_point start) {
  const char* const path = std::getenv("TREADLE_CYCLES_REPORT");
  if (path == nullptr || testing::Test::HasFailure()) return;
  const std::chrono::duration<double> spent = std::chrono::steady_clock::now() - start;
  std::ofstream(path) << "{\"cycles\": " << cycles << ", \"seconds\": " << spent.count() << "}\n";
}

/// Pools that are made, used a little or not at all, and destroyed in each way.
TEST(lifecycle_stress_cycles, make_use_destroy) {
  const std::uint64_t seed = run_seed();
  SCOPED_TRACE("TREADLE_TEST_SEED=" + std::to_string(seed));
  random_source random(seed);
  // A million of them where time is given and the build is fast.
  const std::size_t cycles = test_scale() >= 10 && slow_factor == 1 ? 1'000'000 : repetitions(10'000);
  const auto start = std::chrono::steady_clock::now();
  for (std::size_t cycle = 0; cycle < cycles && !testing::Test::HasFailure(); ++cycle) {
    std::vector<counted_task> tasks(random.below(30));
    pool_config config;
    config.max_threads = static_cast<std::uint32_t>(1 + random.below(4));
    config.on_destroy = random.one_in(2) ? shutdown_mode::cancel : shutdown_mode::drain;
    if (random.one_in(3)) config.spin_ns = -1;
    if (random.one_in(8)) config.retire_after = std::chrono::microseconds(1 + random.below(100));
    bool all_must_run = config.on_destroy == shutdown_mode::drain;
    {
      thread_pool pool{config};
      for (counted_task& each : tasks) ASSERT_FALSE(pool.schedule(each));
      switch (random.below(6)) {
        case 0:
          ASSERT_FALSE(pool.drain());
          all_must_run = true;
          break;
        case 1:
          ASSERT_FALSE(pool.join());
          all_must_run = true;
          break;
        case 2: {
          const shutdown_report report = pool.shutdown(shutdown_mode::cancel);
          EXPECT_EQ(report.ran + report.still_running + report.not_run.size(), tasks.size());
          all_must_run = tasks.empty();
          break;
        }
        default:
          break;
      }
    }
    for (const counted_task& each : tasks) {
      const std::uint32_t runs = each.runs.load();
      ASSERT_TRUE(runs == 1 || (runs == 0 && !all_must_run)) << runs << " runs in cycle " << cycle;
    }
  }
  note_cycles(cycles, start);
}

/// A task's effect lets the main thread destroy the pool while the outsider that scheduled the task is still inside
/// `schedule`. The pool is on the heap, so that a late touch is a use after free; so was the seed's.
TEST(lifecycle_stress_cycles, seed_defect_15) {
  struct deed {
    thread_pool* pool = nullptr;
    std::unique_ptr<function_task> work;
  };
  std::atomic<deed*> next{nullptr};
  std::atomic<bool> over{false};
  std::thread outsider([&] {
    while (!over.load(std::memory_order_acquire)) {
      deed* const given = next.exchange(nullptr, std::memory_order_acq_rel);
      if (given == nullptr) {
        std::this_thread::yield();
        continue;
      }
      // Nothing of ours is touched after this call: the pool and the deed are gone by then.
      static_cast<void>(given->pool->schedule(*given->work));
    }
  });
  random_source random(run_seed());
  const std::size_t cycles = repetitions(20'000);
  for (std::size_t cycle = 0; cycle < cycles; ++cycle) {
    std::atomic<bool> done{false};
    pool_config config;
    config.max_threads = static_cast<std::uint32_t>(1 + random.below(2));
    config.on_destroy = random.one_in(2) ? shutdown_mode::cancel : shutdown_mode::drain;
    auto pool = std::make_unique<thread_pool>(config);
    counted_task warm;
    // A worker that is awake, asleep or not there yet: the push that must wake someone and the one that need not.
    if (random.one_in(2)) {
      ASSERT_FALSE(pool->schedule(warm));
    }
    if (random.one_in(4)) {
      ASSERT_FALSE(pool->drain());
    }
    auto given = std::make_unique<deed>();
    given->pool = pool.get();
    given->work = std::make_unique<function_task>([&done] { done.store(true, std::memory_order_release); });
    next.store(given.get(), std::memory_order_release);
    while (!done.load(std::memory_order_acquire)) std::this_thread::yield();
    pool.reset();
    given.reset();
  }
  over.store(true, std::memory_order_release);
  outsider.join();
}

}  // namespace
}  // namespace treadle::test
