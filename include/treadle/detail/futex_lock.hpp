#pragma once

#include <atomic>
#include <cstdint>

namespace treadle::detail {

/// A lock for a few instructions' work, whose waiters sleep if its holder was put to sleep itself. No fairness.
/// After Drepper, "Futexes Are Tricky" (2011), his second mutex.
template <class P>
class futex_lock {
 public:
  constexpr futex_lock() noexcept = default;
  futex_lock(const futex_lock&) = delete;
  futex_lock& operator=(const futex_lock&) = delete;

  /// Holds the lock for its own life.
  class holder {
   public:
    explicit holder(futex_lock& held) noexcept : held_(held) { held_.take(); }
    ~holder() { held_.give_back(); }
    holder(const holder&) = delete;
    holder& operator=(const holder&) = delete;

   private:
    futex_lock& held_;
  };

 private:
  static constexpr std::uint32_t free = 0, held = 1, waited_for = 2;

  void take() noexcept {
    std::uint32_t word = free;
    // E-LOCK: the holder sees what the one before it did.
    if (word_.compare_exchange_strong(word, held, std::memory_order_acquire, std::memory_order_relaxed)) return;
    wait();
  }

  void wait() noexcept {
    for (std::uint32_t i = 0; i < P::lock_looks; ++i) {
      P::pause();
      std::uint32_t word = free;
      if (word_.load(std::memory_order_relaxed) == free &&
          word_.compare_exchange_weak(word, held, std::memory_order_acquire, std::memory_order_relaxed)) {  // E-LOCK
        return;
      }
    }
    // Who has slept cannot know whether others still do: it holds the lock as one that is waited for.
    while (word_.exchange(waited_for, std::memory_order_acquire) != free) {  // E-LOCK
      P::futex_wait(word_, waited_for, INT64_MAX);
    }
  }

  void give_back() noexcept {
    const std::uint32_t before = word_.exchange(free, std::memory_order_release);  // E-LOCK
    if (before == waited_for) P::futex_wake(&word_, 1);                            // LAST TOUCH
  }

  typename P::template atomic<std::uint32_t> word_{free};
};

}  // namespace treadle::detail
