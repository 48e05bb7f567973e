// A pool where the machine gives little: one CPU, no files, no threads, no address space, no memory.
#include "check.hpp"
#include "failing_threads.hpp"

#include <treadle/treadle.hpp>

#include <sched.h>
#include <sys/resource.h>

#include <cerrno>
#include <cstdlib>
#include <fstream>
#include <memory>
#include <new>
#include <string>
#include <vector>

using namespace std::chrono_literals;
using program::eventually;

// ---- allocations that fail on demand -------------------------------------------------------------------------------

namespace {
std::atomic<int> allocations_until_failure{-1};  // negative: none fails

[[maybe_unused]] bool fails_now() {
  int left = allocations_until_failure;
  while (left >= 0 && !allocations_until_failure.compare_exchange_weak(left, left == 0 ? 0 : left - 1)) {
  }
  return left == 0;
}
}  // namespace

// The forms that the library uses where it can do without. Their memory comes from the usual ones, and goes back there.
// Clang's thread sanitizer brings every form itself and lets nobody replace one.
#if !(TREADLE_THREAD_SANITIZER && defined(__clang__))
void* operator new(std::size_t bytes, const std::nothrow_t&) noexcept {
  return fails_now() ? nullptr : ::operator new(bytes);
}
void* operator new[](std::size_t bytes, const std::nothrow_t&) noexcept {
  return fails_now() ? nullptr : ::operator new[](bytes);
}
void* operator new(std::size_t bytes, std::align_val_t alignment, const std::nothrow_t&) noexcept {
  return fails_now() ? nullptr : ::operator new(bytes, alignment);
}
void* operator new[](std::size_t bytes, std::align_val_t alignment, const std::nothrow_t&) noexcept {
  return fails_now() ? nullptr : ::operator new[](bytes, alignment);
}
#endif

#if TREADLE_PROGRAM_SANITIZED
// A sanitizer opens files for its own checks, and takes a refusal for a fault of the program. So only ours are refused.
namespace {
std::atomic<bool> refuses_files{false};
}
extern "C" int open(const char* path, int flags, ...) {
  if (refuses_files) {
    errno = EMFILE;
    return -1;
  }
  return openat(AT_FDCWD, path, flags, 0600);
}
#endif

