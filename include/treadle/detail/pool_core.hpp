#pragma once

#include <treadle/config.hpp>
#include <treadle/detail/brief_lock.hpp>
#include <treadle/detail/flight_recorder.hpp>
#include <treadle/detail/fork_watch.hpp>
#include <treadle/detail/internal_task.hpp>
#include <treadle/detail/scheduler.hpp>
#include <treadle/detail/sign_board.hpp>
#include <treadle/detail/site_word.hpp>
#include <treadle/detail/system_policy.hpp>
#include <treadle/errc.hpp>
#include <treadle/pool_config.hpp>
#include <treadle/pool_stats.hpp>
#include <treadle/profiler_hooks.hpp>
#include <treadle/shutdown_report.hpp>
#include <treadle/task.hpp>
#include <treadle/worker.hpp>

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <system_error>
#include <utility>

namespace treadle {
class thread_pool;
}

namespace treadle::detail {

class pool_core;
struct thread_context;
struct wait_link;

/// Calls the hook for an exception that nobody waits for; unset, prints its message and terminates.
void call_unhandled_hook(const pool_hooks& hooks, const std::exception_ptr& error) noexcept;

/// The right to queue one task that the pool is about to make: given before the user's callable is touched, so that a
/// refusal leaves it alone. Move-only; the push takes it.
class TREADLE_EXPORT admission {
 public:
  explicit admission(pool_core& pool) noexcept;
  ~admission();
  admission(const admission&) = delete;
  admission& operator=(const admission&) = delete;

  [[nodiscard]] std::error_code error() const noexcept { return error_; }
  /// Queues `made`, or ends it as cancelled if the pool is being cancelled.
  void push(internal_task& made) noexcept;
  /// The same, but has this worker run it next if it may.
  void push_next(internal_task& made) noexcept;
  /// Leaves the task's place in `max_queued` to whoever queues it elsewhere; false if it has none.
  [[nodiscard]] bool take_place() noexcept { return std::exchange(reserved_, false); }

 private:
  pool_core& pool_;
  worker_record<system_policy, task>* worker_ = nullptr;
  bool inside_gate_ = false;
  bool reserved_ = false;
  std::error_code error_;
};

/// What a worker shows of itself: written by the worker, read by any thread at any time.
struct worker_face {
  system_policy::atomic<std::uint64_t> runs{0};        ///< the site of the task that it runs, or ran last
  system_policy::atomic<std::int64_t> stamped_ns{0};   ///< when it last looked at the clock, between two tasks
  system_policy::atomic<std::uint64_t> stamped_at{0};  ///< how many tasks it had started by then
  wait_sign blocked;
  system_policy::atomic<std::uint32_t> thread_number{0};  ///< by which the system knows its thread
  brief_lock<system_policy> links;                        ///< who has it may follow `waits_for`; nobody waits meanwhile
  system_policy::atomic<const wait_link*> waits_for{nullptr};
};

/// A worker with what its forks need. Where the base is all that anybody asks for, it is a `record`.
struct pool_record final : worker_record<system_policy, task> {
  /// Forks that one worker can have shared at a time.
  static constexpr std::uint32_t fork_capacity = 512;

  pool_record(thread_pool& pool, std::uint32_t own_index, const profiler_hooks* told) noexcept
      : worker_record(own_index), profiler(told), self(pool, own_index) {
    self.forks().adopt(cells, fork_capacity);
    forks = &self.forks();
  }

  const profiler_hooks* const profiler;  ///< null if nobody wants to know
  worker_face face;
  flight_recorder flight;
  worker self;
  fork_stack<system_policy>::cell cells[fork_capacity];
};

/// A pool's state and life. `thread_pool` is its public face; the scheduling itself is in the base.
class TREADLE_EXPORT pool_core final : public scheduler<system_policy, task, pool_core> {
 public:
  using base = scheduler<system_policy, task, pool_core>;
  static constexpr std::uint32_t max_workers = sync_state::max_count;

  constexpr pool_core(const pool_config& config, thread_pool* face) noexcept : config_(config), face_(face) {}
  ~pool_core();

