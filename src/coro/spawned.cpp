#include "../core/context.hpp"
#include "../core/outside_wait.hpp"

#include <treadle/coro/detail/spawned.hpp>
#include <treadle/detail/pool_core.hpp>
#include <treadle/errc.hpp>

#include <system_error>
#include <utility>

namespace treadle::coro::detail {

namespace {

constexpr std::int64_t look_again_ns = 1'000'000, longest_nap_ns = 64'000'000;

bool everybody_blocks(const treadle::detail::pool_core& pool) noexcept {
  const treadle::detail::sync_state now = pool.sync().look_acquire();
  return now.total() == now.blocked();
}

}  // namespace

spawned::spawned(treadle::detail::pool_core& pool, treadle::detail::site_word made_at) noexcept
    : flow_(*this, pool, made_at) {
  flow_.set_locals(this_coro::locals());
}
spawned::~spawned() = default;

void spawned::listen_to(std::stop_token stop) {
  if (stop.stop_possible()) listening_.emplace(std::move(stop), stopper{this});
}

std::coroutine_handle<> spawned::ended(flow& over) noexcept {
  spawned& self = *static_cast<own_flow&>(over).owner;
  self.listening_.reset();
  // A pool that ends has asked everybody to stop: what its coroutines say to that is no news to the hook.
  if (self.error() != nullptr && over.pool().is_ending()) static_cast<void>(over.request_stop());
  batch woken;
  {
    const brief_guard guard(self.joining_.lock);
    self.over_ = true;
    bool must_wake = false;
    while (waiter* const joining = take_waiter(self.joining_.waiting, must_wake)) {
      if (must_wake) woken.push(joining->wait->waiting());
    }
  }
  self.completion_.complete();
  flow::wake_all(woken);
  self.drop_reference();
  return std::noop_coroutine();
}

void spawned::drop_reference() noexcept {
  if (!completion_.release()) return;
  if (const std::exception_ptr unseen = std::exchange(error(), nullptr)) {
    if (!flow_.stop_requested() || !says_cancelled(unseen)) flow_.pool().report_unhandled(unseen);
  }
  delete this;
}

std::error_code spawned::wait() noexcept {
  if (is_done()) return {};
  if (flow_.pool().is_inherited()) return errc::inherited_by_fork;
  treadle::detail::context().record == nullptr ? wait_outside() : wait_on_worker();
  return {};
}

/// With no thread in the pool, runs what is queued, and looks now and then for what is due or ready; else sleeps.
void spawned::wait_outside() noexcept {
  const treadle::detail::thread_wait shown(flow_.pool(), treadle::detail::wait_kind::join, flow_.site);
  treadle::detail::outside_wait sleeper(completion_);
  std::int64_t nap_ns = look_again_ns;
  for (;;) {
    sleeper.be_told(true);
    const bool stranded = flow_.pool().is_stranded();  // the pool of now, for the flow may have moved
    if (!stranded) {
      if (completion_.wait(treadle::detail::no_deadline)) return;
      nap_ns = look_again_ns;
      continue;
    }
    sleeper.be_told(false);  // what we try in vain ourselves is no news
    flow_.pool().run_on_caller();
    if (completion_.wait(treadle::detail::monotonic_ns() + nap_ns)) return;
    if (nap_ns < longest_nap_ns) nap_ns *= 2;
  }
}

/// Another takes this worker's place meanwhile. If no other can be had, and all block, we ourselves among them, then
/// nobody but us comes to the queues.
void spawned::wait_on_worker() noexcept {
  const treadle::detail::thread_context here = treadle::detail::context();
  treadle::detail::pool_core& pool = *here.pool;
  treadle::detail::pool_core::record& self = *here.record;
  pool.enter_blocking(self, treadle::detail::wait_kind::join, flow_.site);
  std::int64_t nap_ns = look_again_ns;
  bool nobody_came = false;
  while (!completion_.wait(treadle::detail::monotonic_ns() + nap_ns)) {
    flow_.pool().run_on_caller();  // it may have moved
    // Looked at twice, for a spare may be about to be started.
    const bool all_block = everybody_blocks(pool);
    if (all_block && std::exchange(nobody_came, true)) pool.run_while_blocked(self);
    if (!all_block) nobody_came = false;
    if (!all_block && nap_ns < longest_nap_ns) nap_ns *= 2;
  }
  pool.leave_blocking(self);
}

}  // namespace treadle::coro::detail
