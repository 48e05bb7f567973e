#pragma once

#include <treadle/config.hpp>
#include <treadle/detail/polling.hpp>
#include <treadle/detail/sync_word.hpp>
#include <treadle/detail/timekeeping.hpp>
#include <treadle/detail/worker_list.hpp>

#include <atomic>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <utility>

namespace treadle::detail {

/// Numbers that are settled when the pool starts and read-only from then on.
struct scheduler_limits {
  std::uint32_t width = 1;  ///< workers that may run at a time
  std::uint32_t limit = 1;  ///< threads that may exist, spares included
  std::int64_t spin_ns = 0;
  std::int64_t retire_ns = 0;  ///< negative: never
};

/// What the pool's threads share, and how a sleeper or a new thread is brought to work that somebody has made visible.
/// docs/design/scheduler.md.
template <class P, class Task, class Host>
class waking : public timekeeping<P>, public polling<P, Task> {
 public:
  using record = worker_record<P, Task>;
  using queue = task_queue<P, Task>;

  constexpr waking() noexcept : injected_(true) {}
  waking(const waking&) = delete;
  waking& operator=(const waking&) = delete;

  [[nodiscard]] sync_word<P>& sync() noexcept { return sync_; }
  [[nodiscard]] const sync_word<P>& sync() const noexcept { return sync_; }
  [[nodiscard]] queue& injected() noexcept { return injected_; }
  [[nodiscard]] const queue& injected() const noexcept { return injected_; }
  [[nodiscard]] worker_list<P, record>& workers() noexcept { return workers_; }
  [[nodiscard]] const worker_list<P, record>& workers() const noexcept { return workers_; }
  [[nodiscard]] const scheduler_limits& limits() const noexcept { return limits_; }
  void set_limits(const scheduler_limits& limits) noexcept { limits_ = limits; }

  /// Wakes up to bit_width(count) workers, the first as the searcher, if slots are free.
  void notify(std::size_t count) noexcept {
    wake_claim claim = sync_.claim_wake(limits_.width, limits_.limit, false);
    if (claim.kind == wake_kind::none) return;
    wake(claim);
    for (auto extra = std::bit_width(P::seed_defect(21) ? std::size_t{1} : count); extra > 1; --extra) {
      claim = sync_.claim_wake(limits_.width, limits_.limit, true);
      if (claim.kind == wake_kind::none) return;
      wake(claim);
    }
  }

  [[nodiscard]] std::uint64_t start_failures() const noexcept {
    return start_failures_.load(std::memory_order_relaxed);
  }

  /// Says whether a task is queued anywhere. Forks are none of it, nor is what a worker runs next: the owners run them,
  /// unless somebody is faster.
  [[nodiscard]] bool anything_queued() const noexcept {
    if (!injected_.looks_empty()) return true;
    const std::uint32_t count = workers_.count();
    for (std::uint32_t i = 0; i < count; ++i) {
      const record* const worker = workers_.at(i);
      if (worker != nullptr && !worker->own.looks_empty()) return true;
    }
    return false;
  }

  /// A timer was armed that comes before all others of its wheel: wakes somebody if nobody gets up in time for it.
  void tell_time() noexcept {
    sync_.barrier();  // E-PARK
    const sync_state state = sync_.look();
    if (!state.searching() && state.can_wake(limits_.width, limits_.limit) && this->time_is_unkept()) notify(1);
  }

  /// One more descriptor is watched by the driver: wakes somebody if nobody sleeps in there.
  void add_source(bool passing = false) noexcept {
    this->count_source(passing);
    sync_.barrier();  // E-PARK
    const sync_state state = sync_.look();
    if (!state.searching() && state.can_wake(limits_.width, limits_.limit) && this->io_is_unwatched()) notify(1);
  }

  /// Keeps the pool's memory alive while an outsider is inside it beyond a single push.
  void enter_gate() noexcept { gate_.fetch_add(1, std::memory_order_seq_cst); }  // E-GATE
  void leave_gate() noexcept { gate_.fetch_sub(1, std::memory_order_release); }  // E-GATE
  /// Who takes a task out of the queue, and who runs in place what it waits for, whose entry stays in the queue.
  enum class stand_in_kind : std::uint32_t { taker = 1, waiter = 0x1'0000 };
  /// Counts a caller who runs a task for want of a worker. Before it takes or claims the task: whoever finds that gone
  /// must find the caller counted.
  void enter_stand_in(stand_in_kind kind) noexcept {
    standing_in_.fetch_add(static_cast<std::uint32_t>(kind), std::memory_order_relaxed);
  }
  void leave_stand_in(stand_in_kind kind) noexcept {
    standing_in_.fetch_sub(static_cast<std::uint32_t>(kind), std::memory_order_release);  // E-STAND-IN
    tell_quiet();
  }
  [[nodiscard]] bool anybody_stands_in() const noexcept {
    return standing_in_.load(std::memory_order_acquire) != 0;  // E-STAND-IN
  }
  /// Returns how many run what they took out of the queue. What the others run is counted with its entry there.
  [[nodiscard]] std::uint32_t takers_standing_in() const noexcept {
    return standing_in_.load(std::memory_order_relaxed) & 0xffff;
  }
  [[nodiscard]] bool gate_is_empty() const noexcept { return gate_.load(std::memory_order_seq_cst) == 0; }  // E-GATE

  void tell_quiet() noexcept {
    sync_.unwatch();  // before the epoch moves: a watcher who comes in between is woken by it
    quiet_epoch_.fetch_add(1, std::memory_order_release);  // E-QUIET
    P::futex_wake(&quiet_epoch_, INT32_MAX);
  }