  [[nodiscard]] std::error_code start() noexcept;
  /// `site`: where that is asked for, if the tasks themselves do not know.
  [[nodiscard]] std::error_code schedule(task* work, site_word site = {}) noexcept;
  [[nodiscard]] std::error_code schedule(task* first, task* last, std::size_t count, site_word site = {}) noexcept;
  /// Queues tasks again whose work the pool has accepted before, such as coroutines that are woken: from any thread,
  /// under drain, too, and beyond `max_queued`. Returns false, with the list whole, when the pool is being cancelled.
  [[nodiscard]] bool readmit(task* first, task* last, std::size_t count) noexcept;
  /// Has the calling worker run a task next whose work was accepted before. False: it is to be readmitted, for the
  /// caller is no worker of this pool, or its worker keeps nothing now. May be run by others before this returns.
  [[nodiscard]] bool run_next(task& work) noexcept;
  [[nodiscard]] std::error_code drain() noexcept;
  [[nodiscard]] shutdown_report shut_down(shutdown_mode mode, std::int64_t deadline_ns) noexcept;
  [[nodiscard]] std::error_code join() noexcept;
  [[nodiscard]] pool_stats stats() const noexcept;
  [[nodiscard]] worker_stats stats_of(std::uint32_t index) const noexcept;
  std::error_code dump(int descriptor) noexcept;
  [[nodiscard]] std::uint32_t worker_limit() noexcept;
  [[nodiscard]] const pool_config& config() const noexcept { return config_; }
  [[nodiscard]] thread_pool& face() const noexcept { return *face_; }
  /// Says whether the calling thread runs a task of this pool.
  [[nodiscard]] bool is_inside() const noexcept;
  /// Says whether the pool was started before fork() and this is the child.
  [[nodiscard]] bool is_inherited() const noexcept { return forked_.load(std::memory_order_relaxed); }
  /// Says whether a shutdown has begun. What comes after it sees that.
  [[nodiscard]] bool is_ending() const noexcept { return injected().is_closed(); }
  /// Says whether a worker lives that will look at the queues before it leaves.
  [[nodiscard]] bool has_worker() const noexcept { return living_.load(std::memory_order_acquire) != 0; }  // E-LIVING
  /// Runs what is queued on the calling thread, as long as there is no thread of the pool.
  void run_on_caller() noexcept;
  /// Says whether something is to be run, kept or watched, and there is no thread of the pool. A snapshot.
  [[nodiscard]] bool is_stranded() const noexcept;
  /// Runs `f(argument)` as if the calling thread were a worker, for want of any.
  void stand_in(void (*f)(void*) noexcept, void* argument) noexcept;
  /// Arms a timer, whose `work` is a task, for `deadline_ns`. Any thread; allocates the wheels when it is the first.
  /// `returns`: a worker that calls it is about to look for work, so there is nobody to be woken to keep the time.
  [[nodiscard]] std::error_code arm_timer(timer_node<system_policy>& armed, std::int64_t deadline_ns,
                                          bool returns) noexcept;
  /// Moves an armed timer to another time. Returns whether it was armed. Any thread.
  [[nodiscard]] bool rearm_timer(timer_node<system_policy>& armed, std::int64_t deadline_ns, bool returns) noexcept;
  /// One more descriptor is watched by the pool's driver, which has been adopted. `passing`: its watcher may give it up
  /// when it retires. Any thread; may start a thread.
  [[nodiscard]] std::error_code admit_source(bool passing = false) noexcept;
  /// Says whether what starts now may count on its callback: starts the pool if need be. Any thread.
  [[nodiscard]] std::error_code admit_callback() noexcept;
  /// A queue entry turned out to have been run aside from the queue.
  void count_ran_aside() noexcept { ran_aside_.fetch_add(1, std::memory_order_relaxed); }
  void report_unhandled(const std::exception_ptr& error) const noexcept;
  /// Runs tasks that are ready on a worker that is in the middle of one. Returns how many.
  std::size_t run_ready_tasks(record& worker) noexcept;
  /// The same on one that waits, as no blocked one for the time.
  void run_while_blocked(record& worker) noexcept;
  /// As in the base, and says what the worker waits for: `what` is where that was scheduled, if it was.
  void enter_blocking(record& worker, wait_kind why = wait_kind::fork, site_word what = {}) noexcept;
  void leave_blocking(record& worker) noexcept;

  // What happens, for the flight recorder, for probes and for a profiler. On the thread that does it.
  // docs/design/flight-recorder.md.

  [[nodiscard]] static flight_recorder& flight_of(record& worker) noexcept {
    return static_cast<pool_record&>(worker).flight;
  }
  /// What threads outside have done, as far as they have not got in each other's way.
  [[nodiscard]] const flight_recorder& flight_outside() const noexcept { return outside_; }
  /// A reading of the two clocks at the start of the pool. Only of one that was started.
  struct clock_reading {
    std::uint64_t ticks = 0;
    std::int64_t ns = 0;
  };
  [[nodiscard]] clock_reading started_at() const noexcept { return started_at_; }
  /// Says whether the pool was started. What its start has made is seen then.
  [[nodiscard]] bool is_started() const noexcept {
    return start_state_.load(std::memory_order_acquire) == start_state::started;  // E-START
  }
  static void note_exposed(record& worker, std::size_t forks) noexcept;
  static void note_stolen(record& thief, std::uint32_t victim, std::size_t tasks) noexcept;
  static void note_search(record& worker) noexcept;
  static void note_parked(record& worker) noexcept;
  static void note_up(record& worker) noexcept;
  static void note_due(record& worker, const task& due) noexcept;
  static void note_begun(record& worker) noexcept;
  static void note_gone(record& worker) noexcept;
  static void note_blocked(record& worker, wait_kind why, site_word what) noexcept;
  static void note_unblocked(record& worker) noexcept;
  static void note_ready(record& worker, const task_row<task>& ready) noexcept;
  [[nodiscard]] static std::uint64_t time_of_wake() noexcept { return keeps_records ? clock_ticks() : 0; }
  void note_wake(std::uint32_t worker, std::uint64_t ticks) noexcept;
  /// What waits for I/O from now on, on whichever pool's worker that is.
  static void note_io_begin(const task& waiting, std::uint64_t descriptor) noexcept;

