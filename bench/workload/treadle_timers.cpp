#include "timing.hpp"
#include "treadle_io.hpp"

#include <treadle/timer.hpp>
#include <treadle/treadle.hpp>

#include <chrono>
#include <deque>
#include <system_error>

namespace {

using std::chrono::nanoseconds;
using std::chrono::steady_clock;

void require(const std::error_code& error) {
  if (error) std::abort();
}

class alarm : public treadle::timer {
 public:
  explicit alarm(treadle::thread_pool& pool) : timer(pool, &expired) {}

  void arm_after(std::uint64_t ns) { require(arm(nanoseconds(ns))); }
  void arm_due(bench::due_time& when) {
    due_ = &when;
    require(arm(steady_clock::time_point(nanoseconds(when.at_ns))));
  }

 private:
  static void expired(timer& self) noexcept { static_cast<alarm&>(self).due_->note(); }
  bench::due_time* due_ = nullptr;
};

/// Timers of a pool; what is measured runs on one of its workers.
struct alarms {
  explicit alarms(const bench::request& asked) : pool({.max_threads = asked.workers()}) {
    for (std::uint64_t i = asked.number("n", 1'000'000); i != 0; --i) all.emplace_back(pool);
  }
  treadle::thread_pool pool;
  std::deque<alarm> all;
};

void arm_cancel(const bench::request& asked, bench::answer& given) {
  static alarms timers(asked);
  timers.pool.run([&] {
    bench::measure_arm_cancel(
        asked, given, [&](std::uint64_t i, std::uint64_t ns) { timers.all[i].arm_after(ns); },
        [&](std::uint64_t i) { timers.all[i].cancel(); }, [] {});
  });
}

void rearm(const bench::request& asked, bench::answer& given) {
  static alarms timers(asked);
  const auto arm = [&](std::uint64_t i, std::uint64_t ns) { timers.all[i].arm_after(ns); };
  const auto arm_again = [&](std::uint64_t i, std::uint64_t ns) {
    if (!timers.all[i].rearm(nanoseconds(ns))) std::abort();
  };
  timers.pool.run([&] { bench::measure_rearm(asked, given, arm, arm_again, [] {}); });
}

void expire(const bench::request& asked, bench::answer& given) {
  static alarms timers(asked);
  static std::vector<bench::due_time> due;
  bench::measure_expire(
      asked, given, due, [&](std::uint64_t i, std::uint64_t ns) { timers.all[i].arm_after(ns); },
      [&](std::uint64_t i, std::uint64_t) { timers.all[i].arm_due(due[i]); }, &bench::sleep_until_ns);
}

constexpr bench::entry rows[] = {{"timers_arm_cancel", arm_cancel}, {"timers_rearm", rearm}, {"timers_expire", expire}};

}  // namespace

std::span<const bench::entry> bench::treadle_timer_rows() { return rows; }
