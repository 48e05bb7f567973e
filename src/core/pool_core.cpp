#include "../os/cpu.hpp"
#include "../os/os.hpp"
#include "../os/probes.hpp"
#include "at_end.hpp"
#include "context.hpp"
#include "outside_wait.hpp"

#include <treadle/available_parallelism.hpp>
#include <treadle/detail/pool_core.hpp>
#include <treadle/thread_pool.hpp>

#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <new>
#include <utility>

namespace treadle::detail {

namespace {

constexpr std::uint32_t default_spares = 64;
constexpr std::int64_t default_spin_ns = 2'000;
constexpr std::int64_t default_retire_ns = 60'000'000'000;
constexpr std::size_t largest_stack_bytes = std::size_t{1} << 40;

#ifdef NDEBUG
constexpr bool checks_links = false;
#else
constexpr bool checks_links = true;
#endif

using queue = pool_core::queue;

bool is_marked(const task* link) noexcept { return (reinterpret_cast<std::uintptr_t>(link) & queue::queued_mark) != 0; }

[[noreturn]] void misuse(const char* what, const task* which) noexcept {
  std::fprintf(stderr, "treadle: %s: task %p\n", what, static_cast<const void*>(which));
  std::abort();
}

/// Aborts on a task that is queued already or has no callback, and marks the others as queued.
[[maybe_unused]] void check_and_mark(task* first, task* last) noexcept {
  for (task* checked = first;;) {
    task* const link = checked->next.load(std::memory_order_relaxed);
    if (checked->callback == nullptr) misuse("a task without a callback was scheduled", checked);
    if (is_marked(link)) misuse("a task was scheduled that is queued already", checked);
    checked->next.store(queue::marked(checked == last ? nullptr : link), std::memory_order_relaxed);
    if (checked == last) return;
    checked = link;
  }
}

/// A refused list is the caller's again, as it was.
void unmark(task* first, task* last) noexcept {
  for (task* kept = first; checks_links && kept != last; kept = kept->next.load(std::memory_order_relaxed)) {
    kept->next.store(queue::pointer(kept->next.load(std::memory_order_relaxed)), std::memory_order_relaxed);
  }
  last->next.store(nullptr, std::memory_order_relaxed);
}

void run_task(task* started) noexcept {
  if constexpr (checks_links) started->next.store(nullptr, std::memory_order_relaxed);
  started->callback(started);  // LAST TOUCH: the callback may free the task or schedule it again
}

[[gnu::noinline]] void run_told(pool_record& worker, task* started, site_word site) noexcept {
  tell_task_begins(worker, started, site);
  run_task(started);
  tell_task_ends(worker);
}

/// Runs a task, and shows which. Its address goes nowhere, so that it need not lie in memory.
struct shown_run {
  pool_record& worker;
  [[gnu::always_inline]] void operator()(task* started) const noexcept {
    const site_word site = site_of(*started);
    worker.face.runs.store(site.word(), std::memory_order_relaxed);  // for others a hint, whole in itself
    os::probe::run(worker.index, started, site.word());
    worker.flight.note({flight_kind::run, started}, site.word());
    if (worker.profiler != nullptr) [[unlikely]]
      return run_told(worker, started, site);
    run_task(started);
  }
};

}  // namespace

void check_not_queued(const task& checked) noexcept {
  if (checks_links && is_marked(checked.next.load(std::memory_order_relaxed))) {
    misuse("a task was scheduled that is queued already", &checked);
  }
}

// ---- start --------------------------------------------------------------------------------------------------------

std::error_code pool_core::check_config() const noexcept {
  const std::uint64_t spares = config_.max_spare_threads == pool_config::no_spares ? 0 : config_.max_spare_threads;
  if (std::uint64_t{config_.max_threads} + spares > max_workers) return errc::too_many_threads;
  if (config_.stack_bytes != 0 &&
      (config_.stack_bytes < os::minimum_stack_bytes() || config_.stack_bytes > largest_stack_bytes)) {
    return errc::bad_stack_size;
  }
  if (config_.name != nullptr && std::strlen(config_.name) > 15) return errc::bad_name;
  if (config_.pin.how == pin_policy::kind::list) {
    if (config_.pin.cpus == nullptr || config_.pin.count == 0) return errc::bad_cpu;
    for (std::uint32_t i = 0; i < config_.pin.count; ++i) {
      if (!os::allowed_cpu(config_.pin.cpus[i])) return errc::bad_cpu;
    }
  }
  return {};
}

std::error_code pool_core::prepare() noexcept {
  if (const std::error_code fault = check_config()) return fault;
  scheduler_limits limits;
  limits.width = config_.max_threads != 0 ? config_.max_threads : available_parallelism();
  if (limits.width > max_workers) limits.width = max_workers;
  std::uint32_t spares = config_.max_spare_threads != 0 ? config_.max_spare_threads : default_spares;
  if (config_.max_spare_threads == pool_config::no_spares) spares = 0;
  limits.limit = spares > max_workers - limits.width ? max_workers : limits.width + spares;
  limits.spin_ns = config_.spin_ns != 0 ? config_.spin_ns : default_spin_ns;
  const std::int64_t retire_ns = config_.retire_after.count();
  limits.retire_ns = retire_ns != 0 ? retire_ns : default_retire_ns;
  if (!os::can_watch_fork()) return errc::out_of_memory;
  using cell = worker_list<system_policy, record>::cell;
  auto* const table = new (std::nothrow) cell[limits.limit]{};
  if (table == nullptr) return errc::out_of_memory;
  traced_ = is_traced();
  recorder_capacity_ = choose_recorder_capacity();
  if (recorder_capacity_ != 0) {
    auto* const entries = new (std::nothrow) flight_recorder::ring::entry[recorder_capacity_];
    if (entries == nullptr) {
      delete[] table;
      return errc::out_of_memory;
    }
    outside_.adopt(entries, recorder_capacity_);
  }
  started_at_ = {clock_ticks(), monotonic_ns()};
  workers().adopt(table, limits.limit);
  set_limits(limits);
  enable_asymmetric_barriers();
  fork_watch_.owner = this;
  fork_watch_.in_child = &after_fork_in_child;
  os::watch_fork(fork_watch_);
  return {};
}

bool pool_core::ensure_started() noexcept {
  if (start_state_.load(std::memory_order_acquire) == start_state::started) return true;  // E-START
  {
    // Under the lock that fork() takes: no child inherits a pool that is half started.
    const os::fork_lock lock;
    const start_state now = start_state_.load(std::memory_order_acquire);  // E-START
    if (now != start_state::none || is_inherited()) return now == start_state::started && !is_inherited();
    const std::error_code fault = prepare();
    start_error_ = static_cast<errc>(fault.value());
    if (!fault) {
      start_state_.store(start_state::started, std::memory_order_release);  // E-START
    } else if (fault != errc::out_of_memory) {
      start_state_.store(start_state::failed, std::memory_order_release);  // E-START
    }
    if (fault) return false;
  }
  if (traced_) begin_process_trace(*this);
  return true;
}

std::error_code pool_core::start() noexcept {
  if (injected().is_closed() || !ensure_started()) return why_refused();
  return {};
}

std::uint32_t pool_core::worker_limit() noexcept { return ensure_started() ? limits().width : 0; }

std::error_code pool_core::why_refused() const noexcept {
  if (is_inherited()) return errc::inherited_by_fork;
  if (start_state_.load(std::memory_order_acquire) == start_state::failed) return start_error_;  // E-START
  const bool ended = injected().is_closed() || sync().look().life() >= lifecycle::cancelling;
  return ended ? errc::shut_down : errc::out_of_memory;
}

// ---- schedule -----------------------------------------------------------------------------------------------------

bool pool_core::is_inside() const noexcept { return context().pool == this; }

bool pool_core::reserve(std::size_t count, bool insider) noexcept {
  if (config_.max_queued == 0) return true;
  std::size_t queued = queued_.load(std::memory_order_relaxed);
  do {
    if (insider) continue;
    if (count > config_.max_queued || queued > config_.max_queued - count) return false;
  } while (!queued_.compare_exchange_weak(queued, queued + count, std::memory_order_relaxed));
  return true;
}

void pool_core::unreserve(std::size_t count) noexcept {
  if (config_.max_queued != 0) queued_.fetch_sub(count, std::memory_order_relaxed);
}

/// Before the push: what follows it may come at once, and the task be gone. GCC takes a probe for as long as its text,
/// and would not put it into its callers.
[[gnu::always_inline]] inline void pool_core::note_schedule(record* worker, const task* first, std::size_t count,
                                                            site_word site) noexcept {
  if (os::probe::are_built) os::probe::schedule(first, (site.is_known() ? site : site_of(*first)).word(), count);
  if (!keeps_records) return;
  // From outside a note costs a read-modify-write: of what comes thick every 32nd has to do.
  if (worker == nullptr && !context().outside.is_due()) return;
  if (worker == nullptr || count != 1) return note_schedule_of_list(worker, first, count, site);
  const site_word from = site.is_known() ? site : site_of(*first);
  flight_of(*worker).note({flight_kind::schedule, first, 1}, from.word());
}

std::error_code pool_core::schedule(task* work, site_word site) noexcept {
  if constexpr (checks_links) check_and_mark(work, work);
  const thread_context& here = context();
  if (here.pool == this && here.record != nullptr && !is_inherited()) [[likely]] {
    note_schedule(here.record, work, 1, site);
    if (push_local(*here.record, work, work, 1)) return {};
  }
  return admit(here, work, work, 1, site);
}

std::error_code pool_core::schedule(task* first, task* last, std::size_t count, site_word site) noexcept {
  if constexpr (checks_links) check_and_mark(first, last);
  const thread_context& here = context();
  if (here.pool == this && here.record != nullptr) note_schedule(here.record, first, count, site);
  return admit(here, first, last, count, site);
}

std::error_code pool_core::admit(const thread_context& here, task* first, task* last, std::size_t count,
                                 site_word site) noexcept {
  if (here.pool == this && here.record != nullptr) {
    if (!is_inherited() && push_local(*here.record, first, last, count)) return {};
    unmark(first, last);
    return why_refused();
  }
  note_schedule(nullptr, first, count, site);
  if (here.pool == this) return schedule_standing_in(first, last, count);
  if (!reserve(count, false)) {
    unmark(first, last);
    return errc::queue_full;
  }
  if (inject(first, last, count, false)) return {};
  unreserve(count);
  unmark(first, last);
  return why_refused();
}

std::error_code pool_core::schedule_standing_in(task* first, task* last, std::size_t count) noexcept {
  enter_gate();  // a cancel waits for whoever is inside
  const bool accepted = sync().look_after_publish().life() < lifecycle::cancelling;
  if (accepted) {
    static_cast<void>(reserve(count, true));
    static_cast<void>(inject(first, last, count, true));
  }
  leave_gate();
  if (accepted) return {};
  unmark(first, last);
  return why_refused();
}

bool pool_core::readmit(task* first, task* last, std::size_t count) noexcept {
  if constexpr (checks_links) check_and_mark(first, last);
  const thread_context& here = context();
  const bool inside = here.pool == this && here.record != nullptr;
  note_schedule(inside ? here.record : nullptr, first, count, {});
  if (!inside) return !schedule_standing_in(first, last, count);
  if (!is_inherited() && push_local(*here.record, first, last, count)) return true;
  unmark(first, last);
  return false;
}

bool pool_core::run_next(task& work) noexcept {
  const thread_context& here = context();
  if (here.pool != this || here.record == nullptr || is_inherited() || !keeps_next(*here.record)) return false;
  if constexpr (checks_links) check_and_mark(&work, &work);
  note_schedule(here.record, &work, 1, {});
  if (keep_next(*here.record, &work)) return true;
  unmark(&work, &work);
  return false;
}

admission::admission(pool_core& pool) noexcept : pool_(pool) {
  const thread_context& here = context();
  if (here.pool == &pool && here.record != nullptr) {
    // A cancel waits for whoever it finds admitting: what is admitted is swept, or runs.
    worker_ = here.record;
    worker_->admitting.store(1, std::memory_order_relaxed);
    pool.sync().barrier();  // E-ADMIT
    if (pool.sync().look().life() >= lifecycle::cancelling) error_ = pool.why_refused();
    return;
  }
  if (pool.injected().is_closed() || !pool.ensure_started()) {
    error_ = here.pool == &pool && !pool.is_inherited() ? std::error_code{} : pool.why_refused();
    if (error_) return;
  }
  pool.enter_gate();
  inside_gate_ = true;
  if (here.pool == &pool) {
    if (pool.sync().look_after_publish().life() >= lifecycle::cancelling) error_ = pool.why_refused();
  } else if (pool.injected().is_closed()) {
    error_ = pool.why_refused();
  }
  if (!error_ && !pool.reserve(1, here.pool == &pool)) error_ = errc::queue_full;
  reserved_ = !error_;
}

admission::~admission() {
  if (reserved_) pool_.unreserve(1);
  if (worker_ != nullptr) worker_->admitting.store(0, std::memory_order_release);  // E-ADMIT
  if (inside_gate_) pool_.leave_gate();                                            // LAST TOUCH
}

void admission::push(internal_task& made) noexcept {
  if constexpr (checks_links) check_and_mark(&made, &made);
  reserved_ = false;
  pool_.note_schedule(worker_, &made, 1, made.site);
  if (worker_ != nullptr && pool_.push_local(*worker_, &made, &made, 1)) return;
  // Admitted before the pool was closed, if it is closed at all: accepted then, so accepted now.
  static_cast<void>(pool_.inject(&made, &made, 1, true));
}

void admission::push_next(internal_task& made) noexcept {
  if (worker_ == nullptr || !pool_.run_next(made)) push(made);
}

std::error_code pool_core::admit_source(bool passing) noexcept {
  if (is_inherited()) return errc::inherited_by_fork;
  const thread_context& here = context();
  const bool inside = here.pool == this && here.record != nullptr;
  if (!inside) {
    if (injected().is_closed() || !ensure_started()) return why_refused();
    enter_gate();
  }
  const bool refused = !inside && injected().is_closed();
  if (!refused) add_source(passing);
  const std::error_code why = refused ? why_refused() : std::error_code{};
  if (!inside) leave_gate();  // LAST TOUCH
  return why;
}

std::error_code pool_core::admit_callback() noexcept {
  if (is_inherited()) return errc::inherited_by_fork;
  return injected().is_closed() || !ensure_started() ? why_refused() : std::error_code{};
}

void run_internal(task* made) noexcept {
  auto* const self = static_cast<internal_task*>(made);
  self->operations_of->run(self);
}

std::size_t pool_core::run_ready_tasks(record& worker) noexcept {
  constexpr std::size_t most = 61;
  auto& shown = static_cast<pool_record&>(worker);
  const std::uint64_t interrupted = shown.face.runs.load(std::memory_order_relaxed);
  os::probe::enter(worker.index, nullptr, 0);
  shown.flight.note({flight_kind::enter, nullptr}, 0);
  const std::size_t ran = run_ready(worker, most, shown_run{shown});
  os::probe::leave(worker.index);
  shown.flight.note({flight_kind::leave, nullptr}, 0);
  shown.face.runs.store(interrupted, std::memory_order_relaxed);
  if (worker.just_woken) tell_time();  // they may have armed timers, and the caller goes on computing
  return ran;
}

void pool_core::run_while_blocked(record& worker) noexcept {
  const std::uint32_t depth = std::exchange(worker.blocking_depth, 1);
  const sign_text before = static_cast<pool_record&>(worker).face.blocked.read();
  leave_blocking(worker);
  static_cast<void>(run_ready_tasks(worker));
  enter_blocking(worker, before.kind, site_word(before.site));
  worker.blocking_depth = depth;
}

void pool_core::enter_blocking(record& worker, wait_kind why, site_word what) noexcept {
  // Blocked by the outermost wait, whatever that calls: its sign is the one to see.
  if (worker.blocking_depth == 0) {
    wait_sign& blocked = static_cast<pool_record&>(worker).face.blocked;
    blocked.name(this, what.word());
    blocked.hang(why, 0, monotonic_ns());
    note_blocked(worker, why, what);
  }
  base::enter_blocking(worker);
}

void pool_core::leave_blocking(record& worker) noexcept {
  base::leave_blocking(worker);
  if (worker.blocking_depth != 0) return;
  note_unblocked(worker);
  static_cast<pool_record&>(worker).face.blocked.take_down();
}

void pool_core::stamp(record& worker) noexcept {
  worker_face& face = static_cast<pool_record&>(worker).face;
  face.stamped_ns.store(monotonic_ns(), std::memory_order_relaxed);
  face.stamped_at.store(worker.count.started.load(std::memory_order_relaxed), std::memory_order_release);  // E-FACE
}

// ---- threads ------------------------------------------------------------------------------------------------------

void pool_core::thread_refused() noexcept { outside_wait::tell_all(); }

bool pool_core::start_thread(record& worker) noexcept {
  if (worker.thread != nullptr && !os::try_join_thread(worker.thread)) {
    // Its last thread is still running thread-local destructors: joined later, not waited for here.
    void* below = ended_threads_.load(std::memory_order_relaxed);
    do {
      os::set_next_thread(worker.thread, below);
    } while (!ended_threads_.compare_exchange_weak(below, worker.thread, std::memory_order_release,  // E-ENDED
                                                   std::memory_order_relaxed));
  }
  worker.thread = nullptr;
  worker.host = this;
  os::thread_options options;
  const std::size_t page = os::page_bytes();
  options.stack_bytes = (config_.stack_bytes + page - 1) / page * page;
  options.name = config_.name != nullptr && config_.name[0] != '\0' ? config_.name : "treadle";
  options.index = worker.index;
  options.cpu = os::choose_cpu(config_.pin, worker.index);
  if (!os::start_thread(&worker.thread, &thread_main, &worker, options)) return false;
  threads_started_.fetch_add(1, std::memory_order_relaxed);
  return true;
}

void pool_core::thread_main(void* record_of_thread) noexcept {
  record& self = *static_cast<record*>(record_of_thread);
  pool_core& pool = *static_cast<pool_core*>(self.host);
  context() = {&pool, &self, &static_cast<pool_record&>(self).self, nullptr};
  self.state.store(record_state::live, std::memory_order_relaxed);
  pool.living_.fetch_add(1, std::memory_order_release);  // E-LIVING
  const pool_hooks& hooks = pool.config_.hooks;
  if (hooks.worker_start != nullptr) hooks.worker_start(hooks.context, self.index);
  static_cast<pool_record&>(self).face.thread_number.store(os::thread_number(), std::memory_order_relaxed);
  note_begun(self);
  pool.work(self, shown_run{static_cast<pool_record&>(self)});
  note_gone(self);
  if (hooks.worker_stop != nullptr) hooks.worker_stop(hooks.context, self.index);
  context() = {};
  if (pool.sync().look().life() == lifecycle::running) pool.join_left();
  // The last one may have been all that kept a caller from standing in for it.
  if (pool.living_.fetch_sub(1, std::memory_order_release) == 1) outside_wait::tell_all();  // E-LIVING
  self.state.store(record_state::left, std::memory_order_release);  // E-RECORD, LAST TOUCH but for the join
}

bool pool_core::join_left() noexcept {
  bool all_free = true;
  for (std::uint32_t i = 0; i < workers().count(); ++i) {
    record* const worker = workers().at(i);
    if (worker == nullptr) continue;
    record_state state = worker->state.load(std::memory_order_acquire);  // E-RECORD
    if (state == record_state::left &&
        worker->state.compare_exchange_strong(state, record_state::starting, std::memory_order_acquire,
                                              std::memory_order_relaxed)) {  // E-RECORD
      if (worker->thread != nullptr) os::join_thread(std::exchange(worker->thread, nullptr));
      worker->state.store(record_state::vacant, std::memory_order_release);  // E-RECORD
    } else if (state != record_state::vacant) {
      all_free = false;
    }
  }
  return all_free;
}

void pool_core::after_fork_in_child(fork_watch* watch) noexcept {
  pool_core* const pool = static_cast<own_fork_watch*>(watch)->owner;
  pool->forked_.store(true, std::memory_order_relaxed);
  pool->injected().close();
  pool->sync().advance(lifecycle::cancelling);
}

// ---- what others see ----------------------------------------------------------------------------------------------

void pool_core::report_unhandled(const std::exception_ptr& error) const noexcept {
  call_unhandled_hook(config_.hooks, error);
}

}  // namespace treadle::detail
