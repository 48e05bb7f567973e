// What a note costs, in nanoseconds, the least of many runs: the table of docs/design/flight-recorder.md.
#include <treadle/detail/flight_recorder.hpp>

#include <array>
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
  return sum != 0 ? 0 : 1;
}
