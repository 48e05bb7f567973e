#pragma once

#include <treadle/config.hpp>
#include <treadle/coro/detail/flow.hpp>
#include <treadle/coro/detail/promise.hpp>
#include <treadle/coro/task.hpp>
#include <treadle/detail/system_policy.hpp>
#include <treadle/detail/timer_wheel.hpp>

#include <concepts>
#include <coroutine>
#include <cstdint>
#include <system_error>

namespace treadle::coro::detail {

/// A wait for a point in time. Lies in the frame of the waiting coroutine; the timer's task is the flow itself, so that
/// an expiry is its wake-up. Between that and a request to stop the wheel decides: docs/design/coroutines.md.
class TREADLE_EXPORT sleeper : flow_stops::node {
 public:
  explicit sleeper(std::int64_t deadline_ns) noexcept : node(&reach), deadline_ns_(deadline_ns) {}

  [[nodiscard]] bool await_ready() const noexcept { return false; }
  template <std::derived_from<promise_base> Promise>
  bool await_suspend(std::coroutine_handle<Promise> waiting) noexcept {
    flow& self = waiting.promise().running_flow();
    self.suspend_at(waiting);
    return begin(self);  // LAST TOUCH, if true
  }

 protected:
  ~sleeper() = default;

  /// Ends the wait. Returns whether the time has come; if not, the flow was asked to stop, or its pool ends. Throws
  /// std::system_error if the timer could not be armed.
  [[nodiscard]] bool settle();

 private:
  /// Returns false if there is nothing to wait for.
  bool begin(flow& self) noexcept;
  static void reach(node& reached, batch& woken) noexcept;

  const std::int64_t deadline_ns_;
  flow* flow_ = nullptr;
  treadle::detail::timer_node<treadle::detail::system_policy> timer_;
  bool slept_ = false;
  std::error_code refused_;
};

/// Sleeps. Returns whether the time has come, as `sleeper::settle` does.
[[nodiscard]] TREADLE_EXPORT task<bool> sleeps_until(std::int64_t deadline_ns);

}  // namespace treadle::coro::detail
