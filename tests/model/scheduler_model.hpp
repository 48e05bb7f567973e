#pragma once

#include "model_test.hpp"

#include <treadle/detail/scheduler.hpp>
#include <treadle/detail/sweep.hpp>

#include <array>

namespace model {

constexpr std::uint32_t max_records = 3;
constexpr int max_tasks = 6;

struct node {
  mc::atomic<node*> next{nullptr};
  mc::plain<int> payload{0};  ///< written by whoever schedules it, read by whoever runs it
  mc::plain<int> effect{0};   ///< written by the run, read by whoever waits for it
  int ran = 0;
  int swept = 0;
};

template <class P>
class pool;

/// A fork of the model. `inside`: what it does itself, on whoever runs it.
template <class P>
struct branch : treadle::detail::fork_node<P> {
  using record = treadle::detail::worker_record<P, node>;
  using action = void (*)(pool<P>&, record&);

  explicit branch(action does = nullptr) : inside(does) {}
  const action inside;
  mc::plain<int> payload{0};  ///< written by who forks it, read by who runs it
  mc::plain<int> effect{0};   ///< written by the run, read behind the join
  int ran = 0;
  mc::atomic<std::uint32_t> taken{0};

  void run(pool<P>& on, record& self) {
    MC_CHECK(payload.get() == 1);
    if (inside != nullptr) inside(on, self);
    effect.set(1);
    ++ran;
    taken.store(1, std::memory_order_release);
    P::futex_wake(&taken, 1);
  }
  void wait_until_taken() {
    while (taken.load(std::memory_order_acquire) == 0) P::futex_wait(taken, 0, INT64_MAX);
  }
};

struct pool_settings {
  std::uint32_t width = 1;
  std::uint32_t limit = 1;
  std::int64_t retire_ns = -1;
  unsigned spawn_failures = 0;  ///< how many starts of a thread may fail
  bool forks = false;           ///< whether the workers have fork stacks
  bool timer = false;           ///< whether there is a timer, which is task 0
  bool io = false;              ///< whether there is a driver, and a descriptor that task 0 waits for
  bool late_io = false;         ///< whether there is one as soon as somebody watches
};

/// A driver with one descriptor, for which one task may wait.
template <class P>
struct simulated_driver final : treadle::detail::poll_driver<node> {
  static constexpr std::uint32_t bell = 1, ready_bit = 2;

  mc::atomic<std::uint32_t> events{0};
  mc::atomic<node*> waiting{nullptr};
  mc::atomic<bool> holds{false};  ///< whether an operation is under way that no thread may leave

  void wait(std::int64_t deadline_ns, treadle::detail::poll_batch& into) noexcept override {
    for (;;) {
      const std::uint32_t got = events.exchange(0, std::memory_order_acquire);
      if ((got & bell) != 0) into.heard_bell = true;
      if ((got & ready_bit) != 0) into.count = 1;
      if (got != 0 || P::now_ns() >= deadline_ns) return;
      P::futex_wait(events, 0, deadline_ns);
    }
  }
  void ring() noexcept override { tell(bell); }
  void deliver(treadle::detail::poll_batch& from, treadle::detail::task_row<node>& ready) noexcept override {
    if (std::exchange(from.count, 0) == 0) return;
    node* const woken = waiting.exchange(nullptr, std::memory_order_acquire);
    if (woken != nullptr) ready.push_back(*woken);
  }
  bool lets_go(std::uint32_t) noexcept override { return !holds.load(std::memory_order_relaxed); }
  void close(std::int64_t) noexcept override { waiting.store(nullptr, std::memory_order_relaxed); }
  void become_ready() { tell(ready_bit); }

 private:
  void tell(std::uint32_t what) noexcept {
    events.fetch_or(what, std::memory_order_release);
    P::futex_wake(&events, 1);
  }
};

/// Finds the driver of a pool, or makes it, as the first descriptor does.
template <class P>
simulated_driver<P>& find_driver(treadle::detail::polling<P, node>& pool) {
  if (pool.driver() == nullptr) {
    auto* const made = mc::make<simulated_driver<P>>();
    if (!pool.adopt_driver(*made)) mc::destroy(made);
  }
  return static_cast<simulated_driver<P>&>(*pool.driver());
}

/// The scheduler with the least of a pool around it: threads of the model, the order of steps of a shutdown, and tasks
/// whose numbers select what they do.
template <class P>
class pool : public treadle::detail::scheduler<P, node, pool<P>> {
 public:
  using base = treadle::detail::scheduler<P, node, pool<P>>;
  using record = typename base::record;
  using lifecycle = treadle::detail::lifecycle;
  using sync_state = treadle::detail::sync_state;
  using action = void (*)(pool&, record&, int);

