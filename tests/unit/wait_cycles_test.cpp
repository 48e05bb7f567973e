// obs::watchdog on workers that wait for each other: named once, and only then. A cycle has no end: each is made in a
// process of its own.
#include "tasks.hpp"
#include "waiting.hpp"

#include <treadle/obs/watchdog.hpp>
#include <treadle/treadle.hpp>

#include <gtest/gtest.h>

#include <unistd.h>

#include <atomic>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

namespace treadle {
namespace {

using namespace std::chrono_literals;

obs::watchdog_options eager() {
  obs::watchdog_options made;
  made.period = 2ms;
  made.longest_task = made.longest_standstill = 1h;
  return made;
}

/// Prints each report, and counts it.
obs::watchdog_options printing(std::atomic<int>& reports) {
  obs::watchdog_options made = eager();
  made.context = &reports;
  made.on_stall = [](void* context, std::string_view report) noexcept {
    std::fprintf(stderr, "%.*s\n", static_cast<int>(report.size()), report.data());
    static_cast<std::atomic<int>*>(context)->fetch_add(1);
  };
  return made;
}
[[noreturn]] void end_after_reports(const std::atomic<int>& reports, int expected) {
  const bool came = test::eventually([&] { return reports.load() >= expected; });
  std::this_thread::sleep_for(50ms);
  _exit(came && reports.load() == expected ? 0 : 1);
}

/// Keeps all that come until there are so many.
class barrier {
 public:
  explicit barrier(int count) : missing_(count) {}
  void pass() {
    missing_.fetch_sub(1);
    blocking([&] {
      while (missing_.load() > 0) std::this_thread::sleep_for(100us);
    });
  }

