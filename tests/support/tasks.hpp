#pragma once

#include "waiting.hpp"

#include <treadle/thread_pool.hpp>

#include <gtest/gtest.h>

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <thread>
#include <utility>
#include <vector>

namespace treadle::test {

/// An intrusive task that calls any function.
struct function_task : task {
  function_task() noexcept : task(&call) {}
  explicit function_task(std::function<void()> function) : task(&call), body(std::move(function)) {}
  static void call(task* called) noexcept { static_cast<function_task*>(called)->body(); }
  std::function<void()> body;
};

/// A task that counts its runs.
struct counted_task : task {
  counted_task() noexcept : task(&call) {}
  static void call(task* called) noexcept {
    static_cast<counted_task*>(called)->runs.fetch_add(1, std::memory_order_acq_rel);
  }
  std::atomic<std::uint32_t> runs{0};
};

/// A task that notes when it ran: its place in one order of all tasks of the same log.
struct ordered_task : task {
  ordered_task() noexcept : task(&call) {}
  static void call(task* called) noexcept {
    auto* const self = static_cast<ordered_task*>(called);
    // The store comes first: whoever sees the count sees every place below it.
    self->place.store(self->log->load(std::memory_order_relaxed), std::memory_order_relaxed);
    self->log->fetch_add(1, std::memory_order_acq_rel);
  }
  std::atomic<std::size_t>* log = nullptr;
  std::atomic<std::size_t> place{SIZE_MAX};
};

/// `count` ordered tasks on one log. On one worker task i must have place i.
struct ordered_tasks {
  explicit ordered_tasks(std::size_t count) : tasks(count) {
    for (ordered_task& each : tasks) each.log = &log;
  }
  [[nodiscard]] bool all_ran() const {
    return eventually([&] { return log.load(std::memory_order_acquire) == tasks.size(); });
  }
  /// Returns the first task that ran out of its turn, or the number of tasks.
  [[nodiscard]] std::size_t first_out_of_order() const {
    for (std::size_t i = 0; i < tasks.size(); ++i) {
      if (tasks[i].place.load(std::memory_order_relaxed) != i) return i;
    }
    return tasks.size();
  }
  std::atomic<std::size_t> log{0};
  std::vector<ordered_task> tasks;
};

/// Occupies `count` workers of a pool until it is released or destroyed. Returns from `hold` when all of them run.
class occupation {
 public:
  occupation() = default;
  occupation(const occupation&) = delete;
  occupation& operator=(const occupation&) = delete;
  ~occupation() {
    release();
    static_cast<void>(left_.reaches(holders_.size()));
  }
  [[nodiscard]] bool hold(thread_pool& pool, std::size_t count) {
    const std::size_t goal = held_.get() + count;
    for (std::size_t i = 0; i < count; ++i) {
      holders_.push_back(std::make_unique<function_task>([this] {
        held_.add();
        released_.pass();
        left_.add();
      }));
      if (pool.schedule(*holders_.back())) {
        holders_.pop_back();
        return false;
      }
    }
    return held_.reaches(goal);
  }
  void release() { released_.open(); }

 private:
  gate released_;
  tally held_, left_;
  std::vector<std::unique_ptr<function_task>> holders_;
};

/// The numbers of workers that the suites with a parameter run on.
inline auto worker_counts() { return testing::Values(1u, 2u, 3u, 4u, 8u, 64u); }
inline std::string worker_count_name(const testing::TestParamInfo<std::uint32_t>& info) {
  return std::to_string(info.param) + (info.param == 1 ? "_worker" : "_workers");
}

/// A suite whose tests run with a pool of 1 to 64 workers.
class with_workers : public testing::TestWithParam<std::uint32_t> {
 protected:
  [[nodiscard]] static std::uint32_t workers() { return GetParam(); }
  [[nodiscard]] static pool_config config() {
    pool_config made;
    made.max_threads = workers();
    return made;
  }
};

}  // namespace treadle::test
