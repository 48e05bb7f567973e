#pragma once

#include "contender.hpp"
#include "ticks.hpp"

#include <cstdint>
#include <vector>

/// What the timer rows have in common.
namespace bench {

/// When timers shall expire: random, but the same for all.
class deadlines {
 public:
  /// Returns a time from now, between 10 s and 60 s.
  std::uint64_t far_ns() noexcept { return 10'000'000'000 + next() % 50'000'000'000; }
  /// Returns a number below `n`.
  std::uint64_t below(std::uint64_t n) noexcept { return next() % n; }

 private:
  std::uint64_t next() noexcept {
    state_ ^= state_ << 13;
    state_ ^= state_ >> 7;
    state_ ^= state_ << 17;
    return state_;
  }
  std::uint64_t state_ = 0x9e3779b97f4a7c15;
};

/// Arms n timers by `arm(i, from_now_ns)`, cancels 99 of 100 by `cancel(i)`, the others outside the clock; a tenth of
/// them as warm-up, all for the figures. `settle` does what a cancel has left to be done.
template <class Arm, class Cancel, class Settle>
void measure_arm_cancel(const request& asked, answer& given, Arm arm, Cancel cancel, Settle settle) {
  const std::uint64_t all = asked.number("n", 1'000'000);
  for (const std::uint64_t n : {all / 10, all}) {
    const auto timers = static_cast<double>(n);
    deadlines random;
    const std::uint64_t cpu = cpu_ns(), begin = wall_ns();
    for (std::uint64_t i = 0; i < n; ++i) arm(i, random.far_ns());
    const std::uint64_t armed = wall_ns();
    for (std::uint64_t i = 0; i < n; ++i) {
      if (i % 100 != 0) cancel(i);
    }
    settle();
    const std::uint64_t end = wall_ns(), spent = cpu_ns() - cpu;
    for (std::uint64_t i = 0; i < n; i += 100) cancel(i);
    settle();
    if (n != all) continue;
    given.add("arm_ns", static_cast<double>(armed - begin) / timers);
    given.add("cancel_ns", static_cast<double>(end - armed) / (timers * 0.99));
    given.add("cpu_ns", static_cast<double>(spent) / timers);
  }
}

/// With n timers armed, arms one of them at random anew by `arm_again(i, from_now_ns)`, a quarter of n times.
template <class Arm, class ArmAgain, class Settle>
void measure_rearm(const request& asked, answer& given, Arm arm, ArmAgain arm_again, Settle settle) {
  const std::uint64_t n = asked.number("n", 1'000'000);
  deadlines random;
  for (std::uint64_t i = 0; i < n; ++i) arm(i, random.far_ns());
  const std::uint64_t times = n / 4, cpu = cpu_ns(), begin = wall_ns();
  for (std::uint64_t i = 0; i < times; ++i) {
    const std::uint64_t chosen = random.below(n);
    arm_again(chosen, random.far_ns());
  }
  settle();
  given.add("wall_ns", static_cast<double>(wall_ns() - begin) / static_cast<double>(times));
  given.add("cpu_ns", static_cast<double>(cpu_ns() - cpu) / static_cast<double>(times));
}

/// When a timer was due, and how late it was.
struct due_time {
  std::uint64_t at_ns = 0;
  std::uint64_t late_ns = 0;

  /// To be called by the expiry.
  void note() noexcept {
    const std::uint64_t now = wall_ns();
    if (now < at_ns) std::abort();
    late_ns = now - at_ns;
    tick();
  }
};

/// How many expiries this thread has noted: for those who run all of them on one.
inline std::uint64_t noted_here() noexcept {
  return my_ticks == nullptr ? 0 : my_ticks->count.load(std::memory_order_relaxed);
}

/// n timers are armed, of which a tenth expire evenly spread over half a second. `arm(i, from_now_ns)` arms one that
/// does not, `arm_due(i, at_ns)` one that does: it calls `due[i].note()`. `wait_until(at_ns)` lets them, or runs them.
template <class Arm, class ArmDue, class Wait>
void measure_expire(const request& asked, answer& given, std::vector<due_time>& due, Arm arm, ArmDue arm_due,
                    Wait wait_until) {
  constexpr std::uint64_t lead_ns = 400'000'000, window_ns = 500'000'000;
  const std::uint64_t n = asked.number("n", 1'000'000), expiring = n / 10;
  due.resize(expiring);
  deadlines random;
  for (std::uint64_t i = expiring; i < n; ++i) arm(i, random.far_ns());
  const std::uint64_t first = wall_ns() + lead_ns;
  for (std::uint64_t i = 0; i < expiring; ++i) {
    due[i].at_ns = first + random.below(window_ns);
    arm_due(i, due[i].at_ns);
  }
  if (wall_ns() > first) std::abort();
  const std::uint64_t cpu = cpu_ns();
  wait_until(first + window_ns + 3'000'000);
  wait_for_ticks(expiring);
  given.add("cpu_ns", static_cast<double>(cpu_ns() - cpu) / static_cast<double>(expiring));
  std::vector<double> late;
  for (const due_time& each : due) late.push_back(static_cast<double>(each.late_ns));
  std::sort(late.begin(), late.end());
  given.add("p50_ns", late[late.size() / 2]);
  given.add("p99_ns", late[late.size() * 99 / 100]);
  given.add("max_ns", late.back());
}

}  // namespace bench