  explicit pool(const pool_settings& settings, action on_run = nullptr)
      : settings_(settings), on_run_(on_run), spawn_failures_left_(settings.spawn_failures) {
    this->set_limits({settings.width, settings.limit, 0, settings.retire_ns});
    this->workers().adopt(cells_.data(), settings.limit);
    if (settings.timer) {
      timer_ = mc::make<timer_room>();
      timer_->node.work = &tasks_[0];
      MC_CHECK(this->adopt_wheels(&timer_->wheel, 1));
    }
    if (settings.io || settings.late_io) io_done_ = mc::make<mc::atomic<std::uint32_t>>(0U);
    if (settings.io) io_driver();
  }
  ~pool() {
    if (timer_ != nullptr) mc::destroy(timer_);
    if (io_done_ != nullptr) mc::destroy(io_done_);
    if (this->driver() != nullptr) mc::destroy(&io_driver());
    for (std::uint32_t i = 0; i < this->workers().count(); ++i) drop_record(this->workers().at(i));
  }

  // ---- what the scheduler asks of its host -----------------------------------------------------------------------

  static bool ensure_started() noexcept { return true; }
  static void thread_refused() noexcept {}
  static void before_park(record&) noexcept {}
  static void added_to_injected(std::size_t) noexcept {}
  static void taken_from_injected(std::size_t) noexcept {}
  template <class Record>
  static void stamp(Record&) noexcept {}
  static void drop_record(record* unused) noexcept {
    if (unused->forks != nullptr) mc::destroy(reinterpret_cast<fork_room*>(unused->forks));
    mc::destroy(unused);
  }
  void call_branch(record& self, treadle::detail::fork_node<P>& taken) noexcept {
    static_cast<branch<P>&>(taken).run(*this, self);
  }
  record* make_record(std::uint32_t index) noexcept {
    auto* made = mc::make<record>(index);
    auto& c = made->count;
    for (const auto* counter : {&c.stolen, &c.steals, &c.failed_steals, &c.steal_retries, &c.parks, &c.wakes, &c.spins,
                                &c.blocking_sections, &c.forks_exposed, &c.forks_stolen, &c.leapfrogs, &c.from_overflow,
                                &c.timers, &c.io_ticks, &c.io_completions}) {
      mc::calm(*counter);
    }
    if (settings_.forks) {
      auto* const room = mc::make<fork_room>();
      room->stack.adopt(room->cells.data(), static_cast<std::uint32_t>(room->cells.size()));
      made->forks = &room->stack;
    }
    return made;
  }
  bool start_thread(record& worker) noexcept {
    auto& kept = kept_[worker.index];  // as a pool keeps the thread of a record
    kept.set(kept.get() + 1);
    if (spawn_failures_left_ != 0 && mc::choose(2) != 0) {
      --spawn_failures_left_;
      return false;
    }
    threads_[thread_count_] = mc::spawn([this, &worker] { thread_main(worker); });
    ++thread_count_;
    return true;
  }

  // ---- what a model does with it ---------------------------------------------------------------------------------

  node& at(int number) { return tasks_[static_cast<std::size_t>(number)]; }
  bool inject(int number) { return inject(number, number); }
  bool inject(int first, int last) {
    link(first, last);
    return base::inject(&at(first), &at(last), static_cast<std::size_t>(last - first + 1), false);
  }
  bool push_local(record& self, int first, int last) {
    link(first, last);
    return base::push_local(self, &at(first), &at(last), static_cast<std::size_t>(last - first + 1));
  }

  /// As a coroutine wakes another: runs it next, or pushes it. False: refused, and not queued.
  bool keep(record& self, int number) {
    link(number, number);
    return (this->keeps_next(self) && this->keep_next(self, &at(number))) ||
           base::push_local(self, &at(number), &at(number), 1);
  }

