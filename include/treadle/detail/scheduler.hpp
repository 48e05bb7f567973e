#pragma once

#include <treadle/assert.hpp>
#include <treadle/config.hpp>
#include <treadle/detail/parking.hpp>
#include <treadle/detail/sync_word.hpp>
#include <treadle/detail/worker_list.hpp>

#include <atomic>
#include <cstddef>
#include <cstdint>

namespace treadle::detail {

/// The pool without its face: where work lies, who looks for it, who sleeps and who is woken.
/// The rule behind all of it: whoever makes work visible looks for sleepers afterwards, and whoever goes to sleep
/// announces it and looks for work afterwards, each with a store-load barrier between. docs/design/scheduler.md.
///
/// Host is the derived class; it gives start_thread(record) -> bool, thread_refused() for when that was false and the
/// claim has been taken back, make_record(index), drop_record(record),
/// before_park(record), added_to_injected(count), taken_from_injected(count),
/// call_branch(record, fork_node), ensure_started() -> bool and, for who looks what is stuck, stamp(record): between
/// two tasks, after a search and every 61st time.
template <class P, class Task, class Host>
class scheduler : public parking<P, Task, Host> {
  using base = parking<P, Task, Host>;
  using base::host;
  using base::injected_;
  using base::later;
  using base::leave_from;
  using base::limits_;
  using base::quiet_epoch_;
  using base::sync_;
  using base::wake_if_work_is_left;
  using base::workers_;

 public:
  using base::anybody_stands_in;
  using base::anything_queued;
  using base::enter_gate;
  using base::enter_stand_in;
  using base::gate_is_empty;
  using base::leave_gate;
  using base::leave_stand_in;
  using base::notify;
  using base::tell_quiet;
  using typename base::queue;
  using typename base::record;
  using typename base::stand_in_kind;

  // ---- making work visible ----------------------------------------------------------------------------------------

  /// Queues the list of `count` tasks from a thread that is no worker of this pool. Lock-free; allocates nothing but
  /// what a thread that it starts needs. `insider`: accepted even though the pool was closed to outsiders.
  [[nodiscard]] bool inject(Task* first, Task* last, std::size_t count, bool insider) noexcept {
    bool entered = false;
    const push_status status = injected_.push(first, last, insider, [&] {
      // In this order: a pool that fork() finds unstarted has nobody at its gate.
      if (!host().ensure_started()) return false;
      if (!P::seed_defect(15)) enter_gate();
      return entered = true;
    });
    // Without a wake-up to give, the push was the last touch: our own task may have freed the pool by now.
    if (!entered) return status != push_status::refused;
    if (status == push_status::accepted_must_wake) notify(count);
    if (!P::seed_defect(15)) leave_gate();  // LAST TOUCH
    return status != push_status::refused;
  }

  /// Queues the list of `count` tasks from a task that worker `self` runs. Writes no cache line of the pool unless it
  /// wakes someone. Returns false, with the list whole, when the pool is being cancelled.
  [[nodiscard]] bool push_local(record& self, Task* first, Task* last, std::size_t count) noexcept {
    // One task for which there is room, with nobody to wake: all in registers, nothing saved.
    if (count != 1 || !self.own.made.push_known(first)) return push_list(self, first, last, count);
    if constexpr (!P::seed_defect(3)) sync_.publisher_barrier();  // E-PARK
    const sync_state state = sync_.look();
    if (state.life() < lifecycle::cancelling && !asks_for_wake(state)) [[likely]]
      return true;
    return settle_push(self, 1, state);
  }

  // ---- a worker's loop --------------------------------------------------------------------------------------------

  /// Runs tasks on `self` until the worker has to leave. The host's thread function calls this and nothing else.
  template <class Run>
  void work(record& self, Run&& run) noexcept {
    for (;;) {
      Task* const task = next(self);
      if (task != nullptr) {
        record::bump(self.count.started);
        run(task);
        self.count.ran.store(self.count.started.load(std::memory_order_relaxed), std::memory_order_release);  // E-DOING
        continue;
      }
      if (self.stolen != nullptr) {
        this->run_stolen(self);
      } else if (!this->rest(self)) {
        break;
      }
    }
    self.become(activity::gone);
    tell_quiet();
  }