  // ---- what happens, for a host that wants to know ----------------------------------------------------------------
  // On the thread that does it; a host hides those that it wants. docs/design/flight-recorder.md.

  void note_exposed(record&, std::size_t /*forks*/) noexcept {}
  void note_stolen(record& /*thief*/, std::uint32_t /*victim*/, std::size_t /*tasks*/) noexcept {}
  /// What `note_wake` is given of the time before it wakes: who is woken may be up before its waker goes on.
  [[nodiscard]] static constexpr std::uint64_t time_of_wake() noexcept { return 0; }
  /// `worker`: its index, or any that sleeps in the driver.
  void note_wake(std::uint32_t /*worker*/, std::uint64_t /*time*/) noexcept {}
  void note_search(record&) noexcept {}
  void note_parked(record&) noexcept {}
  void note_up(record&) noexcept {}
  void note_ready(record&, const task_row<Task>&) noexcept {}
  void note_due(record&, const Task&) noexcept {}

 protected:
  static constexpr std::uint32_t any_in_driver = UINT32_MAX;

  Host& host() noexcept { return static_cast<Host&>(*this); }

  static constexpr std::int64_t later(std::int64_t from, std::int64_t by) noexcept {
    return by < INT64_MAX - from ? from + by : INT64_MAX;
  }

  /// A parked worker gets up in time for the next timer, if nobody else is to.
  void become_keeper(record& self) noexcept { self.keeps_until_ns = this->take_post(); }
  /// Whoever looks for work afterwards sees the timers that have become unkept.
  void leave_keeper(record& self) noexcept {
    const std::int64_t until = std::exchange(self.keeps_until_ns, this->never);
    if (until != this->never) this->leave_post(until);
  }
  /// A keeper's time has come: it gives the post up. Who parks meanwhile sees that, or the keeper its place free.
  [[nodiscard]] bool is_time(record& self) noexcept {
    if (self.keeps_until_ns == this->never || P::now_ns() < self.keeps_until_ns) return false;
    leave_keeper(self);
    sync_.barrier();  // E-KEEPER
    return true;
  }

  /// Work that is seen is told now. If none is, the next push from outside must tell: the flag and the look at what was
  /// pushed are one read-modify-write.
  [[nodiscard]] bool work_is_left() noexcept {
    return anything_queued() || any_offers() || (!P::seed_defect(132) && this->time_is_unkept()) ||
           (!P::seed_defect(141) && this->io_is_unwatched()) || injected_.arm();
  }

  void wake_if_work_is_left(std::size_t count) noexcept {
    if (work_is_left()) notify(count == 0 ? 1 : count);
  }

  [[nodiscard]] bool any_offers() const noexcept {
    const std::uint32_t count = workers_.count();
    for (std::uint32_t i = 0; i < count; ++i) {
      const record* const worker = workers_.at(i);
      if (worker != nullptr && worker->offers_something()) return true;
    }
    return false;
  }

  void wake(wake_claim claim) noexcept {
    if (claim.kind == wake_kind::fresh) {
      start(claim.searcher);
      return;
    }
    for (;;) {
      const std::uint64_t time = host().time_of_wake();
      if (this->poll_.claim(claim.searcher)) {
        this->driver_in_use().ring();
        host().note_wake(any_in_driver, time);
        return;
      }
      // The lowest index first: the same few workers stay warm, and the others can retire.
      const std::uint32_t count = workers_.count();
      for (std::uint32_t i = 0; i < count; ++i) {
        record* const worker = workers_.at(i);
        if (worker != nullptr && worker->wake_up.claim(claim.searcher)) {
          host().note_wake(i, time);
          return;
        }
      }
      if (sync_.look().life() >= lifecycle::cancelling) {
        sync_.wake_failed(claim.searcher);
        return;
      }
      P::pause();
    }
  }

  void start(bool searcher) noexcept {
    record* const worker = workers_.take_vacant([&](std::uint32_t index) { return host().make_record(index); },
                                                [&](record* unused) { host().drop_record(unused); });
    if (worker != nullptr) {
      worker->searcher = searcher;
      worker->just_woken = true;
      worker->spin.set(limits_.spin_ns);
      worker->become(activity::awake);
      host().note_wake(worker->index, host().time_of_wake());
      if (host().start_thread(*worker)) return;
      worker->become(activity::gone);
      // Relaxed: whoever takes it next has its claim behind `start_failed`, for one starts at a time, the searcher.
      worker->state.store(record_state::vacant, std::memory_order_relaxed);
    }
    start_failures_.fetch_add(1, std::memory_order_relaxed);
    if constexpr (P::seed_defect(2)) return;
    const sync_state state = sync_.start_failed(searcher);
    tell_quiet();  // a waiter may have to do the work itself
    host().thread_refused();
    if (state.idle() != 0 && (anything_queued() || injected_.arm())) {
      const wake_claim claim = sync_.claim_wake(limits_.width, 0, false);
      if (claim.kind != wake_kind::none) wake(claim);
    } else {
      injected_.arm();
    }
  }

  queue injected_;
  alignas(TREADLE_CACHE_LINE) sync_word<P> sync_;
  alignas(TREADLE_CACHE_LINE) typename P::template atomic<std::uint32_t> gate_{0};
  typename P::template atomic<std::uint32_t> standing_in_{0};
  alignas(TREADLE_CACHE_LINE) typename P::template atomic<std::uint32_t> quiet_epoch_{0};
  typename P::template atomic<std::uint64_t> start_failures_{0};
  alignas(TREADLE_CACHE_LINE) scheduler_limits limits_;
  worker_list<P, record> workers_;
};

}  // namespace treadle::detail
