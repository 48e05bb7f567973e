#include "../core/context.hpp"

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

spawned::spawned(treadle::detail::pool_core& pool, source_site made_at) noexcept : flow_(*this, pool, made_at) {
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
  const treadle::detail::thread_context here = treadle::detail::context();
  const bool on_worker = here.record != nullptr;
  if (on_worker) here.pool->enter_blocking(*here.record);  // another takes this worker's place meanwhile
  std::int64_t nap_ns = look_again_ns;
  bool nobody_came = false;
  while (!completion_.wait(treadle::detail::monotonic_ns() + nap_ns)) {
    flow_.pool().run_on_caller();  // it may have moved
    // If no other can be had, and all block, we ourselves among them, then nobody but us comes to the queues. Looked at
    // twice, for a spare may be about to be started.
    const bool all_block = on_worker && everybody_blocks(*here.pool);
    if (all_block && std::exchange(nobody_came, true)) {
      here.pool->run_while_blocked(*here.record);
    }
    if (!all_block) nobody_came = false;
    if (!all_block && nap_ns < longest_nap_ns) nap_ns *= 2;
  }
  if (on_worker) here.pool->leave_blocking(*here.record);
  return {};
}

}  // namespace treadle::coro::detail
