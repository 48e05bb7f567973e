#pragma once

#include <treadle/coro/detail/promise.hpp>

#include <concepts>
#include <coroutine>

namespace treadle::coro {

/// What `yield` returns.
class [[nodiscard]] give_way {
 public:
  [[nodiscard]] static bool await_ready() noexcept { return false; }
  template <std::derived_from<detail::promise_base> Promise>
  bool await_suspend(std::coroutine_handle<Promise> yielding) noexcept {
    self_ = &yielding.promise().running_flow();
    if (self_->stop_requested()) return false;
    self_->suspend_at(yielding);
    detail::flow::queue(*self_);  // LAST TOUCH
    return true;
  }
  void await_resume() const {
    if (self_->stop_requested()) detail::throw_cancelled();
  }

 private:
  detail::flow* self_ = nullptr;
};

/// Puts the awaiting coroutine behind what is queued on its worker. Throws `errc::cancelled` if it was asked to stop.
inline give_way yield() noexcept { return {}; }

}  // namespace treadle::coro
