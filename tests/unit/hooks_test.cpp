#include <tasks.hpp>

#include <treadle/treadle.hpp>

#include <gtest/gtest.h>

#include <array>
#include <atomic>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <exception>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

// The pool's calls into the user's code.

namespace treadle::test {
namespace {

/// What the hooks of one pool saw, by worker.
struct hook_log {
  struct of_worker {
    std::atomic<int> starts{0}, stops{0}, parks{0}, tasks{0};
    std::atomic<bool> running{false};
    std::thread::id thread;
  };
  std::array<of_worker, 160> workers;
  tally wrong, unhandled;

  [[nodiscard]] pool_hooks hooks() {
    pool_hooks made;
    made.context = this;
    made.worker_start = [](void* context, std::size_t index) noexcept {
      auto& own = static_cast<hook_log*>(context)->workers[index];
      own.starts.fetch_add(1);
      own.thread = std::this_thread::get_id();
      if (own.running.exchange(true)) static_cast<hook_log*>(context)->wrong.add();
    };
    made.worker_stop = [](void* context, std::size_t index) noexcept {
      auto& own = static_cast<hook_log*>(context)->workers[index];
      own.stops.fetch_add(1);
      const bool was_running = own.running.exchange(false);
      if (!was_running || own.thread != std::this_thread::get_id()) static_cast<hook_log*>(context)->wrong.add();
    };
    made.before_park = [](void* context, std::size_t index) noexcept {
      auto& own = static_cast<hook_log*>(context)->workers[index];
      own.parks.fetch_add(1);
      if (!own.running.load() || own.thread != std::this_thread::get_id()) static_cast<hook_log*>(context)->wrong.add();
    };
    made.unhandled_exception = [](void* context, std::exception_ptr error) noexcept {
      try {
        std::rethrow_exception(error);
      } catch (const std::runtime_error& caught) {
        if (caught.what() == std::string("nobody waits")) static_cast<hook_log*>(context)->unhandled.add();
      } catch (...) {
      }
    };
    return made;
  }

  void ran_here() {
    of_worker& own = workers[this_worker::index()];
    own.tasks.fetch_add(1);
    if (!own.running.load() || own.thread != std::this_thread::get_id()) wrong.add();
  }
};

class hooks : public with_workers {};
INSTANTIATE_TEST_SUITE_P(widths, hooks, worker_counts(), worker_count_name);

TEST_P(hooks, surround_the_tasks_of_each_worker) {
  hook_log log;
  pool_config settings = config();
  settings.hooks = log.hooks();
  {
    thread_pool pool{settings};
    EXPECT_FALSE(pool.start());
    occupation busy;
    ASSERT_TRUE(busy.hold(pool, workers()));
    busy.release();
    for (int i = 0; i < 1'000; ++i) ASSERT_FALSE(pool.post([&log] { log.ran_here(); }));
    ASSERT_FALSE(pool.drain());
    EXPECT_TRUE(eventually([&] {
      int parked = 0;
      for (const auto& each : log.workers) parked += each.parks.load() > 0 ? 1 : 0;
      return parked == static_cast<int>(workers());
    }));
    ASSERT_FALSE(pool.join());
    int tasks = 0;
    for (std::size_t i = 0; i < log.workers.size(); ++i) {
      const auto& own = log.workers[i];
      EXPECT_EQ(own.starts.load(), i < workers() ? 1 : 0);
      EXPECT_EQ(own.stops.load(), own.starts.load()) << "all have stopped when join returns";
      tasks += own.tasks.load();
    }
    EXPECT_EQ(tasks, 1'000);
  }
  EXPECT_EQ(log.wrong.get(), 0u);
}

TEST_P(hooks, come_again_when_a_thread_does) {
  hook_log log;
  pool_config settings = config();
  settings.hooks = log.hooks();
  settings.retire_after = std::chrono::milliseconds(2);
  thread_pool pool{settings};
  for (int round = 1; round <= 3; ++round) {
    pool.run([&log] { log.ran_here(); });
    ASSERT_TRUE(eventually([&] { return log.workers[0].stops.load() == log.workers[0].starts.load(); }));
  }
  EXPECT_FALSE(pool.join());
  EXPECT_GE(log.workers[0].starts.load(), 1);
  EXPECT_EQ(log.wrong.get(), 0u);
}

/// Callbacks of the seed could not fail. Ours are noexcept where they are the user's own, and what a callable throws
/// goes to a hook.
TEST_P(hooks, get_the_exceptions_that_nobody_waits_for) {
  hook_log log;
  pool_config settings = config();
  settings.hooks = log.hooks();
  {
    thread_pool pool{settings};
    for (int i = 0; i < 100; ++i) {
      ASSERT_FALSE(pool.post([] { throw std::runtime_error("nobody waits"); }));
      static_cast<void>(pool.submit([] { throw std::runtime_error("nobody waits"); }));
    }
  }
  EXPECT_EQ(log.unhandled.get(), 200u);
}

void throw_unhandled() {
  thread_pool pool{pool_config{.max_threads = 1}};
  static_cast<void>(pool.post([] { throw std::runtime_error("the last words"); }));
  static_cast<void>(pool.drain());
}

void throw_unhandled_number() {
  thread_pool pool{pool_config{.max_threads = 1}};
  static_cast<void>(pool.submit([] { throw 7; }));
  static_cast<void>(pool.drain());
}

TEST(hooks_death, unset_the_message_is_printed_and_the_program_ends) {
  testing::GTEST_FLAG(death_test_style) = "threadsafe";
  EXPECT_DEATH(throw_unhandled(), "nobody waits for it: the last words");
  EXPECT_DEATH(throw_unhandled_number(), "nobody waits for it");
}

}  // namespace
}  // namespace treadle::test
