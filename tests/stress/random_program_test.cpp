#include <random.hpp>
#include <tasks.hpp>

#include <treadle/treadle.hpp>

#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <system_error>
#include <utility>
#include <vector>

// Random programs, run twice from one seed: by a sequential oracle, and on two pools. Both must visit the same nodes,
// each once, and every result that is waited for must be the oracle's.

namespace treadle::test {
namespace {

constexpr int depth_limit = 5;
constexpr int depth_of_waits_across = 2;  // a wait for the other pool holds a spare; this bounds how many at a time

enum class step { schedule, group, post, submit_and_wait, submit_then_wait, blocking_call, on_strand, across_pools };
constexpr std::uint64_t step_count = 8;

std::uint64_t mix(std::uint64_t a, std::uint64_t b) noexcept {
  return random_source(a ^ (b * 0x9e3779b97f4a7c15u)).next();
}

/// What a run of a program leaves: the number of its nodes and the sum of their values.
struct outcome {
  std::uint64_t nodes = 0;
  std::uint64_t sum = 0;
  bool operator==(const outcome&) const = default;
};

/// The meaning of a program, without any thread.
class oracle {
 public:
  std::uint64_t visit(std::uint64_t seed, int depth) {
    random_source random(seed);
    std::uint64_t value = random.next();
    const std::uint64_t children = depth == 0 ? 0 : random.below(6);
    for (std::uint64_t i = 0; i < children; ++i) {
      const step chosen = static_cast<step>(random.below(step_count));
      const std::uint64_t child = random.next();
      switch (chosen) {
        case step::group: {
          const std::uint64_t size = 1 + random.below(4);
          for (std::uint64_t j = 0; j < size; ++j) visit(mix(child, j), 0);
          break;
        }
        case step::submit_and_wait:
        case step::submit_then_wait:
        case step::blocking_call:
          value = mix(value, visit(child, depth - 1));
          break;
        case step::across_pools: {
          const std::uint64_t result = visit(child, depth - 1);
          if (depth > depth_limit - depth_of_waits_across) value = mix(value, result);
          break;
        }
        default:
          visit(child, depth - 1);
      }
    }
    ++seen.nodes;
    seen.sum += value;
    return value;
  }
  outcome seen;
};

/// The same program on two pools.
class program {
 public:
  program(std::uint32_t workers, std::uint64_t seed)
      : seed_(seed),
        pools_{thread_pool{config_of(workers)}, thread_pool{config_of(workers > 1 ? workers / 2 : 1)}},
        strands_{strand{pools_[0]}, strand{pools_[1]}} {}

  outcome run() {
    const bool started = !pools_[0].post([this] { visit(0, seed_, depth_limit); });
    EXPECT_TRUE(started);
    // A pool may get work of the other one after it was found dry.
    do {
      for (thread_pool& pool : pools_) EXPECT_FALSE(pool.drain());
    } while (pending_.load(std::memory_order_acquire) != 0);
    return {nodes_.load(), sum_.load()};
  }

  void end(random_source& random) {
    for (thread_pool& pool : pools_) {
      const shutdown_report report = pool.shutdown(random.one_in(2) ? shutdown_mode::cancel : shutdown_mode::drain);
      EXPECT_EQ(report.cancelled + report.not_run.size() + report.still_running, 0u);
      const bool join_here = random.one_in(2);
      EXPECT_FALSE(join_here && pool.join());
    }
    EXPECT_EQ(overlaps_.get(), 0u) << "two tasks of a strand ran at once";
    EXPECT_EQ(refusals_.get(), 0u);
    EXPECT_EQ(strayed_.get(), 0u) << "a task ran on another pool than its own";
  }

 private:
  struct node_task : task {
    program* owner = nullptr;
    std::size_t home = 0;
    std::uint64_t seed = 0;
    int depth = 0;
  };

  static pool_config config_of(std::uint32_t workers) {
    pool_config made;
    made.max_threads = workers;
    return made;
  }

  node_task& make(std::size_t home, std::uint64_t seed, int depth) {
    auto* const made = new node_task;
    made->owner = this;
    made->home = home;
    made->seed = seed;
    made->depth = depth;
    made->callback = [](task* called) noexcept {
      const std::unique_ptr<node_task> self(static_cast<node_task*>(called));
      const node_task copy = *self;
      self->owner->visit(copy.home, copy.seed, copy.depth);
    };
    return *made;
  }

  void refused_if(std::error_code error) {
    if (error) refusals_.add();
  }

  /// Counts a node as pending before whoever runs it can know of it.
  void expect(std::uint64_t nodes = 1) { pending_.fetch_add(nodes, std::memory_order_relaxed); }

