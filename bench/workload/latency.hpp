#pragma once

#include "contender.hpp"

#include <atomic>

namespace bench {

/// When the last hand-over was submitted and when it started.
struct handover {
  std::atomic<std::uint64_t> started{0};

  /// The body of the task that is handed over.
  void arrive() noexcept { started.store(wall_ns(), std::memory_order_release); }
};

/// Waits until `workers` tasks run at the same time, so that every worker exists before anything is pinned or timed.
/// `post(f)` submits the callable `f`.
template <class Post>
void start_all_workers(unsigned workers, Post post) {
  static std::atomic<unsigned> inside{0};
  static std::atomic<unsigned> left{0};
  inside = 0;
  left = 0;
  for (unsigned i = 0; i < workers; ++i) {
    post([workers] {
      inside.fetch_add(1);
      while (inside.load() < workers) sleep_ns(20'000);
      left.fetch_add(1);
    });
    sleep_ns(200'000);
  }
  while (left.load() < workers) sleep_ns(50'000);
  sleep_ns(2'000'000);
}

inline double at_quantile(const std::vector<std::uint64_t>& sorted, double quantile) {
  const double place = quantile * static_cast<double>(sorted.size() - 1);
  return static_cast<double>(sorted[static_cast<std::size_t>(place + 0.5)]);
}

/// Samples submit-to-start: `submit()` hands `slot.arrive` over. The submitter sleeps meanwhile, as one does that has
/// nothing else to do; with everything on one processor it must, or the worker could not start.
template <class Submit>
void measure_latency(const request& asked, answer& given, handover& slot, Submit submit) {
  const std::uint64_t idle = asked.number("idle_us", 500) * 1000;
  const std::uint64_t samples = asked.number("samples", 500);
  pin_as_submitter(asked);
  std::vector<std::uint64_t> latencies;
  latencies.reserve(samples);
  std::uint64_t cpu = 0;
  for (std::uint64_t i = 0; i < samples + samples / 10; ++i) {
    if (i == samples / 10) cpu = cpu_ns();
    slot.started.store(0, std::memory_order_relaxed);
    const std::uint64_t submitted = wall_ns();
    submit();
    std::uint64_t started = 0;
    do {
      sleep_ns(20'000);
      started = slot.started.load(std::memory_order_acquire);
    } while (started == 0);
    if (i >= samples / 10) latencies.push_back(started - submitted);
    sleep_ns(idle);
  }
  given.add("cpu_ns", static_cast<double>(cpu_ns() - cpu) / static_cast<double>(samples));
  std::sort(latencies.begin(), latencies.end());
  given.add("p50_ns", at_quantile(latencies, 0.50));
  given.add("p99_ns", at_quantile(latencies, 0.99));
}

/// Trickle: a short task at a fixed rate, far below what one worker could do. `submit()` hands over one task that
/// spins for `task_ns` and then calls `tick`.
template <class Submit, class Wait>
void measure_trickle(const request& asked, answer& given, Submit submit, Wait wait) {
  const std::uint64_t tasks = asked.number("n", 20'000);
  const std::uint64_t period = asked.number("period_us", 100) * 1000;
  prctl(PR_SET_TIMERSLACK, 1UL);
  const std::uint64_t cpu = cpu_ns();
  const std::uint64_t start = wall_ns();
  for (std::uint64_t i = 0; i < tasks; ++i) {
    sleep_until_ns(start + i * period);
    submit();
  }
  wait(tasks);
  given.add("cpu_ns", static_cast<double>(cpu_ns() - cpu) / static_cast<double>(tasks));
  given.add("wall_ns", static_cast<double>(wall_ns() - start) / static_cast<double>(tasks));
}

inline constexpr std::uint64_t trickle_task_ns = 5000;

}  // namespace bench
