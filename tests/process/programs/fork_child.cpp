// What a child of fork() can do with pools.
#include "check.hpp"

#include <treadle/coro.hpp>
#include <treadle/treadle.hpp>

#include <deque>
#include <memory>
#include <optional>

using namespace std::chrono_literals;
using program::eventually;

// What the sanitizers cannot know about a child of fork(): it may start threads; threads of the parent are no leak in
// it; and what their stacks held is none either, for those are no stacks any more.
extern "C" const char* __tsan_default_options();
extern "C" const char* __tsan_default_options() { return "die_after_fork=0:report_thread_leaks=0"; }
extern "C" int __lsan_is_turned_off();
namespace {
const pid_t first_process = getpid();
bool is_child() { return getpid() != first_process; }
}  // namespace
extern "C" int __lsan_is_turned_off() { return is_child() ? 1 : 0; }

namespace {

constinit treadle::thread_pool pool{treadle::pool_config{.max_threads = 2}};

int generation = 0;  ///< the forks between the first process and this one

template <class F>
void in_child(F&& f) {
  program::in_child([&] {
    ++generation;
    f();
  });
}

struct counted : treadle::task {
  counted() noexcept : task([](task* self) noexcept { static_cast<counted*>(self)->runs.fetch_add(1); }) {}
  std::atomic<int> runs{0};
};

treadle::pool_config fresh_config(std::uint32_t threads) {
  treadle::pool_config config;
  config.max_threads = threads;
#if TREADLE_THREAD_SANITIZER
  // It takes a thread for another if their stacks are the same, and the C library reuses those of the parent's threads,
  // which the sanitizer thinks alive. They do not fit a larger one.
  if (generation != 0) config.stack_bytes = std::size_t{16 << 20} << (3 * generation);
#endif
  return config;
}

/// The same for a pool that is made before the fork.
constexpr treadle::pool_config unstarted_config() {
  treadle::pool_config config;
  config.max_threads = 2;
  if (TREADLE_THREAD_SANITIZER) config.stack_bytes = std::size_t{64} << 20;
  return config;
}
constinit treadle::thread_pool unstarted{unstarted_config()};

bool works(treadle::thread_pool& used) {
  counted one;
  if (used.schedule(one)) return false;
  return used.run([] { return 42; }) == 42 && !used.drain() && one.runs == 1;
}

void expect_new_pool_works() {
  treadle::thread_pool fresh{fresh_config(2)};
  CHECK(works(fresh));
  CHECK_OK(fresh.join());
}

template <class F>
std::error_code thrown_by(F&& f) {
  try {
    f();
  } catch (const std::system_error& error) {
    return error.code();
  }
  return {};
}

void expect_refused(treadle::thread_pool& inherited) {
  const auto refusal = make_error_code(treadle::errc::inherited_by_fork);
  counted one, two, three;
  CHECK(inherited.schedule(one) == refusal);
  treadle::batch both = treadle::batch::of(two, three);
  CHECK(inherited.schedule(both) == refusal);
  CHECK(both.size() == 2 && both.pop() == &two && both.pop() == &three && both.empty());
  auto owned = std::make_unique<int>(7);
  auto callable = [owned = std::move(owned)] { static_cast<void>(*owned); };
  CHECK(inherited.post(std::move(callable)) == refusal);
  CHECK(thrown_by([&] { static_cast<void>(inherited.submit([] { return 1; })); }) == refusal);
  if (treadle::this_worker::pool() != &inherited) {
    CHECK(thrown_by([&] { inherited.run([] {}); }) == refusal);
  }
  CHECK(inherited.start() == refusal);
  CHECK(inherited.drain() == refusal);
  CHECK(inherited.shutdown().error == refusal);
  CHECK(inherited.shutdown(treadle::shutdown_mode::cancel).error == refusal);
  CHECK(inherited.shutdown_for(1s).error == refusal);
  CHECK(inherited.join() == refusal);
  static_cast<void>(inherited.stats());
  static_cast<void>(inherited.worker_limit());
  // A refused task and a refused callable are whole.
  callable();
  treadle::thread_pool fresh{fresh_config(1)};
  CHECK_OK(fresh.schedule(one));
  CHECK_OK(fresh.schedule(treadle::batch::of(two, three)));
  CHECK_OK(fresh.post(std::move(callable)));
  CHECK_OK(fresh.join());
  CHECK(one.runs == 1 && two.runs == 1 && three.runs == 1);
}

void started_pool_is_refused() {
  CHECK(works(pool));
  in_child([] {
    expect_refused(pool);
    expect_refused(pool);
    std::exit(0);  // destroys the inherited pool, too
  });
  CHECK(works(pool));
}

void shut_down_pool_is_refused() {
  std::optional<treadle::thread_pool> ended(std::in_place, treadle::pool_config{.max_threads = 2});
  CHECK(works(*ended));
  CHECK_OK(ended->join());
  in_child([&] {
    counted one;
    CHECK(ended->schedule(one));  // whatever the reason
    CHECK(one.runs == 0);
    ended.reset();
    expect_new_pool_works();
  });
}

void default_pool_is_refused() {
  CHECK(works(treadle::default_pool()));
  in_child([] {
    expect_refused(treadle::default_pool());
    std::exit(0);
  });
}

void strand_is_refused() {
  treadle::strand strand(pool);
  CHECK_OK(strand.post([] {}));
  CHECK_OK(pool.drain());
  in_child([&] { CHECK(strand.post([] {}) == make_error_code(treadle::errc::inherited_by_fork)); });
  CHECK_OK(pool.join());
}

void unstarted_pool_works() {
  CHECK(works(pool));
  in_child([] {
    CHECK(works(unstarted));
    std::exit(0);
  });
  CHECK(works(unstarted));
}

void destructor_does_nothing() {
  for (const auto mode : {treadle::shutdown_mode::drain, treadle::shutdown_mode::cancel}) {
    std::atomic<bool> released{false};
    std::atomic<int> ran{0};
    auto doomed = std::make_unique<treadle::thread_pool>(treadle::pool_config{.max_threads = 2, .on_destroy = mode});
    for (int i = 0; i < 10; ++i) {
      CHECK_OK(doomed->post([&] {
        while (!released) program::sleep_ms(1);
        ++ran;
      }));
    }
    in_child([&] {
      released = true;
      doomed.reset();
      CHECK(ran == 0);
      expect_new_pool_works();
    });
    released = true;
    CHECK_OK(doomed->drain());
    CHECK(ran == 10);
  }
}

/// The future of a task that only the parent can run.
void wait_for_inherited_future() {
  std::atomic<bool> released{false};
  auto running = pool.submit([&] {
    while (!released) program::sleep_ms(1);
    return 1;
  });
  auto done = pool.submit([] { return 2; });
  CHECK_OK(done.wait());
  CHECK(eventually([] { return pool.stats().active != 0; }));
  in_child([&] {
    CHECK(done.get() == 2);
    CHECK(running.wait_for(10ms) == treadle::future_status::timeout);
    CHECK(running.wait() == make_error_code(treadle::errc::inherited_by_fork));
  });
  released = true;
  CHECK(running.get() == 1);
}

treadle::coro::task<> sleeps(std::chrono::nanoseconds time, std::atomic<int>& began) {
  ++began;
  co_await treadle::coro::sleep_for(time);
}

/// A coroutine that sleeps on a timer of the parent.
void sleeping_coroutine() {
  std::atomic<int> began{0};
  auto sleeping = treadle::coro::spawn(pool, sleeps(1h, began));
  CHECK(eventually([&] { return began == 1; }));
  CHECK_OK(pool.drain());
  in_child([&] {
    sleeping.request_stop();
    CHECK(!sleeping.is_done());
    CHECK(thrown_by([&] { sleeping.wait(); }) == make_error_code(treadle::errc::inherited_by_fork));
    treadle::thread_pool fresh{fresh_config(1)};
    treadle::coro::sync_wait(fresh, sleeps(1ms, began));
    CHECK(began == 2);
    CHECK_OK(fresh.join());
  });
  sleeping.request_stop();
  CHECK(thrown_by([&] { sleeping.wait(); }) == make_error_code(treadle::errc::cancelled));
}

void fork_in_task() {
  pool.run([] {
    in_child([] {
      expect_refused(pool);
      CHECK(pool.run([] { return 5; }) == 5);  // in place
      expect_new_pool_works();
      CHECK(works(unstarted));
      std::exit(0);
    });
  });
  CHECK(works(pool));
}

/// The forked thread returns into the worker's loop: it must find nothing to do there, and end, and the child with it.
void return_from_task_in_child() {
  treadle::pool_config config;
  config.max_threads = 2;
  config.hooks.worker_stop = [](void*, std::size_t) noexcept {
    // No sanitizer can follow a process that is ended by the end of another thread than main's.
    if (program::is_sanitized && is_child()) _exit(0);
  };
  treadle::thread_pool forking(config);
  for (int round = 0; round < 20; ++round) {
    std::atomic<int> after{0};
    const pid_t child = forking.run([&] {
      for (int i = 0; i < 100; ++i) {
        CHECK_OK(forking.post([&] {
          CHECK(!is_child());
          ++after;
        }));
      }
      return fork();
    });
    int status = -1;
    CHECK(waitpid(child, &status, 0) == child);
    CHECK(WIFEXITED(status) && WEXITSTATUS(status) == 0);
    CHECK_OK(forking.drain());
    CHECK(after == 100);
  }
}

void child_of_child() {
  CHECK(works(pool));
  in_child([] {
    CHECK(works(unstarted));
    in_child([] {
      expect_refused(pool);
      expect_refused(unstarted);
      expect_new_pool_works();
    });
    CHECK(works(unstarted));
    expect_refused(pool);
  });
}

void fork_storm() {
  CHECK(works(pool));
  std::atomic<bool> stop{false};
  std::atomic<std::size_t> accepted{0}, ran{0};
  std::thread posters[2];
  for (std::thread& poster : posters) {
    poster = std::thread([&] {
      while (!stop) {
        CHECK_OK(pool.post([&] { ++ran; }));
        ++accepted;
      }
    });
  }
  std::thread maker([&] {
    while (!stop) expect_new_pool_works();
  });
  for (int i = 0; i < 100; ++i) {
    in_child([] {
      expect_refused(pool);
      CHECK(works(unstarted));
    });
  }
  stop = true;
  for (std::thread& poster : posters) poster.join();
  maker.join();
  CHECK_OK(pool.join());
  CHECK(ran == accepted);
}

/// Forks while another thread is inside the first schedule of one pool after the other.
void fork_while_starting() {
  for (int round = 0; round < (program::is_sanitized ? 20 : 150); ++round) {
    std::deque<treadle::thread_pool> pools;
    for (int i = 0; i < 8; ++i) {
      treadle::pool_config config = unstarted_config();
      config.stack_bytes *= static_cast<std::size_t>(i + 1);
      pools.emplace_back(config);
    }
    std::atomic<bool> begun{false};
    std::thread starter([&] {
      begun = true;
      for (treadle::thread_pool& each : pools) CHECK_OK(each.post([] {}));
    });
    while (!begun) {
    }
    std::this_thread::sleep_for(std::chrono::microseconds(20 * (round % 16)));
    in_child([&] {
      for (treadle::thread_pool& each : pools) {
        if (program::is_sanitized) {  // see storm_lock: nothing that allocates
          static_cast<void>(each.drain());
          static_cast<void>(each.join());
          continue;
        }
        counted one;
        const std::error_code error = each.schedule(one);
        CHECK(!error || error == make_error_code(treadle::errc::inherited_by_fork));
        if (!error) CHECK_OK(each.drain());
        CHECK(one.runs == (error ? 0 : 1));
      }
      if (!program::is_sanitized) pools.clear();
    });
    starter.join();
    for (treadle::thread_pool& each : pools) CHECK_OK(each.join());
  }
}

constexpr program::scenario scenarios[] = {
    {"started_pool_is_refused", &started_pool_is_refused},
    {"shut_down_pool_is_refused", &shut_down_pool_is_refused},
    {"default_pool_is_refused", &default_pool_is_refused},
    {"strand_is_refused", &strand_is_refused},
    {"unstarted_pool_works", &unstarted_pool_works},
    {"destructor_does_nothing", &destructor_does_nothing},
    {"wait_for_inherited_future", &wait_for_inherited_future},
    {"sleeping_coroutine", &sleeping_coroutine},
    {"fork_in_task", &fork_in_task},
    {"return_from_task_in_child", &return_from_task_in_child},
    {"child_of_child", &child_of_child},
    {"fork_storm", &fork_storm},
    {"fork_while_starting", &fork_while_starting},
};

}  // namespace

int main(int argc, char** argv) { return program::run_scenario(scenarios, argc, argv); }
