#include "timeline.hpp"

#include <treadle/detail/pool_core.hpp>
#include <treadle/obs/latencies.hpp>

namespace treadle::obs {

namespace {

std::chrono::nanoseconds between(double begin_us, double end_us) {
  return std::chrono::nanoseconds(static_cast<std::int64_t>((end_us - begin_us) * 1e3));
}

}  // namespace

latencies::latencies(thread_pool& pool) : pool_(pool) {
  const detail::pool_core& core = pool.core();
  if (core.is_started()) looked_us_ = static_cast<double>(detail::monotonic_ns() - core.started_at().ns) / 1e3;
}

void latencies::look() {
  const detail::pool_core& core = pool_.core();
  if (!core.is_started() || core.is_inherited()) return;
  const timeline seen = make_timeline(read_flight(core));
  const auto is_new = [&](double end_us) { return end_us > looked_us_ && end_us <= seen.now_us; };
  if (!seen.workers.empty() && workers_.size() <= seen.workers.back()) workers_.resize(seen.workers.back() + 1);
  for (const span& each : seen.spans) {
    const bool known = each.is == span::kind::run && each.exact && each.exact_end && !each.open;
    if (known && is_new(each.end_us)) workers_[each.worker].run_time.add(between(each.begin_us, each.end_us));
  }
  for (const arrow& each : seen.arrows) {
    if (each.is == arrow::kind::steal || !each.exact || !is_new(each.to_us)) continue;
    of_worker& worker = workers_[each.to];
    (each.is == arrow::kind::wake ? worker.wake_latency : worker.queue_wait).add(between(each.from_us, each.to_us));
  }
  looked_us_ = seen.now_us;
}

latencies::of_worker latencies::merged() const noexcept {
  of_worker sum;
  for (const of_worker& each : workers_) {
    sum.queue_wait.merge(each.queue_wait);
    sum.run_time.merge(each.run_time);
    sum.wake_latency.merge(each.wake_latency);
  }
  return sum;
}

}  // namespace treadle::obs
