// Thread-local objects whose destructors use a pool: on its workers, on main, on threads outside.
#include "check.hpp"

#include <treadle/treadle.hpp>

#include <functional>
#include <memory>
#include <optional>
#include <utility>

using namespace std::chrono_literals;
using program::eventually;

namespace {

constexpr auto never = std::chrono::nanoseconds(-1);

/// Calls what it was given when its thread ends.
struct at_thread_end {
  ~at_thread_end() {
    if (call) call();
  }
  std::function<void()> call;
};
thread_local at_thread_end last_words;

treadle::pool_config retiring(std::uint32_t threads) {
  treadle::pool_config config;
  config.max_threads = threads;
  config.retire_after = 2ms;
  return config;
}

treadle::pool_config staying(std::uint32_t threads) {
  treadle::pool_config config;
  config.max_threads = threads;
  config.retire_after = never;
  return config;
}

/// A worker retires; the destructor on its thread schedules, which takes a new thread on the same record.
void schedule_at_retire() {
  for (int round = 0; round < 50; ++round) {
    std::atomic<int> ran{0};
    treadle::thread_pool pool(retiring(1));
    CHECK_OK(pool.post([&] {
      last_words.call = [&] {
        CHECK(treadle::this_worker::pool() == nullptr);
        CHECK(treadle::this_worker::index() == treadle::this_worker::npos);
        CHECK_OK(pool.post([&] { ++ran; }));
      };
    }));
    CHECK(eventually([&] { return ran == 1; }));
    CHECK_OK(pool.join());
    CHECK(pool.stats().threads_started >= 2);
  }
}

/// The same, and the destructor waits for its task: the thread that is ending must not be the one to run it.
void wait_at_retire() {
  for (int round = 0; round < 50; ++round) {
    std::atomic<int> done{0};
    treadle::thread_pool pool(retiring(2));
    CHECK_OK(pool.post([&] {
      last_words.call = [&] {
        CHECK(pool.run([] { return 3; }) == 3);
        CHECK_OK(pool.drain());
        ++done;
      };
    }));
    CHECK(eventually([&] { return done == 1; }));
    CHECK_OK(pool.join());
  }
}

/// Each task leaves last words that schedule the next, over many threads on one record.
void chain_over_retired_threads() {
  std::atomic<int> ran{0};
  treadle::thread_pool pool(retiring(1));
  std::function<void()> link = [&] {
    if (++ran < 30) last_words.call = [&] { CHECK_OK(pool.post(link)); };
  };
  CHECK_OK(pool.post(link));
  CHECK(eventually([&] { return ran == 30; }));
  CHECK_OK(pool.join());
}

/// The pool is being joined: what the destructors schedule is refused, and join() waits for them.
void schedule_at_join() {
  for (int round = 0; round < 50; ++round) {
    std::atomic<int> set{0}, refused{0}, ended{0};
    treadle::thread_pool pool(staying(2));
    for (int i = 0; i < 20; ++i) {
      CHECK_OK(pool.post([&] {
        if (!last_words.call) ++set;
        last_words.call = [&] {
          treadle::task one([](treadle::task*) noexcept { CHECK(false); });
          if (pool.schedule(one) == make_error_code(treadle::errc::shut_down)) ++refused;
          CHECK(pool.post([] {}) == make_error_code(treadle::errc::shut_down));
          program::sleep_ms(5);
          ++ended;
        };
      }));
    }
    CHECK_OK(pool.join());
    CHECK(set >= 1);
    CHECK(ended == set);
    CHECK(refused == set);
  }
}

/// The destructors of the pool's threads use another pool, that lives.
void use_other_pool_at_join() {
  treadle::thread_pool other(staying(1));
  std::atomic<int> set{0}, ran{0};
  {
    treadle::thread_pool pool(staying(2));
    for (int i = 0; i < 20; ++i) {
      CHECK_OK(pool.post([&] {
        program::sleep_ms(1);
        if (!last_words.call) ++set;
        last_words.call = [&] { ran += other.run([] { return 1; }); };
      }));
    }
  }
  CHECK(set >= 1);
  CHECK(ran == set);
}

thread_local std::optional<treadle::thread_pool> own;

/// A pool that belongs to a thread, here to a worker of another pool.
void pool_in_thread_local() {
  std::atomic<int> ran{0};
  {
    treadle::thread_pool outer(staying(2));
    for (int i = 0; i < 8; ++i) {
      CHECK_OK(outer.post([&] {
        if (!own) own.emplace(treadle::pool_config{.max_threads = 1});
        for (int k = 0; k < 10; ++k) {
          CHECK_OK(own->post([&] {
            program::sleep_ms(1);
            ++ran;
          }));
        }
      }));
    }
  }
  CHECK(ran == 80);
}

void on_outside_thread() {
  std::atomic<int> ran{0};
  treadle::thread_pool pool(staying(2));
  for (int i = 0; i < 20; ++i) {
    std::thread([&] { last_words.call = [&] { CHECK_OK(pool.post([&] { ++ran; })); }; }).join();
  }
  CHECK_OK(pool.drain());
  CHECK(ran == 20);
}

// ---- on main: its thread-local objects go before those with static storage, so a static pool still takes work ------

std::atomic<int> ran_for_main{0};
bool main_scenario = false;
struct inspector {
  ~inspector() { CHECK(!main_scenario || ran_for_main == 1); }
} inspected;
constinit treadle::thread_pool static_pool;

void on_main() {
  main_scenario = true;
  last_words.call = [] { CHECK_OK(static_pool.post([] { ++ran_for_main; })); };
}

void on_main_with_running_pool() {
  CHECK(static_pool.run([] { return 1; }) == 1);
  on_main();
}

void wait_on_main() {
  main_scenario = true;
  last_words.call = [] { ran_for_main = static_pool.run([] { return 1; }); };
}

constexpr program::scenario scenarios[] = {
    {"schedule_at_retire", &schedule_at_retire},
    {"wait_at_retire", &wait_at_retire},
    {"chain_over_retired_threads", &chain_over_retired_threads},
    {"schedule_at_join", &schedule_at_join},
    {"use_other_pool_at_join", &use_other_pool_at_join},
    {"pool_in_thread_local", &pool_in_thread_local},
    {"on_outside_thread", &on_outside_thread},
    {"on_main", &on_main},
    {"on_main_with_running_pool", &on_main_with_running_pool},
    {"wait_on_main", &wait_on_main},
};

}  // namespace

int main(int argc, char** argv) { return program::run_scenario(scenarios, argc, argv); }
