// thread_pool::dump: each state is planted, and found by its words.
#include "dumps.hpp"
#include "tasks.hpp"
#include "waiting.hpp"

#include <treadle/coro.hpp>
#include <treadle/treadle.hpp>

#include <gtest/gtest.h>

#include <pthread.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <chrono>
#include <csignal>
#include <cstdint>
#include <mutex>
#include <string>
#include <system_error>
#include <thread>
#include <vector>

namespace treadle {
namespace {

using namespace std::chrono_literals;
using test::dump_has;
using test::dump_of;
using test::here;

pool_config with_threads(std::uint32_t count) {
  pool_config made;
  made.max_threads = count;
  return made;
}

TEST(dump, a_pool_that_was_not_started_says_so) {
  thread_pool pool;
  const std::string text = dump_of(pool);
  EXPECT_NE(text.find(" state=not_started\n"), std::string::npos) << text;
  EXPECT_EQ(text.substr(text.size() - 4), "end\n");
}

TEST(dump, says_what_a_write_failed_with) {
  thread_pool pool(with_threads(1));
  EXPECT_EQ(pool.dump(-1), std::errc::bad_file_descriptor);
}

TEST(dump, names_the_pool_and_its_state) {
  pool_config config = with_threads(2);
  config.name = "weaver";
  thread_pool pool(config);
  pool.run([] {});
  EXPECT_TRUE(dump_has(pool, {"pool ", " name=weaver ", " state=running ", " width=2 "}));
  static_cast<void>(pool.shutdown());
  EXPECT_TRUE(dump_has(pool, {"pool ", " name=weaver ", " state=stopped "}));
}

// ---- workers -------------------------------------------------------------------------------------------------------

TEST(dump, a_long_task_shows_its_site_and_age) {
  test::gate started, release;
  thread_pool pool(with_threads(2));
  const auto at = here();
  ASSERT_FALSE(pool.post(
      [&] {
        started.open();
        release.pass();
      },
      at.site));
  ASSERT_TRUE(started.pass());
  EXPECT_TRUE(dump_has(pool, {"worker ", " runs " + at.text, " for="}));
  std::this_thread::sleep_for(120ms);
  // Woken for it, so its worker knows exactly since when it runs.
  const std::string line = test::dump_line(pool, {"worker ", " runs " + at.text});
  EXPECT_GE(test::age_in(line, " for="), 0.1) << line;
  release.open();
}

TEST(dump, an_intrusive_task_shows_its_callback) {
  thread_pool pool(with_threads(1));
  test::occupation held;
  ASSERT_TRUE(held.hold(pool, 1));
  EXPECT_TRUE(dump_has(pool, {"worker 0", " runs callback=0x"}));
}

TEST(dump, idle_workers_are_parked) {
  thread_pool pool(with_threads(2));
  pool.run([] {});
  EXPECT_TRUE(test::eventually([&] { return pool.stats().parked == pool.stats().threads; }));
  EXPECT_TRUE(dump_has(pool, {"worker 0", " parked for="}));
}

TEST(dump, a_worker_in_blocking_says_so_and_since_when) {
  test::gate inside, release;
  thread_pool pool(with_threads(1));
  const auto at = here();
  ASSERT_FALSE(pool.post(
      [&] {
        blocking([&] {
          inside.open();
          release.pass();
        });
      },
      at.site));
  ASSERT_TRUE(inside.pass());
  std::this_thread::sleep_for(30ms);
  const std::string line = test::dump_line(pool, {"worker ", " blocked in=section ", " runs " + at.text});
  EXPECT_GE(test::age_in(line, " for="), 0.02) << line;
  release.open();
}

TEST(dump, a_worker_that_waits_for_a_future_names_both_tasks) {
  test::gate started, release;
  thread_pool pool(with_threads(2));
  const auto awaited_at = here(), waiter_at = here();
  auto awaited = pool.submit(
      [&] {
        started.open();
        release.pass();
      },
      awaited_at.site);
  ASSERT_TRUE(started.pass());
  auto waiter = pool.submit([&] { awaited.get(); }, waiter_at.site);
  EXPECT_TRUE(dump_has(pool, {"worker ", " blocked in=future of=" + awaited_at.text, " runs " + waiter_at.text}));
  release.open();
  waiter.get();
}

TEST(dump, a_future_that_is_run_in_place_is_what_its_worker_runs) {
  test::gate started, release;
  thread_pool pool(with_threads(1));
  const auto inner_at = here();
  auto outer = pool.submit([&] {
    auto inner = pool.submit(
        [&] {
          started.open();
          release.pass();
        },
        inner_at.site);
    inner.get();
  });
  ASSERT_TRUE(started.pass());
  EXPECT_TRUE(dump_has(pool, {"worker 0", " runs " + inner_at.text}));
  release.open();
  outer.get();
}

TEST(dump, a_worker_at_a_stolen_fork_says_so) {
  test::gate left, right;
  thread_pool pool(with_threads(2));
  auto whole = pool.submit([&] {
    fork_join(
        [&] {
          // The other branch is stolen, or never runs: then the gate would stay closed.
          right.pass();
        },
        [&] {
          right.open();
          left.pass();
        });
  });
  ASSERT_TRUE(right.pass());
  EXPECT_TRUE(dump_has(pool, {"worker ", " runs stolen_fork for="}));
  EXPECT_TRUE(dump_has(pool, {"worker ", " blocked in=fork "}));
  left.open();
  whole.get();
}

// ---- queues --------------------------------------------------------------------------------------------------------

TEST(dump, counts_and_names_what_is_injected) {
  thread_pool pool(with_threads(1));
  test::occupation held;
  ASSERT_TRUE(held.hold(pool, 1));
  const auto at = here();
  for (int i = 0; i < 10; ++i) ASSERT_FALSE(pool.post([] {}, at.site));
  EXPECT_TRUE(dump_has(pool, {"queues injected=10 next=" + at.text}));
  held.release();
  ASSERT_FALSE(pool.drain());
  EXPECT_TRUE(dump_has(pool, {"queues injected=0 timers=0 descriptors=0"}));
}

TEST(dump, counts_ring_and_overflow_of_a_worker) {
  test::gate filled, release;
  thread_pool pool(with_threads(1));
  constexpr std::size_t many = 1000;
  ASSERT_FALSE(pool.post([&] {
    for (std::size_t i = 0; i < many; ++i) static_cast<void>(pool.post([] {}));
    filled.open();
    release.pass();
  }));
  ASSERT_TRUE(filled.pass());
  const std::string line = test::dump_line(pool, {"worker 0", " ring=", " overflow="});
  EXPECT_EQ(test::number_in(line, " ring=") + test::number_in(line, " overflow="), many) << line;
  EXPECT_GT(test::number_in(line, " overflow="), 0u) << line;
  release.open();
}

TEST(dump, counts_timers) {
  thread_pool pool(with_threads(1));
  struct ring_once : timer {
    explicit ring_once(thread_pool& of) : timer(of, [](timer&) noexcept {}) {}
  } first(pool), second(pool);
  ASSERT_FALSE(first.arm(1h));
  ASSERT_FALSE(second.arm(2h));
  EXPECT_TRUE(dump_has(pool, {"queues ", " timers=2 "}));
  EXPECT_TRUE(first.cancel());
  EXPECT_TRUE(second.cancel());
}

// ---- threads that wait ---------------------------------------------------------------------------------------------

TEST(dump, a_thread_that_waits_for_a_future_is_listed) {
  test::gate release;
  thread_pool pool(with_threads(1));
  const auto at = here();
  auto awaited = pool.submit([&] { release.pass(); }, at.site);
  std::thread outside([&] { awaited.get(); });
  EXPECT_TRUE(dump_has(pool, {"thread ", " waits=future of=" + at.text, " for="}));
  release.open();
  outside.join();
  EXPECT_TRUE(test::eventually([&] { return dump_of(pool).find("\nthread ") == std::string::npos; }));
}

TEST(dump, a_thread_that_drains_is_listed) {
  test::gate release;
  thread_pool pool(with_threads(1));
  ASSERT_FALSE(pool.post([&] { release.pass(); }));
  std::thread drains([&] { static_cast<void>(pool.drain()); });
  EXPECT_TRUE(dump_has(pool, {"thread ", " waits=quiet "}));
  release.open();
  drains.join();
}

// ---- coroutines ----------------------------------------------------------------------------------------------------

/// Spawns one coroutine that `wait` suspends, looks for `words` in its line, then lets it go by `go_on`.
template <class Wait, class GoOn>
void expect_listed(std::uint32_t workers, const std::string& words, Wait wait, GoOn go_on) {
  thread_pool pool(with_threads(workers));
  const auto at = here();
  auto waiting = coro::spawn(pool, wait(), {}, at.site);
  EXPECT_TRUE(dump_has(pool, {"coroutine " + at.text, words, " for<="})) << dump_of(pool);
  std::this_thread::sleep_for(20ms);
  const std::string line = test::dump_line(pool, {"coroutine " + at.text, words});
  EXPECT_GE(test::age_in(line, " for<="), 0.015) << line;
  go_on();
  waiting.wait();
  EXPECT_EQ(dump_of(pool).find("coroutine " + at.text), std::string::npos);
}

class dump_of_coroutines : public test::with_workers {};

TEST_P(dump_of_coroutines, at_a_mutex) {
  coro::mutex contended;
  auto held = contended.try_lock();
  expect_listed(
      workers(), " waits=mutex at=0x", [&]() -> coro::task<> { auto guard = co_await contended.lock(); },
      [&] { held.unlock(); });
}
TEST_P(dump_of_coroutines, at_a_semaphore) {
  coro::semaphore none(0);
  expect_listed(
      workers(), " waits=semaphore at=0x", [&]() -> coro::task<> { co_await none.acquire(); }, [&] { none.release(); });
}
TEST_P(dump_of_coroutines, at_a_latch) {
  coro::latch closed(1);
  expect_listed(
      workers(), " waits=latch at=0x", [&]() -> coro::task<> { co_await closed.wait(); }, [&] { closed.count_down(); });
}
TEST_P(dump_of_coroutines, at_an_event) {
  coro::event unset;
  expect_listed(
      workers(), " waits=event at=0x", [&]() -> coro::task<> { co_await unset.wait(); }, [&] { unset.set(); });
}
TEST_P(dump_of_coroutines, at_a_channel) {
  coro::channel<int> empty(1);
  expect_listed(
      workers(), " waits=channel at=0x", [&]() -> coro::task<> { static_cast<void>(co_await empty.receive()); },
      [&] { empty.close(); });
}
TEST_P(dump_of_coroutines, at_a_select) {
  coro::channel<int> one(1), other(1);
  expect_listed(
      workers(), " waits=channel at=0x",
      [&]() -> coro::task<> { static_cast<void>(co_await coro::select(one.receive(), other.receive())); },
      [&] { other.close(); });
}
TEST_P(dump_of_coroutines, asleep) {
  thread_pool pool(with_threads(workers()));
  const auto at = here();
  auto asleep = coro::spawn(
      pool, []() -> coro::task<> { co_await coro::sleep_for(1h); }(), {}, at.site);
  EXPECT_TRUE(dump_has(pool, {"coroutine " + at.text, " waits=sleep left=3599."}));
  asleep.request_stop();
  EXPECT_THROW(asleep.wait(), std::system_error);
}
TEST_P(dump_of_coroutines, that_await_others) {
  thread_pool pool(with_threads(workers()));
  coro::event go;
  const auto inner_at = here(), outer_at = here(), group_at = here();
  auto inner = coro::spawn(
      pool, [](coro::event& on) -> coro::task<> { co_await on.wait(); }(go), {}, inner_at.site);
  auto outer = coro::spawn(
      pool, [](coro::join_handle<void>& on) -> coro::task<> { co_await on; }(inner), {}, outer_at.site);
  const auto wait = [](coro::event& on) -> coro::task<> { co_await on.wait(); };
  auto group = coro::spawn(
      pool, [](coro::event& on, auto f) -> coro::task<> { co_await coro::when_all(f(on), f(on), f(on)); }(go, wait), {},
      group_at.site);
  EXPECT_TRUE(dump_has(pool, {"coroutine " + inner_at.text, " waits=event "}));
  EXPECT_TRUE(dump_has(pool, {"coroutine " + outer_at.text, " waits=join "}));
  EXPECT_TRUE(dump_has(pool, {"coroutine " + group_at.text, " waits=branches count=3 "}));
  EXPECT_TRUE(dump_has(pool, {"coroutine " + group_at.text, " waits=event "}));  // its branches
  EXPECT_TRUE(dump_has(pool, {"coroutines waiting=6 listed=6 event=4 join=1 branches=1"}));
  go.set();
  outer.wait();
  group.wait();
  EXPECT_TRUE(dump_has(pool, {"coroutines waiting=0 listed=0\n"}));
}
TEST_P(dump_of_coroutines, of_a_scope_that_is_joined) {
  thread_pool pool(with_threads(workers()));
  coro::event go;
  const auto joiner_at = here(), child_at = here();
  auto joiner = coro::spawn(
      pool,
      [](thread_pool& on, coro::event& until, source_site site) -> coro::task<> {
        coro::async_scope scope(on);
        scope.spawn([](coro::event& set) -> coro::task<> { co_await set.wait(); }(until), site);
        co_await scope.join();
      }(pool, go, child_at.site),
      {}, joiner_at.site);
  EXPECT_TRUE(dump_has(pool, {"coroutine " + joiner_at.text, " waits=scope "}));
  EXPECT_TRUE(dump_has(pool, {"coroutine " + child_at.text, " waits=event "}));
  go.set();
  joiner.wait();
}
INSTANTIATE_TEST_SUITE_P(workers, dump_of_coroutines, test::worker_counts(), test::worker_count_name);

TEST(dump, a_coroutine_of_another_pool_is_not_listed) {
  thread_pool pool(with_threads(1)), other(with_threads(1));
  pool.run([] {});
  coro::event go;
  const auto at = here();
  auto waiting = coro::spawn(
      other, [](coro::event& on) -> coro::task<> { co_await on.wait(); }(go), {}, at.site);
  EXPECT_TRUE(dump_has(other, {"coroutine " + at.text}));
  EXPECT_EQ(dump_of(pool).find("coroutine " + at.text), std::string::npos);
  go.set();
  waiting.wait();
}

TEST(dump, more_coroutines_than_lines_are_counted) {
  thread_pool pool(with_threads(2));
  coro::event go;
  constexpr std::size_t many = 1500;
  std::vector<coro::join_handle<void>> all;
  for (std::size_t i = 0; i < many; ++i) {
    all.push_back(coro::spawn(pool, [](coro::event& on) -> coro::task<> { co_await on.wait(); }(go)));
  }
  EXPECT_TRUE(dump_has(pool, {"coroutines waiting=1500 listed=1000 event=1500\n"}));
  go.set();
  for (auto& each : all) each.wait();
}

TEST(dump, sync_wait_shows_its_callers_line) {
  thread_pool pool(with_threads(1));
  coro::event go;
  const auto at = here();
  std::thread outside([&] {
    coro::sync_wait(
        pool, [](coro::event& on) -> coro::task<> { co_await on.wait(); }(go), {}, at.site);
  });
  EXPECT_TRUE(dump_has(pool, {"coroutine " + at.text, " waits=event "}));
  EXPECT_TRUE(dump_has(pool, {"thread ", " waits=join of=" + at.text}));
  go.set();
  outside.join();
}

// ---- from a signal handler -----------------------------------------------------------------------------------------

std::atomic<thread_pool*> dumped{nullptr};
std::atomic<int> dumps_into{-1}, dumps_done{0}, dumps_failed{0};

void dump_on_signal(int) {
  const int before = errno;
  if (dumped.load()->dump(dumps_into.load())) dumps_failed.fetch_add(1);
  if (errno != before) dumps_failed.fetch_add(1);
  dumps_done.fetch_add(1);
}

/// Four workers spawn, steal, lock, sleep and fork as fast as they can while the handler interrupts them anywhere.
TEST(dump, from_a_signal_handler_on_a_worker_in_the_midst_of_anything) {
  pool_config config = with_threads(4);
  std::atomic<bool> over{false};
  thread_pool pool(config);
  test::temporary_file file;
  dumped.store(&pool);
  dumps_into.store(file.descriptor());
  dumps_done.store(0);
  dumps_failed.store(0);
  struct sigaction action {
  }, old{};
  action.sa_handler = &dump_on_signal;
  action.sa_flags = SA_RESTART;
  ASSERT_EQ(sigaction(SIGUSR2, &action, &old), 0);

  coro::mutex contended;
  coro::channel<int> line(2);
  const auto churn = [&](auto) -> coro::task<> {
    for (int i = 0; !over.load(); ++i) {
      {
        auto guard = co_await contended.lock();
        co_await coro::yield();
      }
      if (i % 2 == 0)
        static_cast<void>(co_await line.send(i));
      else
        static_cast<void>(co_await line.receive());
      if (i % 16 == 0) co_await coro::sleep_for(50us);
      co_await coro::spawn(pool, []() -> coro::task<> { co_return; }());
      fork_join([] {}, [] {});
    }
    line.close();
  };
  std::vector<coro::join_handle<void>> all;
  for (int i = 0; i < 8; ++i) all.push_back(coro::spawn(pool, churn(i)));
  std::vector<pthread_t> workers;
  std::mutex lock;
  std::atomic<int> known{0};
  for (int i = 0; i < 64 && known.load() < 4; ++i) {
    pool.run([&] {
      const std::lock_guard<std::mutex> held(lock);
      const pthread_t self = pthread_self();
      for (const pthread_t each : workers) {
        if (pthread_equal(each, self) != 0) return;
      }
      workers.push_back(self);
      known.fetch_add(1);
    });
  }
  ASSERT_FALSE(workers.empty());
  const int wanted = static_cast<int>(test::repetitions(200));
  for (int i = 0; i < wanted; ++i) {
    const int before = dumps_done.load();
    ASSERT_EQ(pthread_kill(workers[static_cast<std::size_t>(i) % workers.size()], SIGUSR2), 0);
    ASSERT_TRUE(test::eventually([&] { return dumps_done.load() > before; }));
  }
  over.store(true);
  for (auto& each : all) each.wait();
  EXPECT_EQ(dumps_failed.load(), 0);
  const std::string text = file.read();
  std::size_t ends = 0;
  for (std::size_t at = text.find("\nend\n"); at != std::string::npos; at = text.find("\nend\n", at + 1)) ++ends;
  EXPECT_EQ(ends, static_cast<std::size_t>(wanted));
  ASSERT_EQ(sigaction(SIGUSR2, &old, nullptr), 0);
}

}  // namespace
}  // namespace treadle