  /// Arms the timer, as the pool does it for a worker, or for an outsider who holds the gate.
  void arm_timer() {
    at(0).payload.set(0);
    const auto armed = timer_->wheel.arm(timer_->node, P::now_ns() + 1'000'000);
    MC_CHECK(armed == treadle::detail::arming::first);
    this->tell_time();
  }
  void tell_of_expiry() {
    timer_->expired.store(1, std::memory_order_release);
    P::futex_wake(&timer_->expired, 2);
  }
  void wait_for_expiry() {
    while (timer_->expired.load(std::memory_order_acquire) == 0) P::futex_wait(timer_->expired, 0, INT64_MAX);
  }

  /// Task 0 waits for the descriptor, which is watched from now on; by a worker, or by an outsider who holds the gate.
  void watch(bool passing = false) {
    at(0).payload.set(0);
    io_driver().waiting.store(&at(0), std::memory_order_release);
    this->add_source(passing);
  }
  void watch_from_outside(bool passing = false) {
    this->enter_gate();
    watch(passing);
    this->leave_gate();
  }
  void become_ready() { io_driver().become_ready(); }
  void hold_threads(bool on) { io_driver().holds.store(on, std::memory_order_relaxed); }
  void tell_of_io() {
    io_done_->store(1, std::memory_order_release);
    P::futex_wake(io_done_, 2);
  }
  /// Whether task 0 still waits for the descriptor. Between two runs, or once nobody else is at work.
  bool io_is_pending() { return io_driver().waiting.peek() != nullptr; }
  /// As who waits for task 0 outside: goes on itself with what the pool has to do while it has no thread.
  void wait_as_caller(mc::atomic<std::uint32_t>& done) {
    for (;;) {
      run_on_caller();
      if (at(0).ran != 0 || this->sync().look().life() >= lifecycle::cancelling) return;
      P::futex_wait(done, 0, P::now_ns() + 1'000'000);
    }
  }
  void wait_for_io_as_caller() { wait_as_caller(*io_done_); }
  void wait_for_expiry_as_caller() { wait_as_caller(timer_->expired); }
  void wait_for_io() {
    while (io_done_->load(std::memory_order_acquire) == 0) P::futex_wait(*io_done_, 0, INT64_MAX);
  }

  /// Forks `other`, runs `here`, and joins, as fork_join does it.
  template <class F>
  void fork(record& self, branch<P>& other, F&& here) {
    auto& forks = *self.forks;
    other.payload.set(1);
    if (forks.push(other) && forks.takes_request()) this->feed(self);
    here();
    if (forks.pop(other)) {
      call_branch(self, other);
    } else if (forks.take_back(other)) {
      this->settled(self);
      call_branch(self, other);
    } else {
      this->wait_for(self, other);
      forks.close(other);
      this->settled(self);
    }
    MC_CHECK(other.ran == 1 && other.effect.get() == 1);
  }
  /// As run_ready() does it from inside a task.
  std::size_t hand_over_and_run_ready(record& self) {
    this->hand_over(self);
    return base::run_ready(self, max_tasks, [&](node* one) { run_here(self, one); });
  }

