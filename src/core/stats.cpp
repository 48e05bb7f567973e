#include <treadle/detail/pool_core.hpp>

namespace treadle::detail {

namespace {

using record = pool_core::record;

std::uint64_t read(const system_policy::atomic<std::uint64_t>& counter) noexcept {
  return counter.load(std::memory_order_relaxed);  // each is of use alone
}

void add(worker_stats& sum, const record& worker) noexcept {
  const record::counters& count = worker.count;
  sum.tasks_run += read(count.ran);
  sum.steals += read(count.steals);
  sum.tasks_stolen += read(count.stolen);
  sum.failed_steals += read(count.failed_steals);
  sum.steal_retries += read(count.steal_retries);
  sum.parks += read(count.parks);
  sum.wakes += read(count.wakes);
  sum.spins += read(count.spins);
  sum.tasks_overflowed += read(worker.own.overflowed);
  sum.blocking_sections += read(count.blocking_sections);
  sum.forks_exposed += read(count.forks_exposed);
  sum.forks_stolen += read(count.forks_stolen) + read(count.leapfrogs);
  sum.timers_expired += read(count.timers);
  sum.io_ticks += read(count.io_ticks);
  sum.io_completions += read(count.io_completions);
}

}  // namespace

pool_stats pool_core::stats() const noexcept {
  pool_stats sum;
  if (start_state_.load(std::memory_order_acquire) != start_state::started) return sum;  // E-START
  std::uint64_t from_overflow = 0;
  sum.workers = workers().count();
  for (std::uint32_t i = 0; i < sum.workers; ++i) {
    const record* const worker = workers().at(i);
    if (worker == nullptr) continue;
    from_overflow += read(worker->count.from_overflow);
    add(sum, *worker);
    sum.queued_in_rings += worker->own.made.size() + worker->own.taken.size();
  }
  sum.tasks_run += read(ran_aside_);
  sum.threads_started = threads_started_.load(std::memory_order_relaxed);
  sum.thread_start_failures = start_failures();
  const sync_state now = sync().look();
  sum.threads = now.total();
  sum.active = now.active();
  sum.parked = now.idle();
  sum.blocked = now.blocked();
  // Whoever has gone into the sum since it was read was not taken yet.
  sum.queued_in_overflow = sum.tasks_overflowed > from_overflow ? sum.tasks_overflowed - from_overflow : 0;
  sum.queued_outside = !injected().looks_empty();
  return sum;
}

worker_stats pool_core::stats_of(std::uint32_t index) const noexcept {
  worker_stats of;
  if (start_state_.load(std::memory_order_acquire) != start_state::started) return of;  // E-START
  const record* const worker = index < workers().count() ? workers().at(index) : nullptr;
  if (worker != nullptr) add(of, *worker);
  return of;
}

}  // namespace treadle::detail
