#include <tasks.hpp>

#include <treadle/treadle.hpp>

#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <memory>
#include <vector>

// The oldest injected task starts before any worker has started 61 further tasks.

namespace treadle::test {
namespace {

constexpr std::size_t bound = 61;

/// Tasks that schedule themselves again until they are stopped, and count what each worker has started.
class churn {
 public:
  churn(thread_pool& pool, std::size_t tasks) : pool_(pool), tasks_(tasks) {
    for (churning& each : tasks_) {
      each.owner = this;
      each.callback = [](task* called) noexcept {
        auto* const self = static_cast<churning*>(called);
        self->has_run.store(true, std::memory_order_relaxed);
        self->owner->count_here();
        if (!self->owner->stopped_.load(std::memory_order_relaxed)) {
          EXPECT_FALSE(self->owner->pool_.schedule(*self));
        }
      };
    }
  }
  [[nodiscard]] bool begin() {
    for (churning& each : tasks_) {
      if (pool_.schedule(each)) return false;
    }
    // All of them have left the injected queue: what comes there next is the oldest.
    return eventually([&] {
      return std::all_of(tasks_.begin(), tasks_.end(),
                         [](const churning& each) { return each.has_run.load(std::memory_order_relaxed); });
    });
  }
  void stop() { stopped_.store(true, std::memory_order_relaxed); }
  void count_here() noexcept { started_[this_worker::index()].fetch_add(1, std::memory_order_relaxed); }
  [[nodiscard]] std::size_t started_by(std::size_t worker) const {
    return started_[worker].load(std::memory_order_relaxed);
  }
  [[nodiscard]] std::size_t total() const {
    std::size_t sum = 0;
    for (const auto& count : started_) sum += count.load(std::memory_order_relaxed);
    return sum;
  }

 private:
  struct churning : task {
    churn* owner = nullptr;
    std::atomic<bool> has_run{false};
  };
  thread_pool& pool_;
  std::vector<churning> tasks_;
  std::atomic<bool> stopped_{false};
  std::array<std::atomic<std::size_t>, 80> started_{};
};

/// How many tasks workers started between the return of `schedule` and the start of the task that it queued.
struct waits {
  std::size_t worst_of_runner = 0;  ///< on the worker that then ran it
  std::size_t rounds = 0;
  std::size_t rounds_within_bound = 0;  ///< in which no worker at all started more than the bound
  bool failed = false;
};

/// Injects one task at a time while `tasks` churn on `workers`.
waits injected_waits(std::uint32_t workers, std::size_t tasks, std::size_t rounds) {
  pool_config config;
  config.max_threads = workers;
  config.max_spare_threads = pool_config::no_spares;
  thread_pool pool{config};
  churn load(pool, tasks);
  waits seen;
  seen.failed = !load.begin();
  for (; seen.rounds < rounds && !seen.failed; ++seen.rounds) {
    std::array<std::atomic<std::size_t>, 80> before{};
    std::atomic<bool> snapped{false}, ran{false};
    std::size_t runner = 0, most = 0;
    function_task injected([&] {
      // It may start before the outsider has taken its reading: then it waited for nothing that counts.
      if (snapped.load(std::memory_order_acquire)) {
        for (std::uint32_t i = 0; i < workers; ++i) most = std::max(most, load.started_by(i) - before[i].load());
        runner = load.started_by(this_worker::index()) - before[this_worker::index()].load();
      }
      ran.store(true, std::memory_order_release);
    });
    if (pool.schedule(injected)) seen.failed = true;
    for (std::uint32_t i = 0; i < workers; ++i) before[i].store(load.started_by(i));
    snapped.store(true, std::memory_order_release);
    if (!eventually([&] { return ran.load(std::memory_order_acquire); })) std::abort();  // the task is on this stack
    seen.worst_of_runner = std::max(seen.worst_of_runner, runner);
    seen.rounds_within_bound += most <= bound ? 1 : 0;
  }
  load.stop();
  if (pool.drain()) seen.failed = true;
  return seen;
}

/// The worker that runs the task keeps the bound always. The others may run on while that one, with the task in its
/// hands, is preempted by the system: they keep it in most rounds.
void expect_fair(const waits& seen) {
  EXPECT_FALSE(seen.failed);
  EXPECT_LE(seen.worst_of_runner, bound);
  EXPECT_GE(seen.rounds_within_bound * 2, seen.rounds);
}

/// The seed looked at its shared queue only when the local one was empty, which these tasks never let it be: a task from
/// outside had not run after 4.4 million local ones.
TEST(fairness, seed_defect_17) { expect_fair(injected_waits(2, 4, smaller_if_slow(300))); }

TEST(fairness, an_injected_task_on_one_worker) { expect_fair(injected_waits(1, 3, smaller_if_slow(300))); }

TEST(fairness, an_injected_task_behind_a_full_ring) { expect_fair(injected_waits(2, 700, smaller_if_slow(300))); }

TEST(fairness, an_injected_task_on_eight_workers) { expect_fair(injected_waits(8, 20, smaller_if_slow(200))); }

/// Many injected tasks at a time: each is the oldest at some point, so n of them on one worker start within n * 61.
TEST(fairness, a_backlog_of_injected_tasks_is_served_at_a_steady_rate) {
  constexpr std::size_t backlog = 500;
  pool_config config;
  config.max_threads = 1;
  thread_pool pool{config};
  churn load(pool, 3);
  ASSERT_TRUE(load.begin());
  std::atomic<std::size_t> ran{0}, churned_at_end{0};
  std::vector<std::unique_ptr<function_task>> injected;
  batch all;
  for (std::size_t i = 0; i < backlog; ++i) {
    injected.push_back(std::make_unique<function_task>([&] {
      if (ran.fetch_add(1) + 1 == backlog) churned_at_end.store(load.total());
    }));
    all.push(*injected.back());
  }
  ASSERT_FALSE(pool.schedule(all));
  const std::size_t before = load.total();
  ASSERT_TRUE(eventually([&] { return ran.load() == backlog; }));
  EXPECT_LE(churned_at_end.load() - before, backlog * bound);
  load.stop();
  EXPECT_FALSE(pool.drain());
}

/// A task that overflowed the ring is not kept waiting by those that churn in the ring.
TEST(fairness, overflowed_tasks_do_not_starve) {
  pool_config config;
  config.max_threads = 1;
  thread_pool pool{config};
  churn load(pool, 5);
  ASSERT_TRUE(load.begin());
  ordered_tasks made(1'000);
  function_task root([&] {
    for (ordered_task& each : made.tasks) EXPECT_FALSE(pool.schedule(each));
  });
  ASSERT_FALSE(pool.schedule(root));
  EXPECT_TRUE(made.all_ran());
  EXPECT_EQ(made.first_out_of_order(), made.tasks.size());
  load.stop();
  EXPECT_FALSE(pool.drain());
}

}  // namespace
}  // namespace treadle::test
