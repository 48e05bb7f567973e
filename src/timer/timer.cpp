#include "../core/context.hpp"

#include <treadle/assert.hpp>
#include <treadle/errc.hpp>
#include <treadle/timer.hpp>

#include <cstdint>
#include <new>

namespace treadle {

timer::timer(thread_pool& pool, expiry_type on_expiry) noexcept : task(&run), pool_(&pool), on_expiry_(on_expiry) {
  node_.work = static_cast<task*>(this);
}

timer::~timer() {
  // What a child of fork() has inherited lies in no wheel that anybody will look at.
  TREADLE_ASSERT(!is_armed() || pool_->core().is_inherited(), node_.tick.get(), node_.place);
}

std::error_code timer::arm_at_ns(std::int64_t deadline_ns) noexcept {
  return pool_->core().arm_timer(node_, deadline_ns, detail::context().in_timer);
}

bool timer::rearm_at_ns(std::int64_t deadline_ns) noexcept {
  return pool_->core().rearm_timer(node_, deadline_ns, detail::context().in_timer);
}

bool timer::cancel() noexcept {
  // In a child of fork() the wheels are as they were, perhaps locked by a thread that is not here.
  return !pool_->core().is_inherited() && detail::timer_wheel<detail::system_policy>::cancel(node_);
}

void timer::run(task* expired) noexcept {
  auto& self = *static_cast<timer*>(expired);
  detail::context().in_timer = true;
  self.on_expiry_(self);  // LAST TOUCH: the callback may free the timer or arm it again
  detail::context().in_timer = false;
}

}  // namespace treadle

namespace treadle::detail {

namespace {

constexpr std::uint32_t most_wheels = 16;

/// Threads outside spread over the wheels by where their context lies.
std::uint32_t spread(const thread_context& here) noexcept {
  const auto place = reinterpret_cast<std::uintptr_t>(&here);
  return static_cast<std::uint32_t>((place * 0x9e3779b97f4a7c15u) >> 40);
}

}  // namespace

pool_core::wheel* pool_core::make_wheels() noexcept {
  const std::uint32_t count = limits().width < most_wheels ? limits().width : most_wheels;
  auto* const made = new (std::nothrow) wheel[count];
  if (made != nullptr && !adopt_wheels(made, count)) delete[] made;
  return wheels();
}

std::error_code pool_core::arm_timer(timer_node<system_policy>& armed, std::int64_t deadline_ns,
                                     bool returns) noexcept {
  if (is_inherited()) return errc::inherited_by_fork;
  thread_context& here = context();
  record* const inside = here.pool == this ? here.record : nullptr;
  if (inside == nullptr) {
    if (injected().is_closed() || !ensure_started()) return why_refused();
    enter_gate();
  }
  wheel* const table = wheels() != nullptr ? wheels() : make_wheels();
  std::error_code refused;
  if (table == nullptr || (inside == nullptr && injected().is_closed())) {
    refused = why_refused();
  } else {
    const std::uint32_t index = inside != nullptr ? inside->index : spread(here);
    const arming came = table[index % wheel_count()].arm(armed, deadline_ns);
    if (came == arming::refused) refused = why_refused();
    if (came == arming::first) new_first_timer(returns ? inside : nullptr);
  }
  if (inside == nullptr) leave_gate();  // LAST TOUCH
  return refused;
}

bool pool_core::rearm_timer(timer_node<system_policy>& armed, std::int64_t deadline_ns, bool returns) noexcept {
  if (is_inherited()) return false;
  thread_context& here = context();
  record* const inside = here.pool == this ? here.record : nullptr;
  if (inside == nullptr) {
    if (!is_started()) return false;
    enter_gate();
  }
  arming came = arming::refused;
  if (inside != nullptr || !injected().is_closed()) came = wheel::rearm(armed, deadline_ns);
  if (came == arming::first) new_first_timer(returns ? inside : nullptr);
  if (inside == nullptr) leave_gate();  // LAST TOUCH
  return came != arming::refused;
}

/// Sees to it that somebody gets up for a timer that comes before all others of its wheel. `returning`: the worker that
/// will look around soon: it tells when it finds other work; else it parks, and keeps the time itself.
void pool_core::new_first_timer(record* returning) noexcept {
  if (returning != nullptr) {
    returning->just_woken = true;
  } else {
    tell_time();
  }
}

}  // namespace treadle::detail
