#include "context.hpp"

#include "../os/os.hpp"

#include <treadle/assert.hpp>
#include <treadle/blocking.hpp>
#include <treadle/this_worker.hpp>
#include <treadle/thread_pool.hpp>

#include <cstdio>
#include <exception>

namespace treadle::detail {

namespace {

// Initial-exec: found by one load, in a shared object as well; its few bytes fit into what the loader keeps for dlopen.
[[gnu::tls_model("initial-exec")]] constinit thread_local thread_context current{};

[[gnu::always_inline]] inline thread_context& looked_up() noexcept {
  // Hides what is returned, too: clang 14 hands the address of a thread-local to callers, though nothing is inlined.
  thread_context* mine = &current;
  asm volatile("" : "+r"(mine)::"memory");
  return *mine;
}

}  // namespace

TREADLE_NEVER_INLINE thread_context& context() noexcept { return looked_up(); }

std::int64_t last_known_ns() noexcept {
  const pool_core::record* const worker = looked_up().record;
  if (worker == nullptr) return monotonic_ns();
  return static_cast<const pool_record*>(worker)->face.stamped_ns.load(std::memory_order_relaxed);
}

thread_wait::thread_wait(const pool_core& of, wait_kind why, site_word what) noexcept : sign_(take_sign()) {
  if (sign_ == nullptr) return;
  sign_->name(&of, what.word());
  sign_->hang(of_thread(why), os::thread_number(), monotonic_ns());
}
thread_wait::~thread_wait() {
  if (sign_ != nullptr) give_sign(*sign_);
}

void tell_task_begins(const pool_core::record& worker, const void* task, site_word site) noexcept {
  tell_profiler(worker, [&](const profiler_hooks& told) {
    if (told.task_begin == nullptr) return;
    profiler_hooks::task_info info;
    info.task = task;
    if (site.is_function()) {
      info.function = reinterpret_cast<const void*>(static_cast<std::uintptr_t>(site.address()));
    } else {
      info.site = {site.file(), site.line()};
    }
    told.task_begin(told.context, worker.index, info);
  });
}
void tell_task_ends(const pool_core::record& worker) noexcept {
  tell_profiler(worker, [&](const profiler_hooks& told) {
    if (told.task_end != nullptr) told.task_end(told.context, worker.index);
  });
}

shown_link::shown_link(pool_core::record* waiter, const void* awaited, wait_kind kind, site_word what) noexcept {
  if (waiter == nullptr || static_cast<pool_core*>(waiter->host)->is_inherited()) return;
  waiter_ = static_cast<pool_record*>(waiter);
  const thread_context& here = context();
  worker_face& face = waiter_->face;
  const brief_guard exclusive(face.links);
  const wait_link* const below = face.waits_for.load(std::memory_order_relaxed);
  link_ = {awaited, kind, what, here.innermost, here.innermost_child, here.innermost_branch, below};
  face.waits_for.store(&link_, std::memory_order_relaxed);
}
shown_link::~shown_link() {
  if (waiter_ == nullptr || static_cast<pool_core*>(waiter_->host)->is_inherited()) return;
  worker_face& face = waiter_->face;
  const brief_guard exclusive(face.links);
  face.waits_for.store(link_.below, std::memory_order_relaxed);
}

// Not by way of `context`: a fork that has no worker passed to it asks each time, and feels the second call.
TREADLE_NEVER_INLINE worker* worker_here() noexcept { return looked_up().self; }

worker& current_worker() noexcept {
  worker* const self = context().self;
  TREADLE_ASSERT(self != nullptr, 0, 0);
  return *self;
}

void report_unhandled(const std::exception_ptr& error) noexcept {
  const pool_core* const pool = context().pool;
  if (pool != nullptr) {
    pool->report_unhandled(error);
  } else {
    call_unhandled_hook({}, error);
  }
}

void call_unhandled_hook(const pool_hooks& hooks, const std::exception_ptr& error) noexcept {
  if (hooks.unhandled_exception != nullptr) {
    hooks.unhandled_exception(hooks.context, error);
    return;
  }
  try {
    std::rethrow_exception(error);
  } catch (const std::exception& caught) {
    std::fprintf(stderr, "treadle: a task threw, and nobody waits for it: %s\n", caught.what());
  } catch (...) {
    std::fprintf(stderr, "treadle: a task threw, and nobody waits for it\n");
  }
  std::terminate();
}

void pool_core::stand_in(void (*f)(void*) noexcept, void* argument) noexcept {
  thread_context& here = context();
  const thread_context before = here;
  worker self(*face_, worker::npos);
  here = {this, nullptr, &self, before.innermost, before.innermost_child, before.innermost_branch};
  enter_stand_in(stand_in_kind::waiter);
  f(argument);
  leave_stand_in(stand_in_kind::waiter);
  context() = before;
}

blocking_section::blocking_section(wait_kind why) noexcept : worker_(nullptr) {
  const thread_context& here = context();
  if (here.record == nullptr) return;
  worker_ = here.record;
  here.pool->enter_blocking(*here.record, why);
}

blocking_section::~blocking_section() {
  if (worker_ == nullptr) return;
  auto* const worker = static_cast<pool_core::record*>(worker_);
  static_cast<pool_core*>(worker->host)->leave_blocking(*worker);
}

}  // namespace treadle::detail

namespace treadle::this_worker {

thread_pool* pool() noexcept {
  const detail::thread_context& here = detail::context();
  return here.record != nullptr ? &here.pool->face() : nullptr;
}

std::size_t index() noexcept {
  const detail::thread_context& here = detail::context();
  return here.record != nullptr ? here.record->index : npos;
}

}  // namespace treadle::this_worker
