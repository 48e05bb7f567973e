// Random programs for a given time, one slice of a soak of any length: memory, handles and threads must stay flat and
// the counters agree. Options: --seconds N, --workers MOST, --state FILE (totals, resumed), --report FILE.
#include "../stress/grammar/pool_run.hpp"
#include "../stress/grammar/program.hpp"
#include "footprint.hpp"
#include "options.hpp"
#include "totals.hpp"
#include <random.hpp>

#include <treadle/treadle.hpp>

#include <malloc.h>

#include <atomic>
#include <chrono>
#include <cstdint>
#include <cstdlib>
#include <iostream>
#include <string>
#include <thread>
#include <utility>
#include <vector>

namespace treadle::test {
namespace {

using clock = std::chrono::steady_clock;
using namespace std::chrono_literals;

std::uint64_t now_ns() { return static_cast<std::uint64_t>(clock::now().time_since_epoch().count()); }

/// A task that notes how long it waited for a worker.
struct wake_probe : task {
  wake_probe() noexcept
      : task([](task* called) noexcept {
          auto* const self = static_cast<wake_probe*>(called);
          self->started.store(now_ns(), std::memory_order_release);
        }) {}
  std::atomic<std::uint64_t> started{0};
};

class slice {
 public:
  slice(const soak_options& asked, soak_totals& totals)
      : asked_(asked), totals_(totals), random_(run_seed()), idler_(config_of_idler()) {}

  /// Returns whether nothing failed.
  bool run() {
    const auto begin = clock::now();
    const std::uint64_t failures_before = totals_.failures;
    run_until(begin + std::min<clock::duration>(asked_.length / 4, 5s));
    const footprint before = footprint::now();
    run_until(begin + asked_.length);
    const footprint after = footprint::now();
    print_growth(std::cout, before, after);
    expect(after.objects == before.objects, "objects are left");
    expect(after.handles == before.handles, "handles are left");
    expect(after.threads == before.threads, "threads are left");
    expect(after.kib < before.kib + before.kib / 8 + 4096, "memory grows");
    const pool_stats idle = idler_.stats();
    expect(idle.tasks_run == probes_ && idle.threads == idle.active + idle.parked + idle.blocked,
           "the counters of the pool that lives on disagree");
    ++totals_.slices;
    totals_.milliseconds += static_cast<std::uint64_t>((clock::now() - begin) / 1ms);
    return totals_.failures == failures_before;
  }

 private:
  static pool_config config_of_idler() {
    pool_config made;
    made.max_threads = 1;
    made.retire_after = -1ns;
    return made;
  }

  void run_until(clock::time_point end) {
    while (clock::now() < end) {
      for (int i = 0; i < 32; ++i) run_program();
      for (int i = 0; i < 8; ++i) probe();
    }
  }

  void run_program() {
    const std::vector<std::uint8_t> bytes = grammar::random_bytes(random_, random_.one_in(50) ? 4'000 : 250);
    const auto workers = static_cast<std::uint32_t>(1 + random_.below(asked_.workers));
    const grammar::program meant = grammar::parse(bytes);
    std::string faults;
    {
      grammar::pool_run run(meant, workers);
      run.measure_stalls();
      faults = run.run();
      totals_.tasks += run.visited();
      totals_.longest_stall_ns = std::max(totals_.longest_stall_ns, run.longest_stall_ns());
    }
    ++totals_.cycles;
    expect(faults.empty(),
           faults + "TREADLE_TEST_PROGRAM=" + grammar::to_hex(bytes) + ", workers " + std::to_string(workers));
  }

  void probe() {
    std::this_thread::sleep_for(200us);
    probe_.started.store(0, std::memory_order_relaxed);
    const std::uint64_t handed_over = now_ns();
    expect(!idler_.schedule(probe_), "an idle pool refused a task");
    ++probes_;
    for (int looks = 0; probe_.started.load(std::memory_order_acquire) == 0; ++looks) {
      std::this_thread::sleep_for(20us);
      if (looks > 1'000'000) {
        expect(false, "an idle pool does not wake up");
        std::abort();
      }
    }
    totals_.wakes.add(probe_.started.load(std::memory_order_relaxed) - handed_over);
    static_cast<void>(idler_.drain());
  }

  void expect(bool holds, const std::string& what) {
    if (holds) return;
    ++totals_.failures;
    std::cout << "soak: " << what << '\n' << std::flush;  // what follows may hang
  }

  const soak_options& asked_;
  soak_totals& totals_;
  random_source random_;
  thread_pool idler_;
  wake_probe probe_;
  std::uint64_t probes_ = 0;
};

}  // namespace
}  // namespace treadle::test

int main(int argc, char** argv) {
  using namespace treadle::test;
  mallopt(M_ARENA_MAX, 2);  // memory that threads keep for themselves is no leak, but looks like one
  const soak_options asked = soak_options::from(argc, argv);
  soak_totals totals;
  if (!asked.state.empty()) totals.load(asked.state);
  bool right = slice(asked, totals).run();
  if (!asked.state.empty()) right = totals.save(asked.state) && right;
  if (!asked.report.empty()) right = totals.report(asked.report) && right;
  std::cout << totals.slices << " slices, " << totals.milliseconds / 1000 << " s, " << totals.cycles << " cycles, "
            << totals.tasks << " tasks, " << totals.failures << " failures\n";
  return right ? 0 : 1;
}
