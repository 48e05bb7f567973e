#include "scenarios.hpp"
#include "witness.hpp"

#if defined(TREADLE_FAULTS)

#include <treadle/coro.hpp>

#include <fcntl.h>
#include <unistd.h>

#include <atomic>
#include <chrono>
#include <optional>
#include <thread>
#include <utility>

namespace treadle::test {
namespace {

using namespace std::chrono_literals;

coro::task<int> leaf(int value) { co_return value; }

coro::task<> tree() {
  auto [left, right] = co_await coro::when_all(leaf(1), leaf(2));
  CHECK(left + right == 3);
}

void coroutines() {
  witness seen;
  thread_pool pool(with_threads(2));
  for (int i = 0; i < 3; ++i) run(pool, seen, [] { return tree(); });
  CHECK_OK(pool.drain());
  seen.check();
}

coro::task<> sleeps() {
  for (int i = 0; i < 3; ++i) co_await coro::sleep_for(200us);
}

coro::task<> sleep_side_by_side() { co_await coro::when_all(sleeps(), sleeps()); }

/// With no thread to keep the time, whoever waits for the coroutine does.
void coro_sleep() {
  witness seen;
  thread_pool pool(with_threads(2));
  run(pool, seen, [] { return sleep_side_by_side(); });
  CHECK_OK(pool.drain());
  seen.check();
}

/// What is due is queued by whoever waits, and counts as what outsiders queue does: the bound is not touched by it.
void coro_bounded() {
  witness seen;
  pool_config config = with_threads(1);
  config.max_queued = 2;
  thread_pool pool(config);
  run(pool, seen, [] { return sleeps(); });
  CHECK_OK(pool.drain());
  std::atomic<int> ran{0};
  std::error_code refused;
  try {
    refused = pool.post([&] { ++ran; });
  } catch (...) {
    seen.hear_exception();
  }
  CHECK(refused != errc::queue_full);
  seen.hear(refused);
  CHECK_OK(pool.drain());
  seen.check();
}

coro::task<> sleeps_long() { co_await coro::sleep_for(1h); }

coro::task<> is_too_slow() {
  try {
    co_await coro::with_timeout(1ms, sleeps_long());
    CHECK(!"it had no time");
  } catch (const std::system_error& late) {
    if (late.code() != errc::timed_out) throw;
  }
}

void coro_timeout() {
  witness seen;
  thread_pool pool(with_threads(2));
  run(pool, seen, [] { return is_too_slow(); });
  CHECK_OK(pool.drain());
  seen.check();
}

void coro_stop() {
  witness seen;
  thread_pool pool(with_threads(2));
  try {
    auto asleep = coro::spawn(pool, sleeps_long());
    asleep.request_stop();
    asleep.wait();
  } catch (...) {
    seen.hear_exception();
  }
  CHECK(seen.heard());
  CHECK_OK(pool.drain());
}

void ended(coro::join_handle<void>& asleep) {
  try {
    asleep.wait();
    CHECK(!"it was not stopped");
  } catch (const std::system_error& why) {
    CHECK(why.code() == errc::cancelled || why.code() == errc::out_of_memory);
  } catch (const std::bad_alloc&) {
  }
}

template <shutdown_mode mode>
void coro_end() {
  thread_pool pool(with_threads(2));
  try {
    auto asleep = coro::spawn(pool, sleeps_long());
    CHECK_OK(pool.drain());
    CHECK_OK(pool.shutdown(mode).error);
    CHECK_OK(pool.join());
    ended(asleep);
  } catch (const std::bad_alloc&) {
  } catch (const std::system_error& refused) {
    CHECK(refused.code() == errc::out_of_memory);
  }
}

/// A worker that waits for a coroutine is replaced; where nobody can be had, it goes on by itself.
void coro_nested_wait() {
  witness seen;
  thread_pool pool(with_threads(1));
  run(pool, seen, [&pool]() -> coro::task<> {
    return [](thread_pool& on) -> coro::task<> {
      coro::sync_wait(on, tree());
      co_return;
    }(pool);
  });
  CHECK_OK(pool.drain());
  seen.check();
}

/// A dump tells its caller of a write that failed. Without memory for its sign a coroutine is not shown, and waits as
/// ever.
void coro_dump() {
  witness seen;
  thread_pool pool(with_threads(1));
  coro::event go;
  const int nowhere = ::open("/dev/null", O_WRONLY | O_CLOEXEC);
  CHECK(nowhere >= 0);
  try {
    auto waiting = coro::spawn(pool, [](coro::event& on) -> coro::task<> { co_await on.wait(); }(go));
    if (const std::error_code failed = pool.dump(nowhere)) CHECK(failed.value() == injector::armed().error);
    go.set();
    waiting.wait();
  } catch (...) {
    seen.hear_exception();
  }
  ::close(nowhere);
  CHECK_OK(pool.drain());
  seen.check();
}

coro::task<> waits_for(coro::event& happened) { co_await happened.wait(); }

/// The pool's thread has retired when the coroutine is to go on. If no other is to be had, the thread that waits for
/// the coroutine, and sleeps as long as that takes, is told.
void coro_retired() {
  witness seen;
  pool_config config = with_threads(1);
  config.retire_after = 1ms;
  thread_pool pool(config);
  coro::event happened;
  std::thread other;
  {
    const injector::exemption own;
    other = std::thread([&] {
      std::this_thread::sleep_for(10ms);
      happened.set();
    });
  }
  run(pool, seen, [&] { return waits_for(happened); });
  other.join();
  CHECK_OK(pool.drain());
  seen.check();
}

}  // namespace

const std::vector<fault_scenario>& coro_fault_scenarios() {
  static const std::vector<fault_scenario> all{
      {"coroutines", &coroutines},
      {"coro_bounded", &coro_bounded},
      {"coro_sleep", &coro_sleep},
      {"coro_timeout", &coro_timeout},
      {"coro_stop", &coro_stop},
      {"coro_drain", &coro_end<shutdown_mode::drain>},
      {"coro_cancel", &coro_end<shutdown_mode::cancel>},
      {"coro_nested_wait", &coro_nested_wait},
      {"coro_dump", &coro_dump},
      {"coro_retired", &coro_retired},
  };
  return all;
}

}  // namespace treadle::test

#endif
