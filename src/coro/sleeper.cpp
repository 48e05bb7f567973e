#include <treadle/coro/detail/sleeper.hpp>
#include <treadle/detail/pool_core.hpp>
#include <treadle/detail/system_policy.hpp>
#include <treadle/errc.hpp>

#include <system_error>

namespace treadle::coro::detail {

bool sleeper::begin(flow& self) noexcept {
  flow_ = &self;
  // Even if the time has passed: a loop that lags behind ends, too.
  if (self.stop_requested() || self.pool().is_ending()) {
    refused_ = errc::cancelled;
    return false;
  }
  if (treadle::detail::monotonic_ns() >= deadline_ns_) return false;
  timer_.work = static_cast<treadle::task*>(&self);
  slept_ = true;
  self.shows(wait_kind::sleep, static_cast<std::uint64_t>(deadline_ns_));
  std::error_code refused = errc::cancelled;
  // Under the lock of the list: a request to stop finds the timer armed, or is found here.
  const bool begun = self.stops().add_begun(*this, [&refused, &self, this]() noexcept {
    refused = self.pool().arm_timer(timer_, deadline_ns_, true);
    return !refused;
  });
  if (begun) return true;  // LAST TOUCH of flow and frame was the list's unlock
  self.shows_nothing();
  slept_ = false;
  refused_ = refused;
  return false;
}

/// Whoever takes the timer out of its wheel owns the flow: here, or a worker that expires it.
void sleeper::reach(node& reached, batch& woken) noexcept {
  auto& self = static_cast<sleeper&>(reached);
  if (self.flow_->pool().is_inherited()) return;  // by fork(): nobody goes on with it, and the wheel may be locked
  if (treadle::detail::timer_wheel<treadle::detail::system_policy>::cancel(self.timer_)) woken.push(*self.flow_);
}

bool sleeper::settle() {
  if (slept_) {
    flow_->stops().remove(*this);  // whoever armed the timer, or tried to cancel it, may still be inside
    if (treadle::detail::monotonic_ns() >= deadline_ns_) return true;
  } else if (!refused_) {
    return true;
  } else if (refused_ != errc::cancelled && refused_ != errc::shut_down) {
    throw std::system_error(refused_, "treadle: a coroutine could not sleep");
  }
  // Woken before its time: by a request to stop, or by the end of its pool, which is one.
  static_cast<void>(flow_->request_stop());
  return false;
}

namespace {

struct quiet_sleeper : sleeper {
  using sleeper::sleeper;
  [[nodiscard]] bool await_resume() { return settle(); }
};

}  // namespace

task<bool> sleeps_until(std::int64_t deadline_ns) { co_return co_await quiet_sleeper(deadline_ns); }

}  // namespace treadle::coro::detail