  /// Runs up to `most` tasks that are ready in the middle of the task that `self` runs: its own, timers that are due,
  /// and those from outside. Returns how many.
  template <class Run>
  std::size_t run_ready(record& self, std::size_t most, Run&& run) noexcept {
    std::size_t count = 0;
    static_cast<void>(bring_due(self) + bring_ready(self));
    while (count < most && sync_.look().life() < lifecycle::cancelling) {
      Task* task = pop_own(self);
      if (task == nullptr) task = take_from(self, injected_, 1);
      if (task == nullptr) break;
      record::bump(self.count.started);
      run(task);
      self.count.ran.store(self.count.ran.load(std::memory_order_relaxed) + 1, std::memory_order_release);  // E-DOING
      ++count;
    }
    return count;
  }

  /// Takes one task for a caller who is no worker, because there is none. Counts the caller as standing in from before
  /// the task is gone: it calls `leave_stand_in(taker)` when the task is over. Null: nothing is queued for now.
  [[nodiscard]] Task* take_for_caller() noexcept {
    if (injected_.looks_empty()) return nullptr;
    if (!P::seed_defect(108)) enter_stand_in(stand_in_kind::taker);
    Task* taken = nullptr;
    bool more = false;
    injected_.take(1, more, [&](Task* task) { taken = task; });
    if (P::seed_defect(108)) enter_stand_in(stand_in_kind::taker);
    taken != nullptr ? host().taken_from_injected(1) : leave_stand_in(stand_in_kind::taker);
    return taken;
  }

  /// Queues what is due and what is ready, for a caller who is no worker, because there is none. If that is nothing
  /// yet, a thread is tried again to wait for it. Returns whether anything was queued.
  [[nodiscard]] bool bring_for_caller() noexcept {
    if (this->next_due_ns() == base::never && !this->has_sources()) return false;
    if (!P::seed_defect(143)) enter_gate();  // a cancel waits for whoever is inside
    task_row<Task> ready;
    if (sync_.look_after_publish().life() < lifecycle::cancelling) {
      this->take_due(due_at_a_time,
                     [&](timer_node<P>& expired) { ready.push_back(*static_cast<Task*>(expired.work)); });
      take_ready(ready);
    }
    const bool any = ready.count != 0;
    if (any) {
      host().added_to_injected(ready.count);
      static_cast<void>(inject(ready.first, ready.last, ready.count, true));
    } else if (!P::seed_defect(144) && (this->time_is_unkept() || this->io_is_unwatched())) {
      notify(1);
    }
    if (!P::seed_defect(143)) leave_gate();  // LAST TOUCH
    return any;
  }

  /// Says whether, at some instant of this call, nothing was queued and nobody ran. `seen` is the word of that instant.
  [[nodiscard]] bool is_quiet(sync_state& seen) noexcept {
    sync_.barrier();
    if (!P::seed_defect(1) && anything_queued()) return false;
    // Looked at after the queues: whoever took the last task was counted as active before.
    seen = sync_.look_acquire();
    return seen.quiet() && !anybody_stands_in() && gate_is_empty();
  }

  /// Sleeps until the pool may be quiet, or until the deadline. Returns false when that passed.
  bool wait_until_maybe_quiet(std::int64_t deadline_ns) noexcept {
    const std::uint32_t epoch = quiet_epoch_.load(std::memory_order_acquire);  // E-QUIET
    sync_.watch();
    sync_state seen;
    if (is_quiet(seen)) return true;
    // Those inside the gate and work that nobody is awake for do not tell: look again soon.
    const std::int64_t soon = P::now_ns() + 1'000'000;
    const bool must_look = seen.quiet() || sync_.look().quiet();
    const std::int64_t until = must_look && soon < deadline_ns ? soon : deadline_ns;
    return P::futex_wait(quiet_epoch_, epoch, until) || until != deadline_ns;
  }

 private:
  [[nodiscard]] bool asks_for_wake(sync_state state) const noexcept {
    return !state.searching() && state.can_wake(limits_.width, limits_.limit);
  }

  [[gnu::noinline]] bool push_list(record& self, Task* first, Task* last, std::size_t count) noexcept {
    switch (self.own.push(first, last, count)) {
      case local_push::refused:
        return false;
      case local_push::in_queue:
        if (asks_for_wake(sync_.look_after_publish())) notify(count);
        return true;
      case local_push::in_ring:
        break;
    }
    if constexpr (!P::seed_defect(3)) sync_.publisher_barrier();  // E-PARK
    return settle_push(self, count, sync_.look());
  }

