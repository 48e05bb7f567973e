// Signals that hit workers and waiters, and what a pool must leave as it found it.
#include "check.hpp"

#include <treadle/treadle.hpp>

#include <signal.h>
#include <sys/syscall.h>
#include <sys/time.h>

#include <filesystem>
#include <string>
#include <vector>

using namespace std::chrono_literals;
using program::eventually;

namespace {

std::atomic<int> delivered{0};

void install_handler(int signal_number, int flags) {
  struct sigaction action {};
  action.sa_handler = [](int) { delivered.fetch_add(1, std::memory_order_relaxed); };
  action.sa_flags = flags;
  CHECK(sigaction(signal_number, &action, nullptr) == 0);
}

std::vector<pid_t> thread_ids() {
  std::vector<pid_t> ids;
  for (const auto& entry : std::filesystem::directory_iterator("/proc/self/task")) {
    ids.push_back(std::atoi(entry.path().filename().c_str()));
  }
  return ids;
}

/// Sends signals to each of `targets` again and again until it is destroyed.
class signal_storm {
 public:
  signal_storm(int signal_number, std::vector<pid_t> targets)
      : thread_([this, signal_number, targets = std::move(targets)] {
          while (!stop_) {
            for (const pid_t target : targets) syscall(SYS_tgkill, getpid(), target, signal_number);
            std::this_thread::sleep_for(100us);
          }
        }) {}
  signal_storm(const signal_storm&) = delete;
  signal_storm& operator=(const signal_storm&) = delete;
  ~signal_storm() {
    stop_ = true;
    thread_.join();
  }

