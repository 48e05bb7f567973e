#include <tasks.hpp>
#include <waiting.hpp>

#include <treadle/treadle.hpp>

#include <gtest/gtest.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <set>
#include <stdexcept>
#include <string>
#include <system_error>
#include <thread>
#include <tuple>
#include <type_traits>
#include <utility>
#include <variant>
#include <vector>

// What fork_join returns, throws and promises; how forks come to other workers is in tests/model.

namespace treadle::test {
namespace {

using namespace std::chrono_literals;

class fork_join_test : public with_workers {};
INSTANTIATE_TEST_SUITE_P(widths, fork_join_test, worker_counts(), worker_count_name);

std::uint64_t fib(worker& self, unsigned n) {
  if (n < 2) return n;
  const auto [a, b] = fork_join(
      self, [n](worker& here) { return fib(here, n - 1); }, [n](worker& here) { return fib(here, n - 2); });
  return a + b;
}

TEST_P(fork_join_test, computes_what_serial_code_does) {
  thread_pool pool{config()};
  EXPECT_EQ(pool.run([](worker& self) { return fib(self, 20); }), 6765u);
  EXPECT_EQ(pool.run([](worker& self) { return fib(self, 21); }), 10946u);
}

std::uint64_t fib_here(unsigned n) {
  if (n < 2) return n;
  const auto [a, b] = fork_join([n] { return fib_here(n - 1); }, [n] { return fib_here(n - 2); });
  return a + b;
}

TEST_P(fork_join_test, asks_for_the_worker_itself) {
  thread_pool pool{config()};
  EXPECT_EQ(pool.run([] { return fib_here(18); }), 2584u);
}

TEST(fork_join_outside, runs_on_the_default_pool) {
  auto [first, second] = fork_join([] { return this_worker::pool(); }, [] { return this_worker::pool(); });
  EXPECT_EQ(first, &default_pool());
  EXPECT_EQ(second, &default_pool());
}

TEST_P(fork_join_test, returns_values_references_and_what_only_moves) {
  thread_pool pool{config()};
  pool.run([](worker& self) {
    int referred = 1;
    auto owned = std::make_unique<int>(3);
    auto [value, reference, nothing, moved] = fork_join(
        self, [] { return std::string("value"); }, [&](worker&) -> int& { return referred; }, [] {},
        [owned = std::move(owned)]() mutable { return std::move(owned); });
    EXPECT_EQ(value, "value");
    EXPECT_EQ(&reference, &referred);
    static_assert(std::is_same_v<decltype(nothing), std::monostate>);
    EXPECT_EQ(*moved, 3);
    static_assert(std::is_void_v<decltype(fork_join(
                      self, [] {}, [] {}, [] {}))>);
  });
}

TEST_P(fork_join_test, calls_with_the_worker_that_runs_the_branch) {
  thread_pool pool{config()};
  pool.run([](worker& self) {
    for (int i = 0; i < 100; ++i) {
      fork_join(
          self, [](worker& here) { EXPECT_EQ(here.index(), this_worker::index()); },
          [](worker& here) { EXPECT_EQ(here.index(), this_worker::index()); });
    }
  });
}

TEST(fork_join_order, is_that_of_the_arguments_on_one_worker) {
  thread_pool pool{{.max_threads = 1}};
  std::vector<int> order;
  pool.run([&](worker& self) {
    fork_join(
        self, [&] { order.push_back(0); }, [&] { order.push_back(1); }, [&] { order.push_back(2); },
        [&] { order.push_back(3); });
  });
  EXPECT_EQ(order, (std::vector<int>{0, 1, 2, 3}));
}

// ---- exceptions -----------------------------------------------------------------------------------------------------

struct thrown {
  int number;
};

TEST_P(fork_join_test, rethrows_the_first_in_argument_order) {
  thread_pool pool{config()};
  for (int faulty = 1; faulty < 8; ++faulty) {
    const int first = (faulty & 1) != 0 ? 0 : (faulty & 2) != 0 ? 1 : 2;
    const int caught = pool.run([&](worker& self) {
      const auto branch = [&](int number) {
        return [&, number] {
          if ((faulty >> number & 1) != 0) throw thrown{number};
        };
      };
      try {
        fork_join(self, branch(0), branch(1), branch(2));
      } catch (const thrown& one) {
        return one.number;
      }
      return -1;
    });
    // A branch behind the one that throws is skipped, or runs; one before it always runs.
    EXPECT_EQ(caught, first) << "faulty " << faulty;
  }
}

TEST(fork_join_exceptions, skip_branches_that_have_not_started) {
  thread_pool pool{{.max_threads = 1}};
  bool ran = false;
  EXPECT_THROW(pool.run([&](worker& self) {
    fork_join(
        self, [] { throw thrown{0}; }, [&] { ran = true; });
  }),
               thrown);
  EXPECT_FALSE(ran);
}

TEST(fork_join_exceptions, wait_for_branches_that_have_started) {
  gate started;
  thread_pool pool{{.max_threads = 2}};
  std::atomic<bool> ended{false};
  EXPECT_THROW(pool.run([&](worker& self) {
    fork_join(
        self,
        [&] {
          started.pass();
          throw thrown{0};
        },
        [&] {
          started.open();
          std::this_thread::sleep_for(5ms);
          ended = true;
          throw thrown{1};
        });
  }),
               thrown);
  EXPECT_TRUE(ended);
}

TEST_P(fork_join_test, throws_through_many_levels) {
  thread_pool pool{config()};
  struct tree {
    static int sum(worker& self, int depth) {
      if (depth == 0) throw thrown{7};
      const auto [a, b] = fork_join(
          self, [=](worker& here) { return sum(here, depth - 1); }, [=](worker& here) { return sum(here, depth - 1); });
      return a + b;
    }
  };
  for (int i = 0; i < 20; ++i) EXPECT_THROW(pool.run([](worker& self) { return tree::sum(self, 8); }), thrown);
  EXPECT_EQ(pool.run([](worker& self) { return fib(self, 15); }), 610u) << "the stacks are whole afterwards";
}

// ---- stopping -------------------------------------------------------------------------------------------------------

TEST_P(fork_join_test, starts_nothing_after_a_stop) {
  thread_pool pool{config()};
  stop_token outer;
  const stop_token stop(&outer);
  outer.request_stop();
  std::atomic<int> ran{0};
  const auto fork = [&](worker& self) {
    fork_join(
        self, stop, [&] { ++ran; }, [&](worker&) { ++ran; });
  };
  try {
    pool.run(fork);
    ADD_FAILURE() << "nothing was thrown";
  } catch (const std::system_error& error) {
    EXPECT_EQ(error.code(), errc::cancelled);
  }
  EXPECT_EQ(ran, 0);
}

TEST(fork_join_stop, skips_what_comes_after_it) {
  thread_pool pool{{.max_threads = 1}};
  stop_token stop;
  int ran = 0;
  EXPECT_THROW(pool.run([&] {
    fork_join(
        stop,
        [&] {
          ++ran;
          EXPECT_TRUE(stop.request_stop());
          EXPECT_FALSE(stop.request_stop());
        },
        [&] { ++ran; });
  }),
               std::system_error);
  EXPECT_EQ(ran, 1);
}

TEST(fork_join_stop, follows_a_standard_token) {
  std::stop_source source;
  const stop_token stop(source.get_token());
  EXPECT_FALSE(stop.stop_requested());
  source.request_stop();
  EXPECT_TRUE(stop.stop_requested());
  EXPECT_TRUE(stop_token(&stop).stop_requested());
}

// ---- who runs what --------------------------------------------------------------------------------------------------

/// The first branch ends only when the second has run: another worker must take it while the first one goes on.
TEST_P(fork_join_test, lets_others_take_a_branch_while_the_first_runs) {
  if (workers() < 2) return;  // one worker runs one branch at a time
  thread_pool pool{config()};
  for (int i = 0; i < 20; ++i) {
    pool.run([](worker& self) {
      gate second;
      fork_join(
          self, [&] { second.pass(); }, [&] { second.open(); });
    });
  }
  EXPECT_GE(pool.stats().forks_stolen, 20u);
}

/// Only the oldest fork is shared when a leaf starts; a checkpoint, or blocking, shares the others.
template <class Wait>
void shares_all(Wait&& wait, bool in_a_section = false) {
  thread_pool pool{{.max_threads = 2}};
  std::atomic<int> ran{0};
  pool.run([&](worker& self) {
    const auto fork = [&] {
      fork_join(
          self, [&] { EXPECT_TRUE(wait([&] { return ran == 3; })); }, [&] { ++ran; }, [&] { ++ran; }, [&] { ++ran; });
    };
    in_a_section ? blocking(fork) : fork();
  });
  EXPECT_EQ(ran, 3);
}

TEST(fork_join_sharing, happens_at_a_checkpoint) {
  shares_all([](auto&& done) {
    return eventually([&] {
      checkpoint();
      return done();
    });
  });
}
TEST(fork_join_sharing, happens_before_blocking) {
  shares_all([](auto&& done) { return blocking([&] { return eventually(done); }); });
}

/// Also where a section lies in another: what was forked in between is private, too.
TEST(fork_join_sharing, happens_before_nested_blocking) {
  shares_all([](auto&& done) { return blocking([&] { return eventually(done); }); }, true);
}

TEST_P(fork_join_test, works_beside_tasks_futures_and_blocking) {
  thread_pool pool{config()};
  tally scheduled;
  struct mix {
    static std::uint64_t run(worker& self, thread_pool& of, tally& scheduled, unsigned depth) {
      if (depth == 0) {
        static_cast<void>(of.post([&] { scheduled.add(); }));
        return blocking([] { return std::uint64_t{1}; });
      }
      auto later = of.submit([&, depth](worker& here) { return run(here, of, scheduled, depth - 1); });
      const auto [a, b] = fork_join(
          self, [&](worker& here) { return run(here, of, scheduled, depth - 1); },
          [&](worker& here) { return run(here, of, scheduled, depth - 1); });
      return a + b + later.get();
    }
  };
  EXPECT_EQ(pool.run([&](worker& self) { return mix::run(self, pool, scheduled, 5); }), 243u);
  EXPECT_FALSE(pool.drain());
  EXPECT_EQ(scheduled.get(), 243u);
}

TEST_P(fork_join_test, several_run_at_a_time) {
  thread_pool pool{config()};
  std::vector<future<std::uint64_t>> all;
  for (int i = 0; i < 16; ++i) all.push_back(pool.submit([](worker& self) { return fib(self, 16); }));
  for (auto& each : all) EXPECT_EQ(each.get(), 987u);
}

/// More forks wait than can be shared at a time.
TEST_P(fork_join_test, forks_as_deep_as_the_native_stack_allows) {
  thread_pool pool{config()};
  struct chain {
    static std::uint64_t sum(worker& self, unsigned depth) {
      if (depth == 0) return 0;
      const auto [a, b] = fork_join(
          self, [depth](worker& here) { return sum(here, depth - 1); }, [] { return std::uint64_t{1}; });
      return a + b;
    }
  };
  const auto depth = static_cast<unsigned>(smaller_if_slow(6000));
  for (int i = 0; i < 3; ++i) EXPECT_EQ(pool.run([&](worker& self) { return chain::sum(self, depth); }), depth);
}

/// The seed's rings are first in first out: a tree of tasks is unfolded breadth first, level by level. Forks go down first.
TEST(fork_join_depth, seed_defect_19) {
  constexpr int depth = 10;
  struct watched {
    std::atomic<int> waiting{0}, most{0};
    void more() {
      const int now = ++waiting;
      most = std::max(most.load(), now);
    }
  };
  struct tree {
    static void fork(worker& self, watched& seen, int level) {
      if (level == 0) return;
      seen.more();
      fork_join(
          self, [&](worker& here) { fork(here, seen, level - 1); },
          [&](worker& here) {
            --seen.waiting;
            fork(here, seen, level - 1);
          });
    }
    static void schedule(thread_pool& pool, watched& seen, int level) {
      if (level == 0) return;
      for (int i = 0; i < 2; ++i) {
        seen.more();
        static_cast<void>(pool.post([&pool, &seen, level] {
          --seen.waiting;
          schedule(pool, seen, level - 1);
        }));
      }
    }
  };
  thread_pool pool{{.max_threads = 1}};
  watched forks, tasks;
  pool.run([&](worker& self) { tree::fork(self, forks, depth); });
  pool.run([&] { tree::schedule(pool, tasks, depth); });
  ASSERT_FALSE(pool.drain());
  EXPECT_LE(forks.most, depth);
  EXPECT_GT(tasks.most, 1 << (depth - 1)) << "tasks are first in first out";
}

/// A small tree wakes nobody, however many are parked.
TEST(fork_join_wakes, nobody_for_a_small_tree) {
  constexpr std::size_t width = 32;
  thread_pool pool{{.max_threads = width, .retire_after = -1ns}};
  {
    occupation all;
    ASSERT_TRUE(all.hold(pool, width));
    all.release();
  }
  pool.run([&](worker& self) {
    static_cast<void>(fib(self, 14));  // brings the lookout to its post
    EXPECT_TRUE(eventually([&] { return pool.stats().parked == width - 1; }));
    std::vector<std::uint64_t> wakes;
    for (int i = 0; i < 51; ++i) {
      const std::uint64_t before = pool.stats().wakes;
      EXPECT_EQ(fib(self, 8), 21u);  // over before a fork is ripe, also in slow builds
      wakes.push_back(pool.stats().wakes - before);
    }
    std::sort(wakes.begin(), wakes.end());
    EXPECT_EQ(wakes[wakes.size() / 2], 0u);
  });
}

TEST(run_ready, runs_what_this_worker_has_queued) {
  thread_pool pool{{.max_threads = 1}};
  EXPECT_EQ(run_ready(), 0u) << "outside a pool there is nothing to run";
  tally ran;
  pool.run([&] {
    for (int i = 0; i < 3; ++i) EXPECT_FALSE(pool.post([&] { ran.add(); }));
    EXPECT_EQ(run_ready(), 3u);
    EXPECT_EQ(ran.get(), 3u);
    EXPECT_EQ(run_ready(), 0u);
  });
  EXPECT_FALSE(pool.drain());
  EXPECT_EQ(ran.get(), 3u);
}

TEST(run_ready, runs_a_bounded_number) {
  thread_pool pool{{.max_threads = 1}};
  pool.run([&] {
    for (int i = 0; i < 100; ++i) EXPECT_FALSE(pool.post([] {}));
    EXPECT_EQ(run_ready(), 61u);
  });
}

}  // namespace
}  // namespace treadle::test
