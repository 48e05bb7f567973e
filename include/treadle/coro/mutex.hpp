#pragma once

#include <treadle/assert.hpp>
#include <treadle/config.hpp>
#include <treadle/coro/detail/waiter.hpp>

#include <utility>

namespace treadle::coro {

/// Lets one coroutine in at a time, first come first served; it may be unlocked on another thread than it was locked
/// on. No thread blocks for longer than a few instructions. Must outlive every wait for it.
class TREADLE_EXPORT mutex {
 public:
  /// Holds the mutex until it is destroyed. Move-only.
  class [[nodiscard]] guard {
   public:
    guard() noexcept = default;
    guard(guard&& other) noexcept : held_(std::exchange(other.held_, nullptr)) {}
    guard& operator=(guard&& other) noexcept {
      if (this != &other) {
        unlock();
        held_ = std::exchange(other.held_, nullptr);
      }
      return *this;
    }
    guard(const guard&) = delete;
    guard& operator=(const guard&) = delete;
    ~guard() { unlock(); }

    void unlock() noexcept {
      if (held_ != nullptr) std::exchange(held_, nullptr)->unlock();
    }
    [[nodiscard]] bool owns() const noexcept { return held_ != nullptr; }

   private:
    friend class mutex;
    explicit guard(mutex& held) noexcept : held_(&held) {}
    mutex* held_ = nullptr;
  };

  /// What `lock` returns.
  class [[nodiscard]] awaiter : public detail::queued_wait<awaiter> {
   public:
    static constexpr auto waits_for = detail::wait_kind::mutex;
    explicit awaiter(mutex& of) noexcept : detail::queued_wait<awaiter>(of.queue_), of_(&of) {}
    [[nodiscard]] bool try_now() noexcept { return !std::exchange(of_->held_, true); }
    guard await_resume() {
      if (!this->settle()) detail::throw_cancelled();
      return guard(*of_);
    }

   private:
    mutex* of_;
  };

  constexpr mutex() noexcept = default;
  mutex(const mutex&) = delete;
  mutex& operator=(const mutex&) = delete;

  /// Suspends the awaiting coroutine until it holds the mutex. Throws `errc::cancelled` if it was asked to stop before.
  awaiter lock() noexcept { return awaiter(*this); }

  /// Takes the mutex if nobody has it. Any thread; does not block.
  [[nodiscard]] guard try_lock() noexcept {
    const detail::brief_guard exclusive(queue_.lock);
    return std::exchange(held_, true) ? guard() : guard(*this);
  }

 private:
  /// Gives the mutex to whoever has waited longest.
  void unlock() noexcept {
    detail::waiter* next = nullptr;
    bool must_wake = false;
    {
      const detail::brief_guard exclusive(queue_.lock);
      TREADLE_DEBUG_ASSERT(held_, 0, 0);
      next = detail::take_waiter(queue_.waiting, must_wake);
      if (next == nullptr) held_ = false;
    }
    if (must_wake) detail::flow::wake(next->wait->waiting());
  }

  detail::wait_queue queue_;
  bool held_ = false;
};

}  // namespace treadle::coro
