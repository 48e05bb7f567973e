// Every way for a process to end while a pool with static storage lives. Command line: scenario, way, mode.
#include "check.hpp"

#include <treadle/treadle.hpp>

#include <csignal>
#include <string>

using program::eventually;

/// A process that ends inside a task cannot join the thread that ends it, nor wait for the others: that is no leak. Nor
/// are the others given a second to show a race.
extern "C" const char* __tsan_default_options() { return "report_thread_leaks=0:atexit_sleep_ms=0"; }

namespace {

constexpr int exit_code = 7;

std::atomic<std::size_t> accepted{0}, started{0}, ended{0};
std::size_t threads_before = 0;
bool must_be_complete = false;  // all that was accepted ran before the process ended
bool must_have_left_some = false;
bool may_leave_running = false;
std::size_t threads_left = 0;  // of the pools, when they are destroyed
bool quick_handler_ran = false;

/// Made before the pools, so destroyed after them: sees what they did when the process ended.
struct inspector {
  ~inspector() {
    const std::size_t started_then = started, ended_then = ended;
    CHECK(may_leave_running || started_then == ended_then);
    CHECK(!must_be_complete || ended_then == accepted);
    CHECK(!must_have_left_some || started_then < accepted);
    program::sleep_ms(20);
    CHECK(started == started_then);
    CHECK(eventually([] { return program::count_threads() == threads_before + threads_left; }));
  }
} inspected;

constinit treadle::thread_pool draining{
    treadle::pool_config{.max_threads = 2, .max_queued = 64, .on_destroy = treadle::shutdown_mode::drain}};
constinit treadle::thread_pool cancelling{
    treadle::pool_config{.max_threads = 2, .max_queued = 64, .on_destroy = treadle::shutdown_mode::cancel}};
constinit treadle::thread_pool other{treadle::pool_config{.max_threads = 2}};

treadle::thread_pool* chosen = nullptr;
bool drains = false;

/// A task that takes a while.
std::error_code post_slow(treadle::thread_pool& pool, int ms) {
  const std::error_code error = pool.post([ms] {
    ++started;
    program::sleep_ms(ms);
    ++ended;
  });
  if (!error) ++accepted;
  return error;
}

void make_idle() {
  CHECK_OK(post_slow(*chosen, 1));
  CHECK_OK(chosen->drain());
  must_be_complete = true;
}

void make_busy() {
  for (int i = 0; i < 2; ++i) CHECK_OK(post_slow(*chosen, 50));
  CHECK(eventually([] { return started == 2; }));
  must_be_complete = true;
}

void make_full() {
  std::error_code error;
  while (!error) error = post_slow(*chosen, 10);
  CHECK(error == make_error_code(treadle::errc::queue_full));
  must_be_complete = drains;
  must_have_left_some = !drains;
}

/// Each task schedules the next, 30 times: a drain runs them all, a cancel stops between two.
struct chain : treadle::task {
  chain() noexcept : task(&run) {}
  static void run(task* called) noexcept {
    auto* const self = static_cast<chain*>(called);
    ++started;
    program::sleep_ms(5);
    ++ended;
    if (--self->left == 0) return;
    const std::error_code refused = chosen->schedule(*self);
    CHECK(!refused || (!drains && refused == make_error_code(treadle::errc::shut_down)));
  }
  int left = 30;
};

void make_chain() {
  static chain links[2];
  accepted = 60;
  for (chain& each : links) CHECK_OK(chosen->schedule(each));
  CHECK(eventually([] { return ended > 0; }));
  must_be_complete = drains;
  must_have_left_some = !drains;
}

[[noreturn]] void end_process(const char* way) {
  if (std::strcmp(way, "exit") == 0) std::exit(exit_code);
  if (std::strcmp(way, "quick_exit") == 0) {
    CHECK(std::at_quick_exit([] { quick_handler_ran = true; }) == 0);
    std::quick_exit(exit_code);
  }
  if (std::strcmp(way, "_exit") == 0) _exit(exit_code);
  if (std::strcmp(way, "exec") == 0) {
    // The program that takes this one's place ends with the code that is expected.
    const std::string code = "exit " + std::to_string(exit_code);
    execl("/bin/sh", "sh", "-c", code.c_str(), static_cast<char*>(nullptr));
  }
  if (std::strcmp(way, "abort") == 0) std::abort();
  if (std::strcmp(way, "terminate") == 0) std::terminate();
  program::fail("an unknown way to end", __FILE__, __LINE__);
}

// ---- exit() inside a task ------------------------------------------------------------------------------------------

[[noreturn]] void wait_for_the_end() {
  for (;;) pause();
}

/// `left`: the worker that exits goes on to the end of the process, and maybe others.
std::error_code post_exit(std::size_t left = 1) {
  threads_left = left;
  return chosen->post([] { std::exit(exit_code); });
}

/// The other worker is in the middle of a task, and more are queued: it ends that one and starts no other.
void exit_in_task() {
  must_have_left_some = true;
  accepted = 20;
  const auto slow = [] {
    ++started;
    program::sleep_ms(30);
    ++ended;
  };
  for (int i = 0; i < 4; ++i) CHECK_OK(chosen->post(slow));
  CHECK_OK(post_exit());
  for (int i = 0; i < 16; ++i) CHECK_OK(chosen->post(slow));
  wait_for_the_end();
}

/// The exiting task is the only one; its fellow worker is parked.
void exit_in_only_task() {
  CHECK_OK(post_slow(*chosen, 1));
  CHECK_OK(post_slow(*chosen, 1));
  CHECK_OK(chosen->drain());
  CHECK_OK(post_exit());
  wait_for_the_end();
}

/// main waits for the task that exits.
void exit_in_awaited_task() {
  threads_left = 1;
  chosen->run([] { std::exit(exit_code); });
}

void exit_while_main_drains() {
  threads_left = 1;
  CHECK_OK(chosen->post([] {
    program::sleep_ms(10);
    std::exit(exit_code);
  }));
  static_cast<void>(chosen->drain());
  wait_for_the_end();
}

/// Another worker of the pool waits for the task that exits: it can never go on.
void exit_while_worker_waits() {
  threads_left = 2;
  CHECK_OK(chosen->post([] {
    std::atomic<bool> waiting{false};
    auto exiting = chosen->submit([&] {
      while (!waiting) program::sleep_ms(1);
      program::sleep_ms(10);
      std::exit(exit_code);
    });
    // Not claimed by the wait: it has to run on the other worker.
    CHECK(eventually([&] { return chosen->stats().active == 2; }));
    program::sleep_ms(20);
    waiting = true;
    exiting.get();
  }));
  wait_for_the_end();
}

/// Tasks that schedule themselves again for ever.
void exit_beside_endless_task() {
  static treadle::task again;
  again.callback = [](treadle::task* self) noexcept {
    ++started;
    ++ended;
    static_cast<void>(chosen->schedule(*self));
  };
  CHECK_OK(chosen->schedule(again));
  CHECK(eventually([] { return started > 10; }));
  CHECK_OK(post_exit());
  wait_for_the_end();
}

/// The worker of one pool destroys another pool with work in it, as any thread would.
void exit_beside_other_pool() {
  for (int i = 0; i < 6; ++i) CHECK_OK(post_slow(other, 10));
  must_be_complete = true;
  CHECK_OK(post_exit());
  wait_for_the_end();
}

void exit_in_blocking() {
  threads_left = 1;
  CHECK_OK(chosen->post([] { treadle::blocking([] { std::exit(exit_code); }); }));
  wait_for_the_end();
}

/// One worker sleeps in blocking() while another exits.
void exit_beside_blocked_worker() {
  may_leave_running = true;  // it is in nobody's way, and may not be waited for: it may block for ever
  CHECK_OK(chosen->post([] {
    ++started;
    treadle::blocking([] { wait_for_the_end(); });
  }));
  CHECK(eventually([] { return chosen->stats().blocked == 1; }));
  CHECK_OK(post_exit(2));
  wait_for_the_end();
}

void exit_in_default_pool() {
  threads_left = 1;
  CHECK_OK(treadle::default_pool().post([] { std::exit(exit_code); }));
  wait_for_the_end();
}

constexpr program::scenario scenarios[] = {
    {"unused", [] {}},
    {"idle", &make_idle},
    {"busy", &make_busy},
    {"full", &make_full},
    {"chain", &make_chain},
    {"in_task", &exit_in_task},
    {"in_only_task", &exit_in_only_task},
    {"in_awaited_task", &exit_in_awaited_task},
    {"while_main_drains", &exit_while_main_drains},
    {"while_worker_waits", &exit_while_worker_waits},
    {"beside_endless_task", &exit_beside_endless_task},
    {"beside_other_pool", &exit_beside_other_pool},
    {"in_blocking", &exit_in_blocking},
    {"beside_blocked_worker", &exit_beside_blocked_worker},
    {"in_default_pool", &exit_in_default_pool},
};

}  // namespace

int main(int argc, char** argv) {
  CHECK(argc == 4);
  drains = std::strcmp(argv[3], "drain") == 0;
  chosen = drains ? &draining : &cancelling;
  threads_before = program::count_threads();
  const int status = program::run_scenario(scenarios, argc, argv);
  if (status != 0) return status;
  if (std::strcmp(argv[2], "return") == 0) return exit_code;
  end_process(argv[2]);
}