 private:
  std::atomic<bool> stop_{false};
  std::thread thread_;
};

treadle::pool_config four_that_stay() {
  treadle::pool_config config;
  config.max_threads = 4;
  config.retire_after = -1ns;
  return config;
}

void start_all(treadle::thread_pool& pool) {
  std::atomic<int> inside{0};
  for (int i = 0; i < 4; ++i) {
    CHECK_OK(pool.post([&] {
      ++inside;
      CHECK(eventually([&] { return inside == 4; }));
    }));
  }
  CHECK_OK(pool.drain());
  CHECK(eventually([&] { return pool.stats().parked == 4; }));
}

/// Workers sleep on; tasks that come meanwhile run once each.
void hit_parked_workers(int flags) {
  install_handler(SIGUSR1, flags);
  treadle::thread_pool pool(four_that_stay());
  start_all(pool);
  const treadle::pool_stats before = pool.stats();
  {
    const signal_storm storm(SIGUSR1, thread_ids());
    const int goal = delivered + 1000;
    CHECK(eventually([&] { return delivered > goal; }));
    const treadle::pool_stats quiet = pool.stats();
    CHECK(quiet.wakes == before.wakes);  // a signal is no wake-up
    CHECK(quiet.parks == before.parks);
    CHECK(quiet.parked == 4);
    std::atomic<int> ran{0};
    for (int i = 0; i < 500; ++i) {
      CHECK_OK(pool.post([&] { ++ran; }));
      if (i % 10 == 0) std::this_thread::sleep_for(200us);  // let them park between
    }
    CHECK_OK(pool.drain());
    CHECK(ran == 500);
  }
  CHECK_OK(pool.join());
  CHECK(pool.stats().tasks_run == before.tasks_run + 500);
}

/// Waits do not end early, nor late.
void hit_waiters(int flags) {
  install_handler(SIGUSR1, flags);
  treadle::thread_pool pool(four_that_stay());
  start_all(pool);
  const signal_storm storm(SIGUSR1, thread_ids());
  for (int round = 0; round < 5; ++round) {
    const auto begin = std::chrono::steady_clock::now();
    auto slow = pool.submit([&] {
      while (std::chrono::steady_clock::now() - begin < 60ms) std::this_thread::yield();
      return 9;
    });
    const auto wait_begin = std::chrono::steady_clock::now();
    CHECK(slow.wait_for(20ms) == treadle::future_status::timeout || std::chrono::steady_clock::now() - begin >= 60ms);
    CHECK(std::chrono::steady_clock::now() - wait_begin >= 20ms);
    CHECK(slow.get() == 9);
    CHECK(std::chrono::steady_clock::now() - begin >= 60ms);
  }
  // On a worker, through the spare that takes its place.
  const int sum = pool.run([&] {
    int total = 0;
    for (int i = 0; i < 20; ++i) {
      total += pool.submit([] {
                     std::this_thread::yield();
                     return 1;
                   })
                   .get();
    }
    return total;
  });
  CHECK(sum == 20);
  CHECK_OK(pool.drain());
  CHECK_OK(pool.join());
}

/// Threads that are started, retired and joined under signals.
void hit_everything(int flags) {
  install_handler(SIGALRM, flags);
  const itimerval often{{0, 500}, {0, 500}};
  CHECK(setitimer(ITIMER_REAL, &often, nullptr) == 0);
  for (int round = 0; round < 30; ++round) {
    std::atomic<int> ran{0};
    treadle::pool_config config;
    config.max_threads = 4;
    config.retire_after = 100us;
    treadle::thread_pool pool(config);
    for (int i = 0; i < 100; ++i) {
      CHECK_OK(pool.post([&] { ++ran; }));
      if (i % 20 == 0) std::this_thread::sleep_for(300us);
    }
    CHECK_OK(pool.join());
    CHECK(ran == 100);
  }
  const itimerval never{};
  CHECK(setitimer(ITIMER_REAL, &never, nullptr) == 0);
  CHECK(delivered > 0);
}

bool same_sets(const sigset_t& left, const sigset_t& right) {
  for (int number = 1; number < NSIG; ++number) {
    if (sigismember(&left, number) != sigismember(&right, number)) return false;
  }
  return true;
}

sigset_t current_mask() {
  sigset_t mask;
  sigemptyset(&mask);
  CHECK(pthread_sigmask(SIG_BLOCK, nullptr, &mask) == 0);
  return mask;
}

/// Handlers, masks and SIGPIPE are the program's: a pool changes none, and its threads inherit the mask.
void nothing_is_changed() {
  sigset_t blocked;
  sigemptyset(&blocked);
  sigaddset(&blocked, SIGUSR2);
  sigaddset(&blocked, SIGPIPE);
  CHECK(pthread_sigmask(SIG_BLOCK, &blocked, nullptr) == 0);
  install_handler(SIGUSR1, 0);
  const sigset_t mask_before = current_mask();
  std::vector<struct sigaction> before(NSIG);
  for (int number = 1; number < NSIG; ++number) sigaction(number, nullptr, &before[static_cast<std::size_t>(number)]);
  {
    treadle::thread_pool pool(four_that_stay());
    start_all(pool);
    CHECK(pool.run([&] { return same_sets(current_mask(), mask_before); }));
    pool.run([&] { treadle::blocking([] { std::this_thread::sleep_for(1ms); }); });
    CHECK(same_sets(current_mask(), mask_before));
  }
  CHECK(same_sets(current_mask(), mask_before));
  for (int number = 1; number < NSIG; ++number) {
    struct sigaction after {};
    if (sigaction(number, nullptr, &after) != 0) continue;
    const struct sigaction& was = before[static_cast<std::size_t>(number)];
    CHECK(after.sa_handler == was.sa_handler);
    CHECK(after.sa_flags == was.sa_flags);
    CHECK(same_sets(after.sa_mask, was.sa_mask));
  }
}

constexpr program::scenario scenarios[] = {
    {"parked_workers", [] { hit_parked_workers(0); }},
    {"parked_workers_with_restart", [] { hit_parked_workers(SA_RESTART); }},
    {"waiters", [] { hit_waiters(0); }},
    {"waiters_with_restart", [] { hit_waiters(SA_RESTART); }},
    {"everything", [] { hit_everything(0); }},
    {"everything_with_restart", [] { hit_everything(SA_RESTART); }},
    {"nothing_is_changed", &nothing_is_changed},
};

}  // namespace

int main(int argc, char** argv) { return program::run_scenario(scenarios, argc, argv); }
