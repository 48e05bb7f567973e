#pragma once

#include <treadle/assert.hpp>
#include <treadle/config.hpp>
#include <treadle/coro/detail/waiter.hpp>

#include <cstddef>

namespace treadle::coro {

/// Counts down to zero, once. Must outlive every wait for it.
class TREADLE_EXPORT latch {
 public:
  /// What `wait` returns.
  class [[nodiscard]] awaiter : public detail::queued_wait<awaiter> {
   public:
    static constexpr auto waits_for = detail::wait_kind::latch;
    explicit awaiter(latch& of) noexcept : detail::queued_wait<awaiter>(of.queue_), of_(&of) {}
    [[nodiscard]] bool try_now() const noexcept { return of_->left_ == 0; }
    void await_resume() {
      if (!this->settle()) detail::throw_cancelled();
    }

   private:
    latch* of_;
  };

  constexpr explicit latch(std::size_t count) noexcept : left_(count) {}
  latch(const latch&) = delete;
  latch& operator=(const latch&) = delete;

  /// Suspends the awaiting coroutine until the count is zero. Throws `errc::cancelled` if it was asked to stop before.
  awaiter wait() noexcept { return awaiter(*this); }
  /// Takes `by` off the count, which must not be less; at zero wakes all who wait. Any thread; does not block.
  void count_down(std::size_t by = 1) noexcept {
    batch woken;
    {
      const detail::brief_guard exclusive(queue_.lock);
      TREADLE_ASSERT(by <= left_, by, left_);
      left_ -= by;
      bool must_wake = false;
      while (left_ == 0) {
        detail::waiter* const next = detail::take_waiter(queue_.waiting, must_wake);
        if (next == nullptr) break;
        if (must_wake) woken.push(next->wait->waiting());
      }
    }
    detail::flow::wake_all(woken);
  }
  /// Says whether the count is zero. Any thread.
  [[nodiscard]] bool is_zero() noexcept {
    const detail::brief_guard exclusive(queue_.lock);
    return left_ == 0;
  }

 private:
  detail::wait_queue queue_;
  std::size_t left_;
};

}  // namespace treadle::coro