  std::uint64_t visit(std::size_t home, std::uint64_t seed, int depth) {
    if (this_worker::pool() != &pools_[home]) strayed_.add();
    random_source random(seed);
    std::uint64_t value = random.next();
    const std::uint64_t children = depth == 0 ? 0 : random.below(6);
    std::vector<future<std::uint64_t>> later;
    std::vector<std::pair<bool, std::uint64_t>> results;  // in order; the futures of `later` fill the open ones
    for (std::uint64_t i = 0; i < children; ++i) {
      const step chosen = static_cast<step>(random.below(step_count));
      const std::uint64_t child = random.next();
      start(chosen, home, child, depth, random, later, results);
    }
    std::size_t next = 0;
    for (const auto& [known, result] : results) value = mix(value, known ? result : later[next++].get());
    nodes_.fetch_add(1, std::memory_order_relaxed);
    sum_.fetch_add(value, std::memory_order_relaxed);
    pending_.fetch_sub(1, std::memory_order_release);
    return value;
  }

  void start(step chosen, std::size_t home, std::uint64_t child, int depth, random_source& random,
             std::vector<future<std::uint64_t>>& later, std::vector<std::pair<bool, std::uint64_t>>& results) {
    thread_pool& pool = pools_[home];
    if (chosen == step::group) return start_group(home, child, 1 + random.below(4));
    expect();
    switch (chosen) {
      case step::schedule:
        return refused_if(pool.schedule(make(home, child, depth - 1)));
      case step::post:
        return refused_if(pool.post([this, home, child, depth] { visit(home, child, depth - 1); }));
      case step::submit_and_wait:
        results.emplace_back(true, pool.submit([=, this] { return visit(home, child, depth - 1); }).get());
        return;
      case step::submit_then_wait:
        later.push_back(pool.submit([=, this] { return visit(home, child, depth - 1); }));
        results.emplace_back(false, 0);
        return;
      case step::blocking_call:
        results.emplace_back(true, blocking([&] { return visit(home, child, depth - 1); }));
        return;
      case step::on_strand:
        return refused_if(strands_[home].post([this, home, child, depth] {
          if (inside_strand_[home].exchange(true, std::memory_order_acquire)) overlaps_.add();
          // Children are only started here: a wait for a later task of the same strand would wait for itself.
          refused_if(pools_[home].post([this, home, child, depth] { visit(home, child, depth - 1); }));
          inside_strand_[home].store(false, std::memory_order_release);
        }));
      case step::across_pools:
      default: {
        future<std::uint64_t> result = pools_[1 - home].submit([=, this] { return visit(1 - home, child, depth - 1); });
        if (depth > depth_limit - depth_of_waits_across) results.emplace_back(true, result.get());
      }
    }
  }

  void start_group(std::size_t home, std::uint64_t child, std::uint64_t size) {
    expect(size);
    batch group;
    for (std::uint64_t j = 0; j < size; ++j) group.push(make(home, mix(child, j), 0));
    refused_if(pools_[home].schedule(group));
  }

  const std::uint64_t seed_;
  std::array<thread_pool, 2> pools_;
  std::array<strand, 2> strands_;
  std::array<std::atomic<bool>, 2> inside_strand_{};
  std::atomic<std::uint64_t> pending_{1}, nodes_{0}, sum_{0};
  tally overlaps_, refusals_, strayed_;
};

class random_programs : public with_workers {};
INSTANTIATE_TEST_SUITE_P(widths, random_programs, worker_counts(), worker_count_name);

TEST_P(random_programs, agree_with_a_sequential_run) {
  const std::uint64_t seed = run_seed();
  random_source random(seed);
  const std::size_t programs = repetitions(workers() > 8 ? 300 : 2'000);
  std::uint64_t largest = 0;
  for (std::size_t i = 0; i < programs && !HasFailure(); ++i) {
    SCOPED_TRACE("TREADLE_TEST_SEED=" + std::to_string(seed) + ", program " + std::to_string(i));
    const std::uint64_t program_seed = random.next();
    oracle expected;
    expected.visit(program_seed, depth_limit);
    program tested(workers(), program_seed);
    const outcome got = tested.run();
    EXPECT_EQ(got.nodes, expected.seen.nodes);
    EXPECT_EQ(got.sum, expected.seen.sum);
    tested.end(random);
    largest = std::max(largest, expected.seen.nodes);
  }
  EXPECT_TRUE(programs < 50 || largest > 100) << "the programs became trivial";
}

}  // namespace
}  // namespace treadle::test
