// The system refuses threads: nothing hangs, nothing is lost, and later starts are tried again.
#include "check.hpp"
#include "failing_threads.hpp"

#include <treadle/treadle.hpp>

#include <deque>
#include <memory>
#include <optional>
#include <random>
#include <string>
#include <vector>

using namespace std::chrono_literals;
using program::eventually;

namespace {

struct counted : treadle::task {
  counted() noexcept : task(&run) {}
  static void run(task* called) noexcept {
    auto* const self = static_cast<counted*>(called);
    self->thread = std::this_thread::get_id();
    self->index = treadle::this_worker::index();
    ++self->runs;
  }
  [[nodiscard]] bool ran_here() const { return runs == 1 && thread == std::this_thread::get_id(); }
  std::atomic<int> runs{0};
  std::thread::id thread;
  std::size_t index = 0;
};

treadle::pool_config with_threads(std::uint32_t count) {
  treadle::pool_config config;
  config.max_threads = count;
  return config;
}

void schedule_all(treadle::thread_pool& pool, std::deque<counted>& tasks) {
  for (counted& each : tasks) CHECK_OK(pool.schedule(each));
}

bool each_ran_once(const std::deque<counted>& tasks) {
  for (const counted& each : tasks) {
    if (each.runs != 1) return false;
  }
  return true;
}

// ---- no thread at all: whoever waits does the work -----------------------------------------------------------------

void drain_without_threads() {
  failing_threads::set(failing_threads::all);
  treadle::thread_pool pool(with_threads(2));
  std::deque<counted> tasks(100);
  schedule_all(pool, tasks);
  CHECK_OK(pool.drain());
  for (const counted& each : tasks) {
    CHECK(each.ran_here());
    CHECK(each.index == treadle::this_worker::npos);
  }
  CHECK(pool.stats().thread_start_failures >= 1);
  CHECK(pool.stats().thread_start_failures == static_cast<std::uint64_t>(failing_threads::refused));
  CHECK(pool.stats().threads_started == 0);
  CHECK(pool.stats().tasks_run == 100);
}

void run_without_threads() {
  failing_threads::set(failing_threads::all);
  treadle::thread_pool pool(with_threads(2));
  const auto caller = std::this_thread::get_id();
  for (int i = 0; i < 20; ++i) CHECK(pool.run([&] { return std::this_thread::get_id() == caller; }));
  CHECK(pool.run([](treadle::worker& self) { return self.index(); }) == treadle::worker::npos);
  bool caught = false;
  try {
    pool.run([] { throw 5; });
  } catch (int thrown) {
    caught = thrown == 5;
  }
  CHECK(caught);
}

void wait_without_threads() {
  failing_threads::set(failing_threads::all);
  treadle::thread_pool pool(with_threads(2));
  std::vector<treadle::future<int>> futures;
  for (int i = 0; i < 50; ++i) futures.push_back(pool.submit([i] { return i; }));
  CHECK(futures[7].wait_for(1ms) == treadle::future_status::timeout);  // runs nothing
  CHECK_OK(futures[30].wait());
  CHECK(futures[30].is_ready());
  CHECK(!futures[29].is_ready());  // it runs nothing that it does not wait for
  for (int i = 49; i >= 0; --i) CHECK(futures[static_cast<std::size_t>(i)].get() == i);
}

/// A task that the caller runs submits more, and waits for it.
void nest_without_threads() {
  failing_threads::set(failing_threads::all);
  treadle::thread_pool pool(with_threads(2)), other(with_threads(1));
  std::atomic<int> posted{0};
  const int sum = pool.run([&] {
    int total = 0;
    for (int i = 1; i <= 10; ++i) {
      CHECK_OK(pool.post([&] { ++posted; }));
      total += pool.submit([&, i] { return other.run([i] { return i; }); }).get();
    }
    CHECK(pool.drain() == make_error_code(treadle::errc::would_deadlock));
    return total;
  });
  CHECK(sum == 55);
  CHECK_OK(pool.drain());
  CHECK(posted == 10);
}

void end_without_threads() {
  failing_threads::set(failing_threads::all);
  std::deque<counted> tasks(60);
  std::optional<treadle::thread_pool> pools[3];
  for (auto& pool : pools) pool.emplace(with_threads(2));
  for (std::size_t i = 0; i < tasks.size(); ++i) CHECK_OK(pools[i % 3]->schedule(tasks[i]));
  pools[0].reset();
  CHECK_OK(pools[1]->join());
  const treadle::shutdown_report report = pools[2]->shutdown();
  CHECK(!report.error);
  CHECK(report.ran == 20);
  CHECK(report.still_running == 0);
  for (const counted& each : tasks) CHECK(each.ran_here());
}

void cancel_without_threads() {
  failing_threads::set(failing_threads::all);
  std::deque<counted> tasks(20);
  auto held = std::make_shared<int>(1);
  treadle::future<void> future;
  {
    treadle::thread_pool pool(with_threads(2));
    schedule_all(pool, tasks);
    for (int i = 0; i < 5; ++i) CHECK_OK(pool.post([held] {}));
    future = pool.submit([held] {});
    CHECK(held.use_count() == 7);
    treadle::shutdown_report report = pool.shutdown(treadle::shutdown_mode::cancel);
    CHECK(report.ran == 0);
    CHECK(report.cancelled == 6);
    CHECK(report.not_run.size() == 20);
    for (counted& each : tasks) CHECK(report.not_run.pop() == &each);
    CHECK(held.use_count() == 1);
    CHECK(future.is_ready());
    bool caught = false;
    try {
      future.get();
    } catch (const std::system_error& error) {
      caught = error.code() == make_error_code(treadle::errc::cancelled);
    }
    CHECK(caught);
  }
  for (const counted& each : tasks) CHECK(each.runs == 0);
}

/// Several threads wait at once, each for its own; the work is done once.
void many_waiters_without_threads() {
  failing_threads::set(failing_threads::all);
  treadle::thread_pool pool(with_threads(4));
  std::deque<counted> tasks(2000);
  failing_threads::exempt = true;
  std::vector<std::thread> waiters;
  for (std::size_t t = 0; t < 4; ++t) {
    waiters.emplace_back([&, t] {
      for (std::size_t i = t; i < tasks.size(); i += 4) {
        CHECK_OK(pool.schedule(tasks[i]));
        if (i % 16 == t) CHECK(pool.run([i] { return i; }) == i);
        if (i % 64 == t) CHECK_OK(pool.drain());
      }
    });
  }
  for (std::thread& waiter : waiters) waiter.join();
  CHECK_OK(pool.drain());
  CHECK(each_ran_once(tasks));
  CHECK_OK(pool.join());
}

/// exit() inside a task that main runs for want of a worker. The static pool is destroyed inside it.
constinit treadle::thread_pool static_pool;
void exit_without_threads() {
  failing_threads::set(failing_threads::all);
  CHECK_OK(static_pool.post([] { CHECK(false); }));  // never reached: it was not awaited
  static_pool.run([] { std::exit(0); });
}

// ---- some are refused ----------------------------------------------------------------------------------------------

/// What the refused start was to run is run by the next one that succeeds.
void first_is_refused() {
  failing_threads::set(failing_threads::only(0));
  treadle::thread_pool pool(with_threads(1));
  counted first, second;
  CHECK_OK(pool.schedule(first));
  CHECK(pool.stats().thread_start_failures == 1);
  program::sleep_ms(5);
  CHECK(first.runs == 0);  // nobody is there, and nobody waits
  CHECK_OK(pool.schedule(second));
  CHECK(eventually([&] { return first.runs == 1 && second.runs == 1; }));
  CHECK(first.index == 0);
  CHECK(pool.stats().threads_started == 1);
  CHECK(pool.stats().thread_start_failures == 1);
}

void nth_is_refused() {
  for (int nth = 0; nth < 8; ++nth) {
    failing_threads::set(failing_threads::only(nth));
    treadle::thread_pool pool(with_threads(8));
    std::deque<counted> tasks(400);
    std::atomic<bool> released{false};
    // Occupied workers make the pool start further ones.
    for (int i = 0; i < 8; ++i) {
      CHECK_OK(pool.post([&] {
        while (!released) std::this_thread::yield();
      }));
    }
    const bool all_asked = eventually([&] {
      CHECK_OK(pool.post([] {}));
      return failing_threads::asked > 8;
    });
    CHECK(all_asked);
    schedule_all(pool, tasks);
    released = true;
    CHECK_OK(pool.drain());
    CHECK(each_ran_once(tasks));
    CHECK(pool.stats().thread_start_failures == 1);
    CHECK(pool.stats().threads_started == 8);
  }
}

/// All are refused for a while, then none.
void refused_for_a_while() {
  for (int round = 0; round < 20; ++round) {
    failing_threads::set(failing_threads::all);
    treadle::thread_pool pool(with_threads(2));
    std::deque<counted> early(10), late(10);
    schedule_all(pool, early);
    failing_threads::set(failing_threads::none);
    schedule_all(pool, late);
    CHECK(eventually([&] { return each_ran_once(early) && each_ran_once(late); }));
    CHECK(pool.stats().threads_started >= 1);
  }
}

/// A waiter sleeps while the only worker is busy; no second one can be started. The worker comes back to the queue.
void one_worker_carries_all() {
  failing_threads::set(~failing_threads::only(0));
  treadle::thread_pool pool(with_threads(4));
  std::deque<counted> tasks(1000);
  schedule_all(pool, tasks);
  CHECK(pool.run([] { return 1; }) == 1);
  CHECK_OK(pool.drain());
  CHECK(each_ran_once(tasks));
  for (const counted& each : tasks) CHECK(each.index == 0);
}

/// A worker blocks and no spare can be started: its slot is filled as soon as the system gives a thread.
void spare_is_refused() {
  failing_threads::set(~failing_threads::only(0));
  treadle::thread_pool pool(with_threads(1));
  std::atomic<bool> released{false};
  counted queued, later;
  CHECK_OK(pool.post([&] {
    treadle::blocking([&] {
      while (!released) program::sleep_ms(1);
    });
  }));
  CHECK(eventually([&] { return pool.stats().blocked == 1; }));
  CHECK_OK(pool.schedule(queued));
  program::sleep_ms(5);
  CHECK(queued.runs == 0);
  CHECK(failing_threads::refused >= 1);
  failing_threads::set(failing_threads::none);
  CHECK_OK(pool.schedule(later));
  CHECK(eventually([&] { return queued.runs == 1 && later.runs == 1; }));
  released = true;
  CHECK_OK(pool.drain());
}

/// The same, but no thread ever comes: what is queued runs when the worker is back.
void spare_never_comes() {
  failing_threads::set(~failing_threads::only(0));
  treadle::thread_pool pool(with_threads(1));
  std::atomic<bool> released{false};
  std::deque<counted> tasks(50);
  CHECK_OK(pool.post([&] {
    treadle::blocking([&] {
      while (!released) program::sleep_ms(1);
    });
  }));
  CHECK(eventually([&] { return pool.stats().blocked == 1; }));
  schedule_all(pool, tasks);
  released = true;
  CHECK_OK(pool.drain());
  CHECK(each_ran_once(tasks));
}

/// Threads retire at once, and every second start is refused, at random.
void refused_at_random() {
  const auto seed = std::random_device{}();
  std::fprintf(stderr, "seed %u\n", seed);
  std::mt19937_64 random(seed);
  for (int round = 0; round < (program::is_sanitized ? 20 : 100); ++round) {
    failing_threads::set(random());
    treadle::pool_config config = with_threads(1 + static_cast<std::uint32_t>(random() % 4));
    config.retire_after = 50us;
    treadle::thread_pool pool(config);
    std::deque<counted> tasks(200);
    for (counted& each : tasks) {
      CHECK_OK(pool.schedule(each));
      const auto what = random() % 32;
      if (what == 0) CHECK_OK(pool.drain());
      if (what == 1) CHECK(pool.run([] { return 2; }) == 2);
      if (what == 2) std::this_thread::sleep_for(100us);
    }
    if (round % 2 == 0) CHECK_OK(pool.drain());
    CHECK_OK(pool.join());
    CHECK(each_ran_once(tasks));
    CHECK(pool.stats().thread_start_failures == static_cast<std::uint64_t>(failing_threads::refused));
  }
}

constexpr program::scenario scenarios[] = {
    {"drain_without_threads", &drain_without_threads},
    {"run_without_threads", &run_without_threads},
    {"wait_without_threads", &wait_without_threads},
    {"nest_without_threads", &nest_without_threads},
    {"end_without_threads", &end_without_threads},
    {"cancel_without_threads", &cancel_without_threads},
    {"many_waiters_without_threads", &many_waiters_without_threads},
    {"exit_without_threads", &exit_without_threads},
    {"first_is_refused", &first_is_refused},
    {"nth_is_refused", &nth_is_refused},
    {"refused_for_a_while", &refused_for_a_while},
    {"one_worker_carries_all", &one_worker_carries_all},
    {"spare_is_refused", &spare_is_refused},
    {"spare_never_comes", &spare_never_comes},
    {"refused_at_random", &refused_at_random},
};

}  // namespace

int main(int argc, char** argv) { return program::run_scenario(scenarios, argc, argv); }
