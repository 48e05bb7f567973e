#include "../workload/timing.hpp"
#include "asio_io.hpp"
#include <asio.hpp>

#include <chrono>
#include <deque>
#include <thread>

namespace {

using std::chrono::nanoseconds;
using std::chrono::steady_clock;

/// Timers whose expiries run on the calling thread.
struct alarms {
  explicit alarms(const bench::request& asked) : pool(1) {
    for (std::uint64_t i = asked.number("n", 1'000'000); i != 0; --i) all.emplace_back(pool);
  }
  void arm(std::uint64_t i, std::uint64_t ns) {
    all[i].expires_after(nanoseconds(ns));
    all[i].async_wait([](const std::error_code&) {});
  }
  void settle() {
    pool.restart();
    pool.poll();
  }
  asio::io_context pool;
  std::deque<asio::steady_timer> all;
};

void arm_cancel(const bench::request& asked, bench::answer& given) {
  static alarms timers(asked);
  bench::measure_arm_cancel(
      asked, given, [&](std::uint64_t i, std::uint64_t ns) { timers.arm(i, ns); },
      [&](std::uint64_t i) { timers.all[i].cancel(); }, [&] { timers.settle(); });
}

void rearm(const bench::request& asked, bench::answer& given) {
  static alarms timers(asked);
  const auto arm = [&](std::uint64_t i, std::uint64_t ns) { timers.arm(i, ns); };
  bench::measure_rearm(asked, given, arm, arm, [&] { timers.settle(); });
}

void expire(const bench::request& asked, bench::answer& given) {
  static alarms timers(asked);
  static std::vector<bench::due_time> due;
  const auto arm_due = [&](std::uint64_t i, std::uint64_t at_ns) {
    timers.all[i].expires_at(steady_clock::time_point(nanoseconds(at_ns)));
    timers.all[i].async_wait([i](const std::error_code& error) {
      if (!error) due[i].note();
    });
  };
  bench::measure_expire(
      asked, given, due, [&](std::uint64_t i, std::uint64_t ns) { timers.arm(i, ns); }, arm_due,
      [&](std::uint64_t) {
        while (bench::noted_here() < due.size()) timers.pool.run_one();
      });
}

constexpr bench::entry rows[] = {{"timers_arm_cancel", arm_cancel}, {"timers_rearm", rearm}, {"timers_expire", expire}};

}  // namespace

std::span<const bench::entry> bench::asio_timer_rows() { return rows; }