  // What the scheduler asks of its host.
  bool ensure_started() noexcept;
  record* make_record(std::uint32_t index) noexcept;
  static void drop_record(record* unused) noexcept;
  static void call_branch(record& thief, fork_node<system_policy>& taken) noexcept;
  bool start_thread(record& worker) noexcept;
  void stamp(record& worker) noexcept;
  static void thread_refused() noexcept;
  void before_park(record& worker) noexcept {
    stamp(worker);
    if (config_.hooks.before_park != nullptr) config_.hooks.before_park(config_.hooks.context, worker.index);
  }
  /// What the pool itself puts there counts, and is never refused.
  void added_to_injected(std::size_t count) noexcept {
    if (config_.max_queued != 0) queued_.fetch_add(count, std::memory_order_relaxed);
  }
  void taken_from_injected(std::size_t count) noexcept {
    if (config_.max_queued != 0) queued_.fetch_sub(count, std::memory_order_relaxed);
  }

 private:
  friend class admission;
  enum class start_state : std::uint32_t { none, started, failed };

  [[nodiscard]] std::error_code check_config() const noexcept;
  [[nodiscard]] std::error_code prepare() noexcept;
  [[nodiscard]] std::error_code why_refused() const noexcept;
  [[nodiscard]] std::error_code admit(const thread_context& here, task* first, task* last, std::size_t count,
                                      site_word site) noexcept;
  [[nodiscard]] std::size_t choose_recorder_capacity() const noexcept;
  void note_schedule(record* worker, const task* first, std::size_t count, site_word site) noexcept;
  void note_schedule_of_list(record* worker, const task* first, std::size_t count, site_word site) noexcept;
  void note_outside(flight_word what, std::uint64_t detail, std::uint64_t ticks) noexcept;
  [[nodiscard]] std::error_code schedule_standing_in(task* first, task* last, std::size_t count) noexcept;
  [[nodiscard]] bool reserve(std::size_t count, bool insider) noexcept;
  void unreserve(std::size_t count) noexcept;
  void close_to_outsiders() noexcept;
  void new_first_timer(record* returning) noexcept;
  wheel* make_wheels() noexcept;
  bool drain_until(std::int64_t deadline_ns) noexcept;
  /// Lets go of all armed timers. Those of the user's are listed; tasks of the pool that sleep go on, to find out that
  /// it ends, or are cancelled. Returns how many are.
  std::uint64_t end_timers(batch* not_run) noexcept;
  void cancel_all(shutdown_report& report) noexcept;
  /// Ends tasks unrun. Returns how many it was that had not been run aside.
  std::uint64_t cancel_made(batch& made_by_pool) noexcept;
  void wait_for_threads() noexcept;
  void lock_lifecycle() noexcept;
  void unlock_lifecycle() noexcept;
  void count_report(shutdown_report& report) const noexcept;
  class dump_text;
  void dump_pool(dump_text& into) noexcept;
  void dump_worker(dump_text& into, pool_record& worker) noexcept;
  void dump_queued(dump_text& into, const char* where, queue& of) noexcept;
  void dump_signs(dump_text& into) const noexcept;
  void destroy_on_own_worker() noexcept;
  /// Joins the threads that have left, which gives their stacks back. Returns whether no record has a thread any more.
  bool join_left() noexcept;
  static void thread_main(void* record_of_thread) noexcept;
  static void after_fork_in_child(fork_watch* watch) noexcept;

  const pool_config config_;
  thread_pool* const face_;
  system_policy::atomic<start_state> start_state_{start_state::none};
  errc start_error_{};
  system_policy::atomic<std::uint32_t> lifecycle_lock_{0};
  system_policy::atomic<std::uint32_t> living_{0};
  system_policy::atomic<std::uint32_t> threads_started_{0};
  system_policy::atomic<bool> forked_{false};
  system_policy::atomic<std::size_t> queued_{0};
  system_policy::atomic<std::uint64_t> ran_aside_{0};
  system_policy::atomic<void*> ended_threads_{nullptr};
  clock_reading started_at_{};
  std::size_t recorder_capacity_ = 0;  ///< settled at the start
  bool traced_ = false;                ///< it leaves a trace when it or the process ends; settled at the start
  alignas(TREADLE_CACHE_LINE) system_policy::atomic<std::uint32_t> outside_taken_{0};
  flight_recorder outside_;
  struct own_fork_watch : fork_watch {
    pool_core* owner = nullptr;
  } fork_watch_{};
};

}  // namespace treadle::detail