 private:
  std::atomic<int> missing_;
};

void wait_for(const future<void>& awaited) { EXPECT_FALSE(awaited.wait()); }

class wait_cycles : public test::with_workers {
 public:
  void SetUp() override { testing::FLAGS_gtest_death_test_style = "threadsafe"; }
};
INSTANTIATE_TEST_SUITE_P(widths, wait_cycles, test::worker_counts(), test::worker_count_name);

void wait_in_a_ring(const pool_config& config, std::size_t count) {
  thread_pool pool{config};
  std::atomic<int> reports{0};
  const obs::watchdog watching(pool, printing(reports));
  barrier all(static_cast<int>(count) + 1);
  std::vector<future<void>> tasks;
  for (std::size_t i = 0; i < count; ++i) {
    tasks.push_back(pool.submit(
        [&, i] {
          all.pass();
          wait_for(tasks[(i + 1) % count]);
        },
        source_site{"ring", static_cast<std::uint32_t>(i + 1)}));
  }
  all.pass();
  end_after_reports(reports, 1);
}

TEST_P(wait_cycles, of_two_tasks_are_named) {
  EXPECT_EXIT(wait_in_a_ring(config(), 2), testing::ExitedWithCode(0),
              "workers wait for each other: worker [0-9]+ runs ring:([12]) and waits for ring:([12]), which worker "
              "[0-9]+ runs; worker [0-9]+ runs ring:([12]) and waits for ring:([12]), which worker [0-9]+ runs");
}

TEST_P(wait_cycles, of_five_tasks_are_named) {
  EXPECT_EXIT(wait_in_a_ring(config(), 5), testing::ExitedWithCode(0),
              "runs ring:5 and waits for ring:1, which worker");
}

/// The one that is waited for lies below others on its worker's stack.
void wait_below_others(const pool_config& config) {
  thread_pool pool{config};
  std::atomic<int> reports{0};
  const obs::watchdog watching(pool, printing(reports));
  barrier both(3);
  future<void> first, second;
  first = pool.submit(
      [&] {
        both.pass();
        future<void> in_place = pool.submit([&] { wait_for(second); }, source_site{"in_place", 4});
        wait_for(in_place);
      },
      source_site{"first", 1});
  second = pool.submit(
      [&] {
        both.pass();
        wait_for(first);
      },
      source_site{"second", 2});
  both.pass();
  end_after_reports(reports, 1);
}

TEST_P(wait_cycles, are_found_below_other_tasks) {
  EXPECT_EXIT(wait_below_others(config()), testing::ExitedWithCode(0), "waits for first:1, which worker");
}

void wait_through_a_scope(const pool_config& config) {
  thread_pool pool{config};
  std::atomic<int> reports{0};
  const obs::watchdog watching(pool, printing(reports));
  barrier ready(2);
  std::atomic<bool> child_runs{false};
  future<void> parent;
  parent = pool.submit(
      [&] {
        ready.pass();
        scope children(pool);
        children.spawn([&] {
          child_runs.store(true);
          wait_for(parent);
        });
        // The child has to run elsewhere: on this worker's own stack its wait would be refused.
        blocking([&] {
          while (!child_runs.load()) std::this_thread::sleep_for(100us);
        });
        children.wait();
      },
      source_site{"parent", 7});
  ready.pass();
  end_after_reports(reports, 1);
}

TEST_P(wait_cycles, through_a_scope_are_named) {
  EXPECT_EXIT(
      wait_through_a_scope(config()), testing::ExitedWithCode(0),
      "waits for (the children of a scope, of which worker [0-9]+ runs one; .* waits for parent:7, which worker "
      "[0-9]+ runs|parent:7, which worker [0-9]+ runs; .* waits for the children of a scope, of which worker)");
}

void wait_through_a_stolen_branch() {
  thread_pool pool{pool_config{.max_threads = 4}};
  std::atomic<int> reports{0};
  const obs::watchdog watching(pool, printing(reports));
  barrier ready(2);
  std::atomic<bool> stolen{false};
  future<void> parent;
  parent = pool.submit(
      [&] {
        ready.pass();
        fork_join(
            [&] {
              while (!stolen.load()) checkpoint();
            },
            [&] {
              stolen.store(true);
              wait_for(parent);
            });
      },
      source_site{"parent", 8});
  ready.pass();
  end_after_reports(reports, 1);
}

TEST(wait_cycles_of_forks, are_named) {
  testing::FLAGS_gtest_death_test_style = "threadsafe";
  EXPECT_EXIT(wait_through_a_stolen_branch(), testing::ExitedWithCode(0), "waits for a stolen branch, which worker");
}

void wait_across_pools(pool_config config) {
  config.name = "left";
  thread_pool left{config};
  config.name = "right";
  thread_pool right{config};
  std::atomic<int> reports{0};
  const obs::watchdog first(left, printing(reports)), second(right, printing(reports)), third(right, printing(reports));
  barrier both(3);
  future<void> one, other;
  one = left.submit(
      [&] {
        both.pass();
        wait_for(other);
      },
      source_site{"one", 1});
  other = right.submit(
      [&] {
        both.pass();
        wait_for(one);
      },
      source_site{"other", 2});
  both.pass();
  end_after_reports(reports, 3);  // each watchdog tells it once
}

TEST_P(wait_cycles, across_pools_are_named) {
  EXPECT_EXIT(wait_across_pools(config()), testing::ExitedWithCode(0), "worker [0-9]+ of pool (left|right)");
}

/// Waits that end, in all the ways that are shown, while a watchdog looks as often as it can.
TEST_P(wait_cycles, are_not_seen_where_there_are_none) {
  thread_pool pool{config()};
  obs::watchdog_options options = eager();
  options.period = 100us;
  const obs::watchdog watching(pool, options);
  const auto until = std::chrono::steady_clock::now() + 150ms;
  std::uint64_t rounds = 0;
  while (std::chrono::steady_clock::now() < until) {
    std::vector<future<void>> chain;
    chain.reserve(8);
    chain.push_back(pool.submit([] { std::this_thread::sleep_for(200us); }));
    for (int i = 0; i < 7; ++i) {
      chain.push_back(pool.submit([&pool, below = &chain.back()] {
        scope children(pool);
        for (int child = 0; child < 3; ++child) {
          children.spawn([below] {
            while (!below->is_ready()) std::this_thread::sleep_for(20us);
          });
        }
        children.wait();
        fork_join([] { checkpoint(); }, [below] { wait_for(*below); });
      }));
    }
    wait_for(chain.back());
    ++rounds;
  }
  EXPECT_GT(rounds, 0U);
  EXPECT_EQ(watching.reports(), 0U);
}

}  // namespace
}  // namespace treadle
