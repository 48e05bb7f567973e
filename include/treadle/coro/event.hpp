#pragma once

#include <treadle/config.hpp>
#include <treadle/coro/detail/waiter.hpp>

#include <utility>

namespace treadle::coro {

/// Closed until `set`, then open until `reset`. Must outlive every wait for it, and `set` until it returns or a wait
/// does.
class TREADLE_EXPORT event {
 public:
  /// What `wait` returns.
  class [[nodiscard]] awaiter : public detail::queued_wait<awaiter> {
   public:
    static constexpr auto waits_for = detail::wait_kind::event;
    explicit awaiter(event& of) noexcept : detail::queued_wait<awaiter>(of.queue_), of_(&of) {}
    [[nodiscard]] bool try_now() const noexcept { return of_->set_; }
    void await_resume() {
      if (!this->settle()) detail::throw_cancelled();
    }

   private:
    event* of_;
  };

  constexpr event() noexcept = default;
  event(const event&) = delete;
  event& operator=(const event&) = delete;

  /// Suspends the awaiting coroutine until the event is set. Throws `errc::cancelled` if it was asked to stop before.
  awaiter wait() noexcept { return awaiter(*this); }
  /// Sets the event and wakes all who wait, in the order in which they came. Any thread; does not block.
  void set() noexcept {
    batch woken;
    {
      const detail::brief_guard exclusive(queue_.lock);
      set_ = true;
      bool must_wake = false;
      while (detail::waiter* const next = detail::take_waiter(queue_.waiting, must_wake)) {
        if (must_wake) woken.push(next->wait->waiting());
      }
    }
    detail::flow::wake_all(woken);
  }
  /// Closes the event again; who has been woken stays so. Any thread.
  void reset() noexcept {
    const detail::brief_guard exclusive(queue_.lock);
    set_ = false;
  }
  /// Says whether the event is set. Any thread.
  [[nodiscard]] bool is_set() noexcept {
    const detail::brief_guard exclusive(queue_.lock);
    return set_;
  }

 private:
  detail::wait_queue queue_;
  bool set_ = false;
};

}  // namespace treadle::coro
