#pragma once

#include <treadle/coro/detail/promise.hpp>
#include <treadle/thread_pool.hpp>

#include <concepts>
#include <coroutine>
#include <system_error>

namespace treadle::coro {

/// What `resume_on` returns.
class [[nodiscard]] move_to_pool {
 public:
  explicit move_to_pool(thread_pool& to) noexcept : to_(&to.core()) {}

  [[nodiscard]] static bool await_ready() noexcept { return false; }
  template <std::derived_from<detail::promise_base> Promise>
  bool await_suspend(std::coroutine_handle<Promise> moving) noexcept {
    detail::flow& self = moving.promise().running_flow();
    treadle::detail::pool_core& from = self.pool();
    if (&from == to_) return false;
    self.suspend_at(moving);
    self.set_pool(*to_);
    // Read before the push: then this wait may be gone.
    treadle::detail::pool_core* const to = to_;
    if (const std::error_code refused = to->schedule(&self, &self, 1)) {
      self.set_pool(from);
      refused_ = refused;
      return false;
    }
    return true;
  }
  void await_resume() const {
    if (refused_) throw std::system_error(refused_, "treadle::coro::resume_on");
  }

 private:
  treadle::detail::pool_core* to_;
  std::error_code refused_;
};

/// Moves the awaiting coroutine, and those that await it, to `pool`; there it goes on, and is woken from then on. The
/// pool must outlive it. Throws std::system_error when the pool refuses: then nothing has moved.
inline move_to_pool resume_on(thread_pool& pool) noexcept { return move_to_pool(pool); }

}  // namespace treadle::coro
