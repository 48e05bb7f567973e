// Configurations that cannot be met, and those that only look so: an error or a documented clamp, never a hang.
#include "check.hpp"

#include <treadle/treadle.hpp>

#include <pthread.h>
#include <sched.h>

#include <climits>
#include <cstdint>
#include <fstream>
#include <memory>
#include <string>

using namespace std::chrono_literals;
using program::eventually;
using treadle::errc;
using treadle::pool_config;
using treadle::thread_pool;

namespace {

struct counted : treadle::task {
  counted() noexcept : task([](task* self) noexcept { ++static_cast<counted*>(self)->runs; }) {}
  std::atomic<int> runs{0};
};

/// Every way in gives the same answer, and everything else goes on to be harmless.
void expect_fault(const pool_config& config, errc fault) {
  const std::error_code expected = make_error_code(fault);
  {
    thread_pool pool(config);
    CHECK(pool.start() == expected);
    CHECK(pool.start() == expected);
  }
  thread_pool pool(config);
  counted one, two;
  CHECK(pool.schedule(one) == expected);
  treadle::batch both = treadle::batch::of(one, two);
  CHECK(pool.schedule(both) == expected);
  CHECK(both.size() == 2);
  auto owned = std::make_unique<int>(5);
  auto callable = [owned = std::move(owned)] { return *owned; };
  CHECK(pool.post(std::move(callable)) == expected);
  CHECK(callable() == 5);
  bool caught = false;
  try {
    pool.run([] {});
  } catch (const std::system_error& error) {
    caught = error.code() == expected && !error.code().message().empty();
  }
  CHECK(caught);
  CHECK(one.runs == 0 && two.runs == 0);
  CHECK_OK(pool.drain());
  CHECK(pool.stats().threads_started == 0);
  CHECK(pool.worker_limit() == 0);
  CHECK(!pool.shutdown().error);
  CHECK_OK(pool.join());
}

void expect_works(const pool_config& config) {
  thread_pool pool(config);
  CHECK_OK(pool.start());
  CHECK(pool.run([] { return 6; }) == 6);
  counted one;
  CHECK_OK(pool.schedule(one));
  CHECK_OK(pool.drain());
  CHECK(one.runs == 1);
  CHECK(pool.run([&] { return pool.submit([] { return 7; }).get(); }) == 7);
}

// ---- stacks --------------------------------------------------------------------------------------------------------

std::size_t own_stack_bytes() {
  pthread_attr_t attributes;
  CHECK(pthread_getattr_np(pthread_self(), &attributes) == 0);
  void* address = nullptr;
  std::size_t bytes = 0;
  CHECK(pthread_attr_getstack(&attributes, &address, &bytes) == 0);
  pthread_attr_destroy(&attributes);
  return bytes;
}

void stack_too_small() {
  const auto least = static_cast<std::size_t>(sysconf(_SC_THREAD_STACK_MIN));
  for (const std::size_t bytes : {std::size_t{1}, std::size_t{4095}, least / 2, least - 1}) {
    expect_fault({.stack_bytes = bytes}, errc::bad_stack_size);
  }
}

void stack_too_large() {
  for (const std::size_t bytes : {SIZE_MAX, SIZE_MAX / 2, (std::size_t{1} << 40) + 1}) {
    expect_fault({.stack_bytes = bytes}, errc::bad_stack_size);
  }
}

void stack_odd() {
  const std::size_t base = program::is_sanitized ? std::size_t{1} << 20 : std::size_t{128} << 10;
  for (const std::size_t more : {1u, 7u, 999u, 4097u, 65535u}) {
    const pool_config config{.max_threads = 1, .stack_bytes = base + more};
    expect_works(config);
    thread_pool pool(config);
    CHECK(pool.run(&own_stack_bytes) >= base + more);
  }
}

/// The very least that the system allows must be enough for the pool itself, and for a task that does little.
void stack_least() {
  const auto least = static_cast<std::size_t>(sysconf(_SC_THREAD_STACK_MIN));
  thread_pool pool({.max_threads = 2, .stack_bytes = program::is_sanitized ? least + (256 << 10) : least});
  counted tasks[100];
  for (counted& each : tasks) CHECK_OK(pool.schedule(each));
  CHECK_OK(pool.drain());
  CHECK_OK(pool.join());
  for (const counted& each : tasks) CHECK(each.runs == 1);
}

// ---- numbers of threads --------------------------------------------------------------------------------------------

void too_many_threads() {
  expect_fault({.max_threads = 100'000}, errc::too_many_threads);
  expect_fault({.max_threads = UINT32_MAX}, errc::too_many_threads);
  expect_fault({.max_threads = thread_pool::max_workers + 1}, errc::too_many_threads);
  expect_fault({.max_threads = 1, .max_spare_threads = thread_pool::max_workers}, errc::too_many_threads);
  expect_fault({.max_spare_threads = UINT32_MAX - 1}, errc::too_many_threads);
}

void zero_threads_means_the_default() {
  thread_pool pool({.max_threads = 0});
  CHECK(pool.worker_limit() == treadle::available_parallelism());
  expect_works({.max_threads = 0});
}

/// Threads start with the work, so a vast width costs a table.
void as_many_threads_as_possible() {
  const pool_config config{.max_threads = thread_pool::max_workers, .max_spare_threads = pool_config::no_spares};
  expect_works(config);
  thread_pool pool(config);
  CHECK(pool.worker_limit() == thread_pool::max_workers);
  CHECK(pool.run([] { return 1; }) == 1);
  CHECK(pool.stats().threads_started <= 2);
}

void no_spares() { expect_works({.max_threads = 1, .max_spare_threads = pool_config::no_spares}); }

// ---- CPUs ----------------------------------------------------------------------------------------------------------

void no_such_cpu() {
  static constexpr std::uint32_t far[] = {100'000};
  static constexpr std::uint32_t last[] = {UINT32_MAX};
  static constexpr std::uint32_t beyond_any_mask[] = {16'384};
  expect_fault({.pin = treadle::pin_policy::on(far, 1)}, errc::bad_cpu);
  expect_fault({.pin = treadle::pin_policy::on(last, 1)}, errc::bad_cpu);
  expect_fault({.pin = treadle::pin_policy::on(beyond_any_mask, 1)}, errc::bad_cpu);
  expect_fault({.pin = treadle::pin_policy::on(nullptr, 3)}, errc::bad_cpu);
  expect_fault({.pin = treadle::pin_policy::on(far, 0)}, errc::bad_cpu);
}

std::size_t count_cpus_of_this_thread() {
  cpu_set_t set;
  CHECK(sched_getaffinity(0, sizeof set, &set) == 0);
  return static_cast<std::size_t>(CPU_COUNT(&set));
}

/// One CPU of the list is good, one is not; and a list of good ones is obeyed.
void some_cpus() {
  const auto here = static_cast<std::uint32_t>(sched_getcpu());
  static std::uint32_t mixed[2], good[1];
  mixed[0] = good[0] = here;
  mixed[1] = 100'000;
  expect_fault({.pin = treadle::pin_policy::on(mixed, 2)}, errc::bad_cpu);
  expect_works({.max_threads = 4, .pin = treadle::pin_policy::on(good, 1)});
  thread_pool pool({.max_threads = 4, .pin = treadle::pin_policy::on(good, 1)});
  CHECK(pool.run([] { return static_cast<std::uint32_t>(sched_getcpu()); }) == here);
}

/// A pinned worker is no limit to others: neither to what it reports, nor to what it starts.
void pinned_worker_passes_nothing_on() {
  const std::size_t all = count_cpus_of_this_thread();
  const std::uint32_t width = treadle::available_parallelism();
  for (const treadle::pin_policy& policy : {treadle::pin_policy::compact(), treadle::pin_policy::scatter()}) {
    thread_pool pinned({.max_threads = 2, .pin = policy});
    CHECK(pinned.run(&count_cpus_of_this_thread) == 1);
    CHECK(pinned.run([] { return treadle::available_parallelism(); }) == width);
    const std::size_t of_other = pinned.run([] {
      thread_pool other({.max_threads = 1});
      return other.run(&count_cpus_of_this_thread);
    });
    CHECK(of_other == all);
  }
}

// ---- the rest ------------------------------------------------------------------------------------------------------

std::string own_name() {
  std::string name;
  std::getline(std::ifstream("/proc/thread-self/comm"), name);
  return name;
}

void names() {
  expect_fault({.name = "sixteen_bytes_xx"}, errc::bad_name);
  expect_fault({.name = "a name that is very much longer than any thread's may be"}, errc::bad_name);
  expect_works({.name = ""});
  thread_pool longest({.max_threads = 1, .name = "fifteen_bytes_x"});
  const std::string name = longest.run(&own_name);
  CHECK(name.size() == 15 && name.substr(0, 13) == "fifteen_bytes" && name.substr(13) == "-0");
  thread_pool named({.max_threads = 1, .name = "weaver"});
  CHECK(named.run(&own_name) == "weaver-0");
  thread_pool unnamed({.max_threads = 1});
  CHECK(unnamed.run(&own_name) == "treadle-0");
}

void durations() {
  for (const auto retire : {std::chrono::nanoseconds::max(), std::chrono::nanoseconds::min(), -1ns, 1ns}) {
    expect_works({.max_threads = 2, .retire_after = retire});
  }
  // The worker is to stay, not to retire at once on account of an overflow.
  thread_pool pool({.max_threads = 1, .retire_after = std::chrono::nanoseconds::max()});
  CHECK(pool.run([] { return 1; }) == 1);
  program::sleep_ms(20);
  CHECK(pool.stats().threads == 1);
  for (const std::int64_t spin : {INT64_MIN, std::int64_t{-1}, std::int64_t{1}}) {
    expect_works({.max_threads = 2, .spin_ns = spin});
  }
  // For ever is what was asked for; but a shutdown ends it.
  expect_works({.max_threads = 1, .spin_ns = INT64_MAX});
}

void queue_bounds() {
  expect_works({.max_queued = 1});
  expect_works({.max_queued = SIZE_MAX});
  thread_pool pool({.max_threads = 1, .max_queued = 2});
  counted three[3];
  treadle::batch more = treadle::batch::of(three[0], three[1], three[2]);
  CHECK(pool.schedule(more) == make_error_code(errc::queue_full));
  CHECK(more.size() == 3);
}

constexpr program::scenario scenarios[] = {
    {"stack_too_small", &stack_too_small},
    {"stack_too_large", &stack_too_large},
    {"stack_odd", &stack_odd},
    {"stack_least", &stack_least},
    {"too_many_threads", &too_many_threads},
    {"zero_threads_means_the_default", &zero_threads_means_the_default},
    {"as_many_threads_as_possible", &as_many_threads_as_possible},
    {"no_spares", &no_spares},
    {"no_such_cpu", &no_such_cpu},
    {"some_cpus", &some_cpus},
    {"pinned_worker_passes_nothing_on", &pinned_worker_passes_nothing_on},
    {"names", &names},
    {"durations", &durations},
    {"queue_bounds", &queue_bounds},
};

}  // namespace

int main(int argc, char** argv) { return program::run_scenario(scenarios, argc, argv); }
