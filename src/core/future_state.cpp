#include "context.hpp"

#include <treadle/detail/future_state.hpp>
#include <treadle/detail/pool_core.hpp>
#include <treadle/errc.hpp>

namespace treadle::detail {

namespace {

constexpr std::int64_t look_again_ns = 1'000'000, longest_nap_ns = 64'000'000;

}  // namespace

future_state::future_state(const operations& ops, source_site scheduled_at, pool_core& pool) noexcept
    : internal_task(ops, scheduled_at), pool_(&pool), hooks_(pool.config().hooks) {}

future_state::~future_state() = default;

void future_state::run_queued(internal_task* made) noexcept {
  auto* const self = static_cast<future_state*>(made);
  if (self->completion_.claim()) self->execute();
  self->drop_reference();
}

bool future_state::cancel_queued(internal_task* made) noexcept {
  auto* const self = static_cast<future_state*>(made);
  const bool unrun = self->completion_.claim();
  if (unrun) {
    self->destroy_callable();
    self->completion_.complete_unrun();
  }
  self->drop_reference();
  return unrun;
}

void future_state::execute() noexcept {
  thread_context& here = context();
  below_ = here.innermost;
  here.innermost = this;
  invoke();
  context().innermost = below_;
  completion_.complete();
}

void future_state::drop_reference() noexcept {
  if (!completion_.release()) return;
  if (error_ != nullptr) call_unhandled_hook(hooks_, error_);
  destroy();
}

void future_state::rethrow() {
  if (completion_.was_cancelled()) {
    throw std::system_error(make_error_code(errc::cancelled), "treadle: the task was cancelled before it ran");
  }
  if (error_ != nullptr) std::rethrow_exception(std::exchange(error_, nullptr));
}

bool future_state::wait_until(std::int64_t deadline_ns) noexcept {
  if (is_done()) return true;
  if (pool_->is_inherited()) return false;  // whoever runs it runs in the parent
  const thread_context& here = context();
  if (here.record == nullptr) {
    const thread_wait shown(*pool_, wait_kind::future, site);
    return completion_.wait(deadline_ns);
  }
  pool_core& waiting = *here.pool;
  pool_core::record& self = *here.record;
  waiting.enter_blocking(self, wait_kind::future, site);
  const bool finished = completion_.wait(deadline_ns);
  waiting.leave_blocking(self);
  return finished;
}

std::error_code future_state::wait() noexcept {
  if (is_done()) return {};
  if (pool_->is_inherited()) return errc::inherited_by_fork;
  const thread_context& here = context();
  for (const future_state* below = here.innermost; below != nullptr; below = below->below_) {
    if (below == this) return errc::would_deadlock;
  }
  if (here.pool == pool_ && completion_.claim()) {
    const shown_in_place shown(here.record, *this);
    execute();
    return {};
  }
  if (here.record == nullptr) {
    const thread_wait shown(*pool_, wait_kind::future, site);
    return wait_outside();
  }
  // It runs elsewhere, or is another pool's: another worker takes our place meanwhile.
  pool_core& waiting = *here.pool;
  pool_core::record& self = *here.record;
  const shown_link shown(&self, this, wait_kind::future, site);
  waiting.enter_blocking(self, wait_kind::future, site);
  if (&waiting == pool_) {
    completion_.wait(no_deadline);
  } else {
    static_cast<void>(wait_outside());
  }
  waiting.leave_blocking(self);
  return {};
}

std::error_code future_state::wait_outside() noexcept {
  std::int64_t nap_ns = look_again_ns;
  bool nobody_came = false;
  while (!is_done()) {
    if (completion_.is_claimed()) {
      completion_.wait(no_deadline);
      continue;
    }
    // All may block, we ourselves further down among them, and no spare can be had: then nobody comes to the queue.
    // Looked at twice, for a spare may be about to be started, and again and again, for a worker may block later.
    const sync_state now = pool_->sync().look_acquire();
    const bool nobody = now.total() == 0 || (now.total() == now.blocked() && std::exchange(nobody_came, true));
    if (!nobody) {
      if (now.total() != now.blocked()) nobody_came = false;
      completion_.wait(monotonic_ns() + nap_ns);
      if (nap_ns < longest_nap_ns && !nobody_came) nap_ns *= 2;
    } else {
      // Claimed inside: who finds the task claimed must find its runner counted.
      pool_->stand_in(
          [](void* state) noexcept {
            auto* const self = static_cast<future_state*>(state);
            if (self->completion_.claim()) self->execute();
          },
          this);
    }
  }
  return {};
}

}  // namespace treadle::detail