  /// Refuses outsiders, lets everything that was accepted run, and waits until the threads are gone.
  void drain_and_join() {
    this->injected().close();
    while (!this->gate_is_empty()) P::sleep(1000);
    this->sync().advance(lifecycle::draining);
    drain_until_stopped();
    join_threads();
  }
  /// Refuses outsiders, and everything that has not started goes to `swept`.
  void cancel_and_join() {
    this->injected().close();
    while (!this->gate_is_empty()) P::sleep(1000);
    this->sync().advance(lifecycle::cancelling);
    this->stop_parked();
    treadle::detail::sweep<P>(*this, [](node* one) {
      one->payload.get();
      ++one->swept;
    });
    this->tell_quiet();
    join_threads();
  }
  /// Runs what is queued, due or ready on the caller as long as there is no worker.
  void run_on_caller() {
    while (this->sync().look_acquire().total() == 0) {
      node* const taken = this->take_for_caller();
      if (taken == nullptr && this->bring_for_caller()) continue;
      if (taken == nullptr) return;
      run(taken);
      this->leave_stand_in(base::stand_in_kind::taker);
    }
  }
  /// As the pool's drain: returns when everything that was accepted before has run, and is seen.
  void drain() {
    for (;;) {
      run_on_caller();
      sync_state seen;
      if (this->is_quiet(seen)) return;
      this->wait_until_maybe_quiet(INT64_MAX);
    }
  }
  /// As the admission of what the pool makes of a callable, from outside: the gate first, then the look.
  bool admit(int number) {
    if (this->injected().is_closed()) return false;
    this->enter_gate();
    const bool accepted = !this->injected().is_closed();
    if (accepted) {
      link(number, number);
      MC_CHECK(base::inject(&at(number), &at(number), 1, true));
    }
    this->leave_gate();
    return accepted;
  }
  void check_each_ran_once(int count) {
    for (int i = 0; i < count; ++i) MC_CHECK(at(i).ran == 1);
  }

 private:
  struct timer_room {
    treadle::detail::timer_wheel<P> wheel;
    treadle::detail::timer_node<P> node;
    mc::atomic<std::uint32_t> expired{0};
  };
  struct fork_room {
    treadle::detail::fork_stack<P> stack;
    std::array<typename treadle::detail::fork_stack<P>::cell, 4> cells;
  };

  simulated_driver<P>& io_driver() { return find_driver<P>(*this); }
  void link(int first, int last) {
    for (int i = first; i <= last; ++i) {
      at(i).payload.set(i);
      at(i).next.store(i == last ? nullptr : base::queue::marked(&at(i + 1)), std::memory_order_relaxed);
    }
  }
  void thread_main(record& self) {
    self.state.store(treadle::detail::record_state::live, std::memory_order_relaxed);
    base::work(self, [&](node* one) { run_here(self, one); });
    self.state.store(treadle::detail::record_state::left, std::memory_order_release);
  }
  void run_here(record& self, node* one) {
    const auto number = static_cast<int>(one - tasks_.data());
    MC_CHECK(one->payload.get() == number);
    run(one);
    if (on_run_ != nullptr) on_run_(*this, self, number);
  }
  static void run(node* one) {
    one->payload.get();
    one->effect.set(1);
    ++one->ran;
  }
  void drain_until_stopped() {
    for (;;) {
      run_on_caller();
      sync_state seen;
      if (this->is_quiet(seen) && seen.life() == lifecycle::draining && this->sync().stop_if_unchanged(seen)) break;
      this->wait_until_maybe_quiet(INT64_MAX);
    }
    this->stop_parked();
    this->tell_quiet();
  }
  void join_threads() {
    while (this->sync().look_acquire().total() != 0) {
      this->wait_until_maybe_quiet(P::now_ns() + 10'000'000);
      P::sleep(1000);
    }
    // Counted as gone is not gone: what a thread still does must be over before the pool is.
    for (unsigned i = 0; i < thread_count_ && !P::seed_defect(5); ++i) mc::join(threads_[i]);
    while (this->anybody_stands_in() || !this->gate_is_empty()) P::sleep(1000);
  }

  const pool_settings settings_;
  const action on_run_;
  unsigned spawn_failures_left_;
  std::array<typename treadle::detail::worker_list<P, record>::cell, max_records> cells_{};
  std::array<node, max_tasks> tasks_;
  std::array<mc::plain<int>, max_records> kept_{};
  std::array<unsigned, 8> threads_{};
  unsigned thread_count_ = 0;
  timer_room* timer_ = nullptr;
  mc::atomic<std::uint32_t>* io_done_ = nullptr;
};

inline settings settings_for(int preemptions, int stale_reads) {
  return {{.preemptions = preemptions, .stale_reads = stale_reads, .weak_failures = 1, .time_limit_ms = 1'000},
          {.weak_failures = 1, .spurious_wakes = 1, .time_outs = 2},
          4'000};
}

/// Ends the pool, when all is quiet.
template <class P>
void end(mc::execution& x, pool<P>* p) {
  x.thread([p] {
    p->drain_and_join();
    mc::destroy(p);
  });
  x.run();
}

}  // namespace model