  /// `count` tasks are in the ring, and `state` was read afterwards.
  [[gnu::noinline]] bool settle_push(record& self, std::size_t count, sync_state state) noexcept {
    if (state.life() >= lifecycle::cancelling && self.own.made.retract(count)) return false;
    if (asks_for_wake(state)) notify(count);
    return true;
  }

  // ---- looking for work -------------------------------------------------------------------------------------------

  Task* next(record& self) noexcept {
    const sync_state state = sync_.look();
    // Between two of many tasks: the next one is leased, and nothing else is due.
    if (state.life() < leave_from && state.active() <= limits_.width && self.arrived.count == 0 && !self.just_woken &&
        self.until_injected > 1 && !self.upcoming.is_filled()) [[likely]] {
      auto& from = self.own.taken.is_known_empty() && !self.own.may_overflow ? self.own.made : self.own.taken;
      if (from.has_lease()) {
        if (Task* const task = from.pop_leased()) [[likely]] {
          --self.until_injected;
          return task;
        }
      }
    }
    return look_for_next(self, state);
  }

  [[gnu::noinline]] Task* look_for_next(record& self, sync_state state) noexcept {
    if (state.life() >= leave_from) return nullptr;
    if (self.arrived.count != 0) {
      if (const std::size_t ready = deliver(self); ready > 1) found(self, ready - 1);
    }
    if (state.active() > limits_.width) {
      let_go_of_next(self);
      return nullptr;
    }
    if (--self.until_injected == 0 && !P::seed_defect(17)) {
      self.until_injected = tasks_until_next_look(self);
      host().stamp(self);
      if (const std::size_t due = bring_due(self) + bring_ready(self); due > 1) found(self, due - 1);
      if (Task* const task = take_from(self, injected_, 1)) return task;
    }
    if (Task* const task = pop_own(self)) {
      if (self.just_woken) found(self, 1);
      return task;
    }
    host().note_search(self);
    Task* const task = search(self);
    if (task != nullptr || self.stolen != nullptr) host().stamp(self);
    return task;
  }

  /// What is kept to run next, but not for ever; then oldest first: what was taken from elsewhere, what overflowed,
  /// what this worker's tasks have made.
  Task* pop_own(record& self) noexcept {
    if (self.upcoming.is_filled() && ++self.kept_in_row <= most_kept_in_row) {
      if (Task* const task = self.upcoming.take()) return task;
    }
    self.kept_in_row = 0;
    if (Task* const task = self.own.taken.pop()) return task;
    if (self.own.may_overflow) {
      if (Task* const task = take_from(self, self.own.overflow, P::ring_capacity / 2)) return task;
      if (self.own.overflow.looks_empty()) self.own.may_overflow = false;
    }
    Task* const task = self.own.made.pop();
    return task != nullptr ? task : self.upcoming.take();
  }

  /// A worker that parks keeps nothing to itself.
  void let_go_of_next(record& self) noexcept {
    Task* const kept = self.upcoming.take();
    if (kept != nullptr && !push_local(self, kept, kept, 1)) static_cast<void>(injected_.push(kept, kept, true));
  }

  /// Looks everywhere, again and again for the time that is worth it. Work that is seen but held by another for the
  /// moment (a queue's consumer, a thief, a producer between its two steps) is waited for here: parking would not stay
  /// parked.
  Task* search(record& self) noexcept {
    sync_.publisher_barrier();  // E-DOING: a cancel that takes this worker for still running is seen here
    const bool spins = self.spin.ns() > 0 && !P::seed_defect(22);
    if (spins) let_gather(self.pace.next_wait_ns());
    if (Task* const task = search_once(self); task != nullptr || self.stolen != nullptr) return task;
    const typename base::hunger hungry(*this);
    const std::int64_t deadline = spins ? later(P::now_ns(), self.spin.ns()) : 0;
    for (;;) {
      const sync_state state = sync_.look();
      if (state.life() >= lifecycle::cancelling) return nullptr;
      const bool in_time = spins && state.life() == lifecycle::running && !state.watched() && P::now_ns() < deadline;
      if (!in_time) {
        if (!anything_queued()) {
          self.spin.was_in_vain();
          return nullptr;
        }
        P::yield();
      }
      for (int i = 0; i < spin_pauses; ++i) P::pause();
      Task* const task = search_once(self);
      if (task == nullptr && self.stolen == nullptr) continue;
      if (in_time) {
        self.spin.brought_work();
        record::bump(self.count.spins);
      }
      return task;
    }
  }

