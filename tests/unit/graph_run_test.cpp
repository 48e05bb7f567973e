#include <tasks.hpp>
#include <waiting.hpp>

#include <treadle/treadle.hpp>

#include <gtest/gtest.h>

#include <array>
#include <atomic>
#include <chrono>
#include <cstddef>
#include <exception>
#include <memory>
#include <set>
#include <stdexcept>
#include <string>
#include <system_error>
#include <thread>
#include <utility>
#include <vector>

// What becomes of a graph's run: rounds, exceptions, stops, cancelled pools, and who runs what while somebody waits.

namespace treadle::test {
namespace {

using namespace std::chrono_literals;

class graph_run_test : public with_workers {};
INSTANTIATE_TEST_SUITE_P(widths, graph_run_test, worker_counts(), worker_count_name);

/// A source, steps that are ready together, and one that follows them.
struct fan {
  template <class F>
  fan(std::size_t count, F each) {
    auto first = made.add([this] { ++starts; });
    auto last = made.add([this] { ++ends; });
    for (std::size_t i = 0; i < count; ++i) made.add([=] { each(i); }).succeed(first).precede(last);
  }
  graph made;
  std::atomic<std::size_t> starts{0}, ends{0};
};

// ---- rounds ---------------------------------------------------------------------------------------------------------

TEST_P(graph_run_test, runs_n_times) {
  thread_pool pool{config()};
  tally ran;
  fan wide(10, [&](std::size_t) { ran.add(); });
  wide.made.run_n(pool, 0);
  EXPECT_EQ(ran.get(), 0u);
  wide.made.run_n(pool, 1);
  wide.made.run_n(pool, 100);
  EXPECT_EQ(ran.get(), 1010u);
  EXPECT_EQ(wide.ends, 101u);
}

TEST_P(graph_run_test, runs_until) {
  thread_pool pool{config()};
  std::size_t asked = 0;
  fan wide(10, [](std::size_t) {});
  wide.made.run_until(pool, [&] { return ++asked > 7; });
  EXPECT_EQ(wide.ends, 7u);
  const auto at_once = [] { return true; };
  wide.made.run_until(pool, at_once);
  EXPECT_EQ(wide.ends, 7u);
}

TEST_P(graph_run_test, ends_with_what_the_predicate_throws) {
  thread_pool pool{config()};
  fan wide(10, [](std::size_t) {});
  EXPECT_THROW(wide.made.run_until(pool, [&] { return wide.ends == 3 ? throw std::runtime_error("three") : false; }),
               std::runtime_error);
  EXPECT_EQ(wide.ends, 3u);
  EXPECT_THROW(wide.made.run_until(pool, []() -> bool { throw std::runtime_error("first"); }), std::runtime_error);
  EXPECT_EQ(wide.ends, 3u);
  wide.made.run(pool);
  EXPECT_EQ(wide.ends, 4u);
}

TEST_P(graph_run_test, starts_and_waits) {
  gate opened;
  thread_pool pool{config()};
  fan wide(3, [&](std::size_t) { opened.pass(); });
  wide.made.wait();  // nothing to wait for
  wide.made.start(pool);
  EXPECT_TRUE(wide.made.is_running());
  opened.open();
  wide.made.wait();
  EXPECT_FALSE(wide.made.is_running());
  EXPECT_EQ(wide.ends, 1u);
}

TEST_P(graph_run_test, is_waited_for_by_the_destructor) {
  tally ran;
  thread_pool pool{config()};
  for (int i = 0; i < 20; ++i) {
    fan wide(10, [&](std::size_t) { ran.add(); });
    wide.made.start(pool);
  }
  EXPECT_EQ(ran.get(), 200u);
}

// ---- exceptions -----------------------------------------------------------------------------------------------------

struct thrown {
  std::size_t number;
};

TEST_P(graph_run_test, rethrows_and_skips_what_has_not_started) {
  thread_pool pool{config()};
  bool faulty = true;
  tally ran, after;
  graph failing;
  auto bad = failing.add([&] {
    if (faulty) throw thrown{7};
  });
  auto last = failing.add([&] { after.add(); });
  for (int i = 0; i < 100; ++i) failing.add([&] { ran.add(); }).succeed(bad).precede(last);
  for (std::size_t good = 0; good < 5; ++good) {
    try {
      failing.run_n(pool, 10);
      ADD_FAILURE() << "nothing was thrown";
    } catch (const thrown& caught) {
      EXPECT_EQ(caught.number, 7u);
    }
    EXPECT_EQ(ran.get(), good * 100);
    faulty = false;
    failing.run(pool);
    EXPECT_EQ(after.get(), good + 1);
    faulty = true;
  }
}

TEST_P(graph_run_test, fails_in_the_middle_and_runs_again) {
  thread_pool pool{config()};
  std::size_t faulty = 0;
  tally ran;
  fan wide(30, [&](std::size_t i) {
    if (i == faulty) throw thrown{i};
    ran.add();
  });
  for (; faulty < 30; ++faulty) {
    const std::size_t ends = wide.ends;
    EXPECT_THROW(wide.made.run(pool), thrown);
    EXPECT_EQ(wide.ends, ends);
    const std::size_t bad = std::exchange(faulty, 1000);
    const std::size_t before = ran.get();
    wide.made.run(pool);
    EXPECT_EQ(ran.get(), before + 30) << "the counts of arrivals are full again";
    EXPECT_EQ(wide.ends, ends + 1);
    faulty = bad;
  }
}

TEST_P(graph_run_test, rethrows_one_of_many) {
  thread_pool pool{config()};
  fan wide(30, [](std::size_t i) { throw thrown{i}; });
  for (int i = 0; i < 20; ++i) EXPECT_THROW(wide.made.run(pool), thrown);
  EXPECT_EQ(wide.ends, 0u);
}

TEST_P(graph_run_test, passes_exceptions_of_inner_graphs_on) {
  thread_pool pool{config()};
  fan inner(5, [](std::size_t i) { throw thrown{i}; });
  graph outer;
  bool after = false;
  outer.add_graph("inner", inner.made).precede(outer.add([&] { after = true; }));
  EXPECT_THROW(outer.run(pool), thrown);
  EXPECT_FALSE(after);
  EXPECT_FALSE(inner.made.is_running());
}

TEST(graph_run_exceptions, that_nobody_collects_go_to_the_hook) {
  std::atomic<int> reported{0};
  pool_config config{.max_threads = 2};
  config.hooks.context = &reported;
  config.hooks.unhandled_exception = [](void* count, std::exception_ptr) noexcept {
    ++*static_cast<std::atomic<int>*>(count);
  };
  thread_pool pool{config};
  {
    graph dropped;
    dropped.add([] { throw thrown{1}; });
    dropped.start(pool);
  }
  EXPECT_EQ(reported, 1);
}

// ---- stopping -------------------------------------------------------------------------------------------------------

std::error_code cancelled_by(auto&& run) {
  try {
    run();
  } catch (const std::system_error& error) {
    return error.code();
  }
  return {};
}

TEST_P(graph_run_test, skips_what_comes_after_a_stop) {
  thread_pool pool{config()};
  stop_token stop;
  int ran = 0;
  graph chain;
  auto last = chain.add([&] { ++ran; });
  for (int i = 1; i < 100; ++i) {
    last = chain
               .add([&] {
                 if (++ran == 50) stop.request_stop();
               })
               .succeed(last);
  }
  EXPECT_EQ(cancelled_by([&] { chain.run(pool, stop); }), errc::cancelled);
  EXPECT_EQ(ran, 50);
  EXPECT_EQ(cancelled_by([&] { chain.run_n(pool, 3, stop); }), errc::cancelled);
  EXPECT_EQ(ran, 50);
  const stop_token fresh;
  EXPECT_FALSE(cancelled_by([&] { chain.run_n(pool, 2, fresh); }));
  EXPECT_EQ(ran, 250);
}

TEST_P(graph_run_test, stops_rounds_without_end_and_inner_graphs) {
  thread_pool pool{config()};
  stop_token stop;
  tally rounds;
  fan inner(5, [&](std::size_t) {
    rounds.add();
    if (rounds.get() == 100) stop.request_stop();
  });
  graph outer;
  outer.add_graph("inner", inner.made);
  EXPECT_EQ(cancelled_by([&] {
              outer.run_until(
                  pool, [] { return false; }, stop);
            }),
            errc::cancelled);
  EXPECT_GE(rounds.get(), 100u);
}

TEST_P(graph_run_test, ends_when_its_pool_is_cancelled) {
  gate started, ended;
  thread_pool pool{config()};
  tally ran;
  fan wide(500, [&](std::size_t) {
    started.open();
    ended.pass();
    ran.add();
  });
  wide.made.start(pool);
  started.pass();
  std::thread canceller([&] { static_cast<void>(pool.shutdown(shutdown_mode::cancel)); });
  ASSERT_TRUE(eventually([&] {
    const std::error_code refused = pool.post([] {});
    return refused == errc::shut_down;
  }));
  canceller.join();
  ended.open();
  EXPECT_EQ(cancelled_by([&] { wide.made.wait(); }), errc::cancelled);
  EXPECT_LE(ran.get(), std::size_t{workers()});
  EXPECT_EQ(wide.ends, 0u);
  EXPECT_EQ(cancelled_by([&] { wide.made.run(pool); }), errc::shut_down);
  EXPECT_FALSE(wide.made.is_running());
  thread_pool other{config()};
  wide.made.run(other);
  EXPECT_EQ(wide.ends, 1u);
}

TEST_P(graph_run_test, is_drained_by_a_shutdown) {
  thread_pool pool{config()};
  tally ran;
  fan wide(1000, [&](std::size_t) { ran.add(); });
  wide.made.start(pool);
  const shutdown_report report = pool.shutdown();
  EXPECT_EQ(report.cancelled, 0u);
  wide.made.wait();
  EXPECT_EQ(ran.get(), 1000u);
}

TEST(graph_run_refusal, leaves_the_graph_as_it_was) {
  thread_pool pool{{.max_threads = 1, .max_queued = 1}};
  occupation busy;
  ASSERT_TRUE(busy.hold(pool, 1));
  function_task queued([] {});
  ASSERT_FALSE(pool.schedule(queued));
  fan wide(10, [](std::size_t) {});
  EXPECT_EQ(cancelled_by([&] { wide.made.run(pool); }), errc::queue_full);
  EXPECT_FALSE(wide.made.is_running());
  busy.release();
  ASSERT_FALSE(pool.drain());
  wide.made.run(pool);
  EXPECT_EQ(wide.starts, 1u);
}

// ---- who runs what --------------------------------------------------------------------------------------------------

TEST_P(graph_run_test, uses_as_many_workers_as_there_are_steps_for) {
  thread_pool pool{config()};
  const std::size_t together = workers() < 8 ? workers() : 8;
  tally arrived;
  fan wide(together, [&](std::size_t) {
    arrived.add();
    EXPECT_TRUE(arrived.reaches(together)) << "these steps must run side by side";
  });
  wide.made.run(pool);
}

TEST_P(graph_run_test, runs_on_a_worker_of_the_pool) {
  thread_pool pool{config()};
  tally ran;
  fan wide(100, [&](std::size_t) { ran.add(); });
  for (int i = 0; i < 20; ++i) pool.run([&] { wide.made.run(pool); });
  EXPECT_EQ(ran.get(), 2000u);
}

/// With one worker and no spare, whoever waits must run all of it, at any depth, and no other task.
TEST(graph_run_wait, runs_its_own_steps_and_nothing_else) {
  thread_pool pool{{.max_threads = 1, .max_spare_threads = pool_config::no_spares}};
  std::atomic<bool> waiting{false}, foreign_ran_inside{false};
  tally ran;
  fan innermost(20, [&](std::size_t) { ran.add(); });
  graph middle;
  middle.add([&] { innermost.made.run(pool); });
  fan outer(10, [&](std::size_t) {});
  pool.run([&] {
    EXPECT_FALSE(pool.post([&] { foreign_ran_inside = waiting.load(); }));
    waiting = true;
    for (int i = 0; i < 100; ++i) middle.run(pool);  // more than a turn
    outer.made.run(pool);
    waiting = false;
  });
  EXPECT_FALSE(pool.drain());
  EXPECT_EQ(ran.get(), 2000u);
  EXPECT_EQ(outer.ends, 1u);
  EXPECT_FALSE(foreign_ran_inside);
}

/// All workers wait for graphs, of which steps lie ready with one another: each must get at its own.
TEST_P(graph_run_test, lets_all_workers_wait_at_once) {
  pool_config without_spares = config();
  without_spares.max_spare_threads = pool_config::no_spares;
  thread_pool pool{without_spares};
  constexpr std::size_t callers = 16;
  std::vector<std::unique_ptr<fan>> inner, outer;
  tally ran;
  graph all;
  for (std::size_t i = 0; i < callers; ++i) {
    inner.push_back(std::make_unique<fan>(5, [&ran](std::size_t) { ran.add(); }));
    fan& nested = *inner.back();
    all.add([&pool, &nested] {
      for (int again = 0; again < 10; ++again) nested.made.run(pool);
    });
  }
  for (int i = 0; i < 5; ++i) all.run(pool);
  EXPECT_EQ(ran.get(), callers * 5 * 10 * 5);
}

TEST_P(graph_run_test, runs_two_graphs_at_once) {
  thread_pool pool{config()};
  tally ran;
  fan one(50, [&](std::size_t) { ran.add(); }), two(50, [&](std::size_t) { ran.add(); });
  std::thread other([&] {
    for (int i = 0; i < 50; ++i) two.made.run(pool);
  });
  for (int i = 0; i < 50; ++i) one.made.run(pool);
  other.join();
  EXPECT_EQ(ran.get(), 5000u);
}

TEST_P(graph_run_test, runs_on_one_pool_after_the_other) {
  thread_pool one{config()}, two{config()};
  fan wide(20, [](std::size_t) {});
  for (int i = 0; i < 20; ++i) {
    wide.made.run(one);
    wide.made.run(two);
    two.run([&] { wide.made.run(one); });  // a worker of another pool waits
  }
  EXPECT_EQ(wide.ends, 60u);
}

TEST_P(graph_run_test, may_be_destroyed_as_soon_as_it_has_run) {
  thread_pool pool{config()};
  for (std::size_t i = repetitions(300); i != 0; --i) {
    auto wide = std::make_unique<fan>(4, [](std::size_t) {});
    if (i % 2 == 0) {
      wide->made.run(pool);
    } else {
      pool.run([&] { wide->made.run(pool); });
    }
    EXPECT_EQ(wide->ends, 1u);
  }
}

TEST_P(graph_run_test, works_with_forks_futures_and_blocking_in_its_steps) {
  thread_pool pool{config()};
  tally ran;
  fan wide(20, [&](std::size_t i) {
    const auto [a, b] = fork_join([i] { return i; }, [i] { return i + 1; });
    auto later = pool.submit([&] { return blocking([] { return std::size_t{1}; }); });
    ran.add(b - a + later.get() - 1);
  });
  wide.made.run_n(pool, 5);
  EXPECT_EQ(ran.get(), 100u);
}

/// A long run leaves room for others: a task from outside does not wait for its end.
TEST(graph_run_fairness, lets_other_tasks_in) {
  thread_pool pool{{.max_threads = 1, .max_spare_threads = pool_config::no_spares}};
  std::atomic<bool> other{false};
  std::size_t ran = 0, ran_before_the_other = 0;
  graph chain;
  auto last = chain.add([&] { EXPECT_FALSE(pool.post([&] { other = true; })); });
  for (int i = 0; i < 10'000; ++i) {
    last = chain
               .add([&] {
                 ++ran;
                 if (!other) ++ran_before_the_other;
               })
               .succeed(last);
  }
  chain.run(pool);
  EXPECT_EQ(ran, 10'000u);
  EXPECT_LE(ran_before_the_other, 2u * 61);
}

}  // namespace
}  // namespace treadle::test