namespace {

struct counted : treadle::task {
  counted() noexcept : task([](task* self) noexcept { ++static_cast<counted*>(self)->runs; }) {}
  std::atomic<int> runs{0};
};

treadle::pool_config with_threads(std::uint32_t count) {
  treadle::pool_config config;
  config.max_threads = count;
  return config;
}

/// Work with waits, wake-ups and spares in it.
void expect_works(treadle::thread_pool& pool) {
  std::vector<counted> tasks(500);
  for (counted& each : tasks) CHECK_OK(pool.schedule(each));
  CHECK(pool.run([&] {
    int sum = 0;
    for (int i = 0; i < 20; ++i) sum += pool.submit([] { return 1; }).get();
    return sum;
  }) == 20);
  std::atomic<int> turns{0};
  CHECK_OK(pool.post([&] {
    treadle::blocking([&] { CHECK(eventually([&] { return turns == 1; })); });
    ++turns;
  }));
  CHECK_OK(pool.post([&] { ++turns; }));
  CHECK_OK(pool.drain());
  CHECK(turns == 2);
  for (const counted& each : tasks) CHECK(each.runs == 1);
}

void one_cpu() {
  cpu_set_t allowed;
  CHECK(sched_getaffinity(0, sizeof allowed, &allowed) == 0);
  std::size_t first = 0;
  while (!CPU_ISSET(first, &allowed)) ++first;
  CPU_ZERO(&allowed);
  CPU_SET(first, &allowed);
  CHECK(sched_setaffinity(0, sizeof allowed, &allowed) == 0);
  CHECK(treadle::available_parallelism() == 1);
  treadle::thread_pool of_default_width;
  CHECK(of_default_width.worker_limit() == 1);
  expect_works(of_default_width);
  treadle::thread_pool wide(with_threads(8));
  expect_works(wide);
  // A spinning worker must not keep the one that it waits for from the CPU.
  std::atomic<int> turn{0};
  for (int me = 0; me < 2; ++me) {
    CHECK_OK(wide.post([&turn, me] {
      for (int i = 0; i < 200; ++i) {
        while (turn % 2 != me) std::this_thread::yield();
        ++turn;
      }
    }));
  }
  CHECK_OK(wide.drain());
  CHECK(turn == 400);
}

/// ulimit -n 3: nothing can be opened, so no quota can be read.
void no_files() {
#if TREADLE_PROGRAM_SANITIZED
  refuses_files = true;
#else
  const rlimit three{3, 3};
  CHECK(setrlimit(RLIMIT_NOFILE, &three) == 0);
#endif
  CHECK(open("/dev/null", O_RDONLY | O_CLOEXEC) < 0);
  CHECK(treadle::available_parallelism() >= 1);
  treadle::thread_pool pool;
  CHECK(pool.worker_limit() == treadle::available_parallelism());
  expect_works(pool);
  CHECK_OK(pool.join());
}

void no_standard_streams() {
  for (int file = 0; file < 3; ++file) close(file);
  treadle::thread_pool pool;
  expect_works(pool);
}

// ---- the system's own refusals -------------------------------------------------------------------------------------

/// Calls `refuse`, expects the caller to do the work; calls `allow`, expects a worker to do it.
template <class Refuse, class Allow>
void expect_fallback(treadle::pool_config config, Refuse&& refuse, Allow&& allow) {
  treadle::thread_pool pool(config);
  CHECK_OK(pool.start());
  const auto caller = std::this_thread::get_id();
  refuse();
  CHECK(pool.run([&] { return std::this_thread::get_id() == caller; }));
  counted queued;
  CHECK_OK(pool.schedule(queued));
  CHECK_OK(pool.drain());
  CHECK(queued.runs == 1);
  CHECK(pool.stats().thread_start_failures >= 1);
  CHECK(pool.stats().threads_started == 0);
  allow();
  CHECK(eventually([&] { return pool.run([&] { return std::this_thread::get_id() != caller; }); }));
  CHECK(pool.stats().threads_started >= 1);
}

void no_processes() {
  // Root is above this limit; so be someone else, for good.
  if (geteuid() == 0) CHECK(setresuid(65534, 65534, 65534) == 0);
  rlimit before{};
  CHECK(getrlimit(RLIMIT_NPROC, &before) == 0);
  const rlimit none{0, before.rlim_max};
  expect_fallback(
      with_threads(2), [&] { CHECK(setrlimit(RLIMIT_NPROC, &none) == 0); },
      [&] { CHECK(setrlimit(RLIMIT_NPROC, &before) == 0); });
}

std::size_t address_space_bytes() {
  std::size_t pages = 0;
  std::ifstream("/proc/self/statm") >> pages;
  return pages * static_cast<std::size_t>(sysconf(_SC_PAGESIZE));
}

void no_address_space() {
  treadle::pool_config config = with_threads(2);
  config.stack_bytes = std::size_t{256} << 20;
  rlimit before{};
  CHECK(getrlimit(RLIMIT_AS, &before) == 0);
  const auto refuse = [&] {
    // A sanitizer maps terabytes and dies itself; there the shim gives pthread_create's answer.
    if (program::is_sanitized) {
      failing_threads::set(failing_threads::all);
      return;
    }
    const rlimit tight{address_space_bytes() + (std::size_t{128} << 20), before.rlim_max};
    CHECK(setrlimit(RLIMIT_AS, &tight) == 0);
  };
  expect_fallback(config, refuse, [&] {
    failing_threads::set(failing_threads::none);
    CHECK(setrlimit(RLIMIT_AS, &before) == 0);
  });
}

/// A stack that is allowed, but that no machine can map.
void vast_stack() {
  treadle::pool_config config = with_threads(2);
  config.stack_bytes = std::size_t{1} << 40;
  if (program::is_sanitized) failing_threads::set(failing_threads::all);
  const rlimit bound{std::size_t{1} << 39, RLIM_INFINITY};
  if (!program::is_sanitized) CHECK(setrlimit(RLIMIT_AS, &bound) == 0);
  treadle::thread_pool pool(config);
  CHECK_OK(pool.start());
  CHECK(pool.run([] { return 1; }) == 1);
  CHECK_OK(pool.drain());
}

// ---- no memory -----------------------------------------------------------------------------------------------------

/// No memory for the pool's tables: refused, and whole; once there is some, it works.
void no_memory_to_start() {
  treadle::thread_pool pool(with_threads(2));
  counted first;
  allocations_until_failure = 0;
  CHECK(pool.schedule(first) == make_error_code(treadle::errc::out_of_memory));
  CHECK(pool.start() == make_error_code(treadle::errc::out_of_memory));
  allocations_until_failure = -1;
  CHECK(first.runs == 0);
  CHECK_OK(pool.schedule(first));
  CHECK_OK(pool.drain());
  CHECK(first.runs == 1);
}

/// Memory gives out at any step later: of a worker's record, of its thread. Whoever waits does the work.
void no_memory_for_a_worker() {
  for (int step = 0; step < 6; ++step) {
    treadle::thread_pool pool(with_threads(4));
    CHECK_OK(pool.start());
    std::vector<counted> tasks(100);
    allocations_until_failure = step;
    for (counted& each : tasks) CHECK_OK(pool.schedule(each));
    CHECK_OK(pool.drain());
    for (const counted& each : tasks) CHECK(each.runs == 1);
    CHECK(step > 1 || pool.stats().thread_start_failures >= 1);
    allocations_until_failure = -1;
    expect_works(pool);
  }
}

constexpr program::scenario scenarios[] = {
    {"one_cpu", &one_cpu},
    {"no_files", &no_files},
    {"no_standard_streams", &no_standard_streams},
    {"no_processes", &no_processes},
    {"no_address_space", &no_address_space},
    {"vast_stack", &vast_stack},
    {"no_memory_to_start", &no_memory_to_start},
    {"no_memory_for_a_worker", &no_memory_for_a_worker},
};

}  // namespace

int main(int argc, char** argv) { return program::run_scenario(scenarios, argc, argv); }