  void let_gather(std::int64_t wait_ns) noexcept {
    if (wait_ns == 0) return;
    for (const std::int64_t until = later(P::now_ns(), wait_ns); P::now_ns() < until;) {
      for (int i = 0; i < spin_pauses; ++i) P::pause();
      if (sync_.look().life() != lifecycle::running) return;
    }
  }

  Task* search_once(record& self) noexcept {
    if (Task* const task = pop_own(self)) return task;
    if (injected_.looks_ready()) {
      if (Task* const task = take_from(self, injected_, P::injected_chunk)) {
        self.until_injected = injected_interval;
        return task;
      }
    }
    if (const std::size_t due = bring_due(self); due != 0) {
      if (Task* const task = self.own.taken.pop()) return keep(self, task, due - 1);
    }
    return steal(self);
  }

  /// Makes tasks of what the driver has brought: into the worker's ring, and what finds no room there into the injected
  /// queue. Returns how many.
  std::size_t deliver(record& self) noexcept {
    task_row<Task> ready;
    this->driver_in_use().deliver(self.arrived, ready);
    host().note_ready(self, ready);
    const std::size_t count = ready.count;
    record::bump(self.count.io_completions, count);
    const std::size_t room = self.own.taken.room(count);
    std::size_t staged = 0;
    while (staged < count && staged < room) self.own.taken.stage(staged++, ready.pop_front());
    if (staged != 0) self.own.taken.commit(staged);
    while (ready.count != 0) {
      Task* const task = ready.pop_front();
      host().added_to_injected(1);
      static_cast<void>(injected_.push(task, task, true));
    }
    return count;
  }

  /// Brings what has become ready while nobody sleeps in the driver. Returns how many tasks that makes.
  std::size_t bring_ready(record& self) noexcept {
    if (!this->has_sources() || !this->io_is_unwatched()) return 0;
    record::bump(self.count.io_ticks);
    this->look_into_driver(self.arrived);
    return self.arrived.count != 0 ? deliver(self) : 0;
  }

  /// Brings timers that have expired, as tasks, into the worker's ring. Returns how many.
  std::size_t bring_due(record& self) noexcept {
    auto* const table = this->wheels();
    if (table == nullptr) return 0;
    const std::int64_t now = P::now_ns();
    const std::uint32_t count = this->wheel_count();
    std::size_t staged = 0;
    for (std::uint32_t i = 0; i < count; ++i) {
      auto& looked_at = table[(self.index + i) % count];
      while (looked_at.next_ns() <= now) {
        const std::size_t room = self.own.taken.room(staged + due_at_a_time);
        if (room <= staged) break;
        looked_at.expire(now, room - staged < due_at_a_time ? room - staged : due_at_a_time,
                         [&](timer_node<P>& expired) {
                           auto* const due = static_cast<Task*>(expired.work);
                           host().note_due(self, *due);
                           self.own.taken.stage(staged++, due);
                         });
      }
    }
    if (staged != 0) {
      self.own.taken.commit(staged);
      record::bump(self.count.timers, staged);
    }
    return staged;
  }

  void take_ready(task_row<Task>& into) noexcept {
    if (!this->has_sources() || !this->io_is_unwatched()) return;
    poll_batch arrived;
    this->look_into_driver(arrived);
    this->driver_in_use().deliver(arrived, into);
  }

  /// Returns how many tasks to run until the injected queue and the timers are looked at again. With timers armed that
  /// is a matter of time as well.
  std::uint32_t tasks_until_next_look(record& self) noexcept {
    if (this->next_due_ns() == base::never && !this->has_sources()) return injected_interval;
    const std::int64_t before = self.looked_ns;
    self.looked_ns = P::now_ns();
    const std::int64_t spent = self.looked_ns - before;
    self.interval = spent > longest_unlooked_ns ? 1 : self.interval * 2;
    if (self.interval > injected_interval) self.interval = injected_interval;
    return self.interval;
  }

