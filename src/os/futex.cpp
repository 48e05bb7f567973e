#include "fault.hpp"

#include <treadle/detail/system_policy.hpp>

#include <linux/futex.h>
#include <sched.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>
#include <ctime>

namespace treadle::detail {

namespace {

timespec to_timespec(std::int64_t ns) noexcept {
  return {static_cast<time_t>(ns / 1'000'000'000), static_cast<long>(ns % 1'000'000'000)};
}

}  // namespace

bool futex_wait(const std::atomic<std::uint32_t>& word, std::uint32_t expected, std::int64_t deadline_ns) noexcept {
  timespec deadline{};
  const timespec* until = nullptr;
  if (deadline_ns != no_deadline) {
    deadline = to_timespec(deadline_ns > 0 ? deadline_ns : 0);
    until = &deadline;
  }
  // FUTEX_WAIT_BITSET takes an absolute CLOCK_MONOTONIC time: no deadline moves when a signal interrupts the wait.
  if (!os::fails(os::call::futex_wait) && syscall(SYS_futex, &word, FUTEX_WAIT_BITSET | FUTEX_PRIVATE_FLAG, expected,
                                                  until, nullptr, FUTEX_BITSET_MATCH_ANY) != -1) {
    return true;
  }
  // Whoever is interrupted all the time finds out that it is over, too.
  return errno == EINTR ? monotonic_ns() < deadline_ns : errno != ETIMEDOUT;
}

void futex_wake(const std::atomic<std::uint32_t>* word, std::uint32_t count) noexcept {
  if (os::fails(os::call::futex_wake)) sleep_thread(1'000'000);
  syscall(SYS_futex, word, FUTEX_WAKE | FUTEX_PRIVATE_FLAG, count, nullptr, nullptr, 0);
}

std::int64_t monotonic_ns() noexcept {
  timespec now{};
  clock_gettime(CLOCK_MONOTONIC, &now);
  return static_cast<std::int64_t>(now.tv_sec) * 1'000'000'000 + now.tv_nsec;
}

void yield_thread() noexcept {
  if (!os::fails(os::call::yield)) sched_yield();
}

void sleep_thread(std::int64_t ns) noexcept {
  if (os::fails(os::call::sleep)) return;
  const timespec duration = to_timespec(ns);
  clock_nanosleep(CLOCK_MONOTONIC, 0, &duration, nullptr);
}

}  // namespace treadle::detail
