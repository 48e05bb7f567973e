#include "flight_reading.hpp"

#include <algorithm>
#include <cstddef>

namespace treadle::obs {

namespace {

using detail::flight_kind;
using detail::flight_recorder;
using detail::flight_word;
using detail::pool_core;

/// The shortest time over which two clocks are compared: a reading of each is some ten nanoseconds from the other.
constexpr std::int64_t shortest_comparison_ns = 5'000'000;

/// Makes microseconds since the pool's start of the processor's ticks.
class tick_scale {
 public:
  tick_scale(pool_core::clock_reading begin, pool_core::clock_reading end) noexcept
      : begin_(begin.ticks),
        us_a_tick_(end.ticks > begin.ticks
                       ? static_cast<double>(end.ns - begin.ns) / 1e3 / static_cast<double>(end.ticks - begin.ticks)
                       : 0) {}
  [[nodiscard]] double us(std::uint64_t ticks) const noexcept {
    return static_cast<double>(static_cast<std::int64_t>(ticks - begin_)) * us_a_tick_;
  }

 private:
  std::uint64_t begin_;
  double us_a_tick_;
};

pool_core::clock_reading read_clocks() noexcept { return {detail::clock_ticks(), detail::monotonic_ns()}; }

track read_ring(const flight_recorder& from, std::uint32_t worker) {
  track made;
  made.worker = worker;
  from.entries().read([&](std::uint64_t number, std::uint64_t what, std::uint64_t detail) {
    const flight_word word(what);
    if (made.all.empty()) made.overwritten = number;
    made.all.push_back({word.kind(), word.small(), word.address(), detail, 0, false});
  });
  return made;
}

/// Gives each happening its time, and takes the stamps out. Between two of them it is a matter of counting.
void set_times(track& of, const tick_scale& scale, double now_us) {
  std::vector<happening> timed;
  timed.reserve(of.all.size());
  double stamp_us = 0, gap_us = 0;
  std::size_t since = 0;  // where in `timed` the last stamp's happenings begin
  bool any_stamp = false;
  const auto spread = [&](double each_us) {
    for (std::size_t i = since; i < timed.size(); ++i) {
      timed[i].at_us = std::min(now_us, stamp_us + each_us * static_cast<double>(i - since));
    }
  };
  for (const happening& each : of.all) {
    if (each.kind == flight_kind::stamp) {
      const double next_us = std::min(now_us, scale.us(each.detail));
      if (any_stamp && timed.size() > since) {
        gap_us = (next_us - stamp_us) / static_cast<double>(timed.size() - since);
        spread(gap_us);
      }
      stamp_us = next_us;
      since = timed.size();
      any_stamp = true;
      continue;
    }
    if (!any_stamp) continue;  // nobody knows how much earlier
    timed.push_back(each);
    timed.back().exact = timed.size() - since == 1;
  }
  spread(gap_us);
  of.all = std::move(timed);
}

}  // namespace

flight_reading read_flight(const pool_core& pool) {
  const std::int64_t young_ns = detail::monotonic_ns() - pool.started_at().ns;
  if (young_ns < shortest_comparison_ns) detail::sleep_thread(shortest_comparison_ns - young_ns);
  flight_reading made;
  for (std::uint32_t i = 0; i < pool.workers().count(); ++i) {
    const pool_core::record* const worker = pool.workers().at(i);
    if (worker == nullptr) continue;
    made.tracks.push_back(read_ring(static_cast<const detail::pool_record*>(worker)->flight, i));
  }
  made.tracks.push_back(read_ring(pool.flight_outside(), flight_reading::outside));
  const pool_core::clock_reading now = read_clocks();
  const tick_scale scale(pool.started_at(), now);
  made.now_us = scale.us(now.ticks);
  for (track& each : made.tracks) set_times(each, scale, made.now_us);
  return made;
}

}  // namespace treadle::obs