  Task* take_from(record& self, queue& from, std::size_t limit) noexcept {
    Task* first = nullptr;
    std::size_t staged = 0;
    bool more = false;
    const std::size_t room = limit > 1 ? self.own.taken.room(limit) + 1 : 1;
    from.take(limit < room ? limit : room, more, [&](Task* task) {
      if (first == nullptr) {
        first = task;
      } else {
        self.own.taken.stage(staged++, task);
      }
    });
    if (first == nullptr) return nullptr;
    if (staged != 0) self.own.taken.commit(staged);
    if (limit > 1) self.pace.caught(staged + 1, staged + 1 == limit);
    const bool is_outside = &from == &injected_;
    is_outside ? host().taken_from_injected(staged + 1) : record::bump(self.count.from_overflow, staged + 1);
    return keep(self, first, staged + (more ? 1 : 0));
  }

  Task* steal(record& self) noexcept {
    const std::uint32_t count = workers_.count();
    // A random start: thieves spread over the victims, and no victim is always the last.
    std::uint32_t at = count > 1 && !P::seed_defect(23) ? static_cast<std::uint32_t>(self.next_random() % count) : 0;
    for (std::uint32_t visited = 0; visited < count; ++visited, at = at + 1 == count ? 0 : at + 1) {
      record* const victim = workers_.at(at);
      if (victim == nullptr || victim == &self) continue;
      // What a victim could not keep in its ring goes first: taking it does not touch what the owner works on.
      if (victim->own.overflow.looks_ready()) {
        if (Task* const task = take_from(self, victim->own.overflow, P::ring_capacity / 2)) {
          record::bump(self.count.steals);
          host().note_stolen(self, at, 1);
          return task;
        }
      }
      if (Task* const task = steal_from(self, at, victim->own.taken)) return task;
      if (Task* const task = steal_from(self, at, victim->own.made)) return task;
      if (Task* const task = this->steal_next(self, *victim)) return keep(self, task, 0);
      if (this->steal_fork(self, *victim)) {
        host().note_stolen(self, at, 0);
        if (self.just_woken) found(self, 0);
        return nullptr;
      }
    }
    record::bump(self.count.failed_steals);
    return nullptr;
  }

  Task* steal_from(record& self, std::uint32_t whose, ring<P, Task>& victim) noexcept {
    if (victim.size() == 0) return nullptr;
    Task* first = nullptr;
    std::size_t staged = 0;
    std::uint64_t retries = 0;
    const steal_status status = victim.steal_into(self.own.taken, first, staged, retries);
    if (retries != 0) record::bump(self.count.steal_retries, retries);
    if (status != steal_status::stolen) return nullptr;
    if (staged != 0) self.own.taken.commit(staged);
    self.pace.caught(staged + 1, false);
    record::bump(self.count.steals);
    record::bump(self.count.stolen, staged + 1);
    host().note_stolen(self, whose, staged + 1);
    return keep(self, first, staged);
  }

  /// `first` was taken, `rest` more are now visible elsewhere: tells a sleeper, or puts all back if the pool was
  /// cancelled meanwhile.
  Task* keep(record& self, Task* first, std::size_t rest) noexcept {
    if (rest == 0 && !self.just_woken) return first;
    found(self, rest);
    if (sync_.look().life() < lifecycle::cancelling) return first;
    put_back(self, first);
    return nullptr;
  }

  /// Ends the search of a woken worker, and wakes the next one if work is left.
  void found(record& self, std::size_t rest) noexcept {
    self.just_woken = false;
    if (self.searcher) {
      self.searcher = false;
      sync_.sleeper_barrier(sync_.release_search(), 2);
    } else {
      sync_.barrier();  // E-PARK
    }
    const sync_state state = sync_.look();
    if (asks_for_wake(state)) wake_if_work_is_left(rest);
  }

  void put_back(record& self, Task* first) noexcept {
    static_cast<void>(injected_.push(first, first, true));
    self.own.taken.drain([&](Task* task) { static_cast<void>(injected_.push(task, task, true)); });
  }

  static constexpr std::uint32_t injected_interval = 61;
  static constexpr std::uint32_t most_kept_in_row = 3;
  static constexpr int spin_pauses = 16;
  static constexpr std::size_t due_at_a_time = 64;
  static constexpr std::int64_t longest_unlooked_ns = 100'000;  ///< between two looks at the timers, if tasks are short
};

}  // namespace treadle::detail
