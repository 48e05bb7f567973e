// What a note costs, in nanoseconds, the least of many runs: the table of docs/design/flight-recorder.md.
#include <treadle/detail/flight_recorder.hpp>
#include <treadle/treadle.hpp>

#include <array>
#include <atomic>
#include <chrono>
#include <cstdint>
#include <cstdio>

namespace {

using namespace treadle::detail;

constexpr int runs = 200, notes = 20'000;

/// Returns the least time of a call, over all runs.
template <class F>
double least_ns(F&& call) {
  double least = 1e9;
  for (int run = 0; run < runs; ++run) {
    const auto begin = std::chrono::steady_clock::now();
    for (int i = 0; i < notes; ++i) call();
    const std::chrono::duration<double, std::nano> took = std::chrono::steady_clock::now() - begin;
    const double each = took.count() / notes;
    least = each < least ? each : least;
  }
  return least;
}

/// A task that schedules itself until it has run so often.
struct again : treadle::task {
  again(treadle::thread_pool& of, int times) noexcept : task(&run), pool(of), left(times) {}
  static void run(task* self) noexcept {
    auto& mine = *static_cast<again*>(self);
    if (--mine.left != 0) {
      static_cast<void>(mine.pool.schedule(mine));
    } else {
      mine.done.store(true, std::memory_order_release);
      mine.done.notify_one();
    }
  }
  treadle::thread_pool& pool;
  int left;
  std::atomic<bool> done{false};
};

/// Returns the least time of an empty task that a task schedules, on one worker.
double least_task_ns(std::uint32_t recorder_entries) {
  treadle::thread_pool pool(treadle::pool_config{.max_threads = 1, .recorder_entries = recorder_entries});
  constexpr int times = 200'000;
  double least = 1e9;
  for (int run = 0; run < runs / 4; ++run) {
    again chain(pool, times);
    const auto begin = std::chrono::steady_clock::now();
    if (pool.schedule(chain)) return 0;
    chain.done.wait(false, std::memory_order_acquire);
    const std::chrono::duration<double, std::nano> took = std::chrono::steady_clock::now() - begin;
    static_cast<void>(pool.drain());  // the task notifies before it is over
    least = took.count() / times < least ? took.count() / times : least;
  }
  return least;
}

/// Holds the compiler to what a worker does: nothing of one note is known at the next.
void forget() { asm volatile("" ::: "memory"); }

}  // namespace

int main() {
  static std::array<flight_recorder::ring::entry, 1'024> entries;
  static flight_recorder recorder;
  recorder.adopt(entries.data(), entries.size());
  static flight_recorder::ring ring;
  ring.adopt(entries.data(), entries.size());
  const flight_word park(flight_kind::park, nullptr), run(flight_kind::run, nullptr);
  std::uint64_t sum = 0;
  const double clock = least_ns([&] { sum += clock_ticks(); });
  const double stamped = least_ns([&] {
    recorder.note_now(park, 0);
    forget();
  });
  const double by_turn = least_ns([&] {
    recorder.note(run, 0);
    forget();
  });
  const double written = least_ns([&] {
    ring.write(run.word(), 0);
    forget();
  });
  std::printf("the processor's clock        %6.1f ns\n", clock);
  std::printf("a note that is stamped       %6.1f ns\n", stamped);
  std::printf("a note that is not           %6.1f ns\n", by_turn);
  std::printf("the write into the ring      %6.1f ns\n", written);
  std::printf("an empty task, no recorder   %6.1f ns\n", least_task_ns(treadle::pool_config::no_recorder));
  std::printf("an empty task                %6.1f ns\n", least_task_ns(0));
  return sum != 0 ? 0 : 1;
}
