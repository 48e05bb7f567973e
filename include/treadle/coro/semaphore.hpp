#pragma once

#include <treadle/config.hpp>
#include <treadle/coro/detail/waiter.hpp>

#include <cstddef>

namespace treadle::coro {

/// A number of permits, given out first come first served. Must outlive every wait for it.
class TREADLE_EXPORT semaphore {
 public:
  /// What `acquire` returns.
  class [[nodiscard]] awaiter : public detail::queued_wait<awaiter> {
   public:
    static constexpr auto waits_for = detail::wait_kind::semaphore;
    explicit awaiter(semaphore& of) noexcept : detail::queued_wait<awaiter>(of.queue_), of_(&of) {}
    [[nodiscard]] bool try_now() noexcept { return of_->take_locked(); }
    void await_resume() {
      if (!this->settle()) detail::throw_cancelled();
    }

   private:
    semaphore* of_;
  };

  constexpr explicit semaphore(std::size_t permits) noexcept : permits_(permits) {}
  semaphore(const semaphore&) = delete;
  semaphore& operator=(const semaphore&) = delete;

  /// Suspends the awaiting coroutine until it has one permit. Throws `errc::cancelled`, without a permit, if it was
  /// asked to stop before.
  awaiter acquire() noexcept { return awaiter(*this); }
  /// Takes a permit if there is one. Any thread; does not block.
  [[nodiscard]] bool try_acquire() noexcept {
    const detail::brief_guard exclusive(queue_.lock);
    return take_locked();
  }
  /// Gives `permits` back, first to those who wait. Any thread; does not block.
  void release(std::size_t permits = 1) noexcept {
    batch woken;
    {
      const detail::brief_guard exclusive(queue_.lock);
      bool must_wake = false;
      for (; permits != 0; --permits) {
        detail::waiter* const next = detail::take_waiter(queue_.waiting, must_wake);
        if (next == nullptr) break;
        if (must_wake) woken.push(next->wait->waiting());
      }
      permits_ += permits;
    }
    detail::flow::wake_all(woken);
  }

 private:
  /// Nobody waits while there is a permit, so nobody is overtaken.
  bool take_locked() noexcept {
    if (permits_ == 0) return false;
    --permits_;
    return true;
  }

  detail::wait_queue queue_;
  std::size_t permits_;
};

}  // namespace treadle::coro
