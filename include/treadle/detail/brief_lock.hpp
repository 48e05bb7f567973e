#pragma once

#include <atomic>
#include <cstdint>

namespace treadle::detail {

/// A lock for a few instructions on a list, in one futex word: free, held, or held and wanted.
/// After Drepper, "Futexes Are Tricky" (2011), his second mutex.
/// No fairness. What it guards may be freed by whoever locks it next: `unlock`
/// touches nothing after it has let go.
template <class P>
class brief_lock {
 public:
  constexpr brief_lock() noexcept = default;
  brief_lock(const brief_lock&) = delete;
  brief_lock& operator=(const brief_lock&) = delete;

  /// Any thread. Sleeps only if the holder does not come to its end within `P::brief_rounds` looks.
  void lock() noexcept {
    if (!try_lock()) wait();
  }

  /// Takes the lock if nobody has it. Any thread, a signal handler too.
  [[nodiscard]] bool try_lock() noexcept {
    std::uint32_t expected = free;
    // E-BRIEF: the holder sees what all earlier holders did.
    return word_.compare_exchange_strong(expected, held, std::memory_order_acquire, std::memory_order_relaxed);
  }

  void unlock() noexcept {
    const std::uint32_t before = word_.exchange(free, std::memory_order_release);  // E-BRIEF
    if (before == wanted) P::futex_wake(&word_, 1);  // LAST TOUCH: the address is a key only
  }

 private:
  static constexpr std::uint32_t free = 0, held = 1, wanted = 2;

  void wait() noexcept {
    for (std::uint32_t round = 0; round < P::brief_rounds; ++round) {
      P::pause();
      std::uint32_t expected = free;
      if (word_.load(std::memory_order_relaxed) == free &&
          word_.compare_exchange_weak(expected, held, std::memory_order_acquire,
                                      std::memory_order_relaxed)) {  // E-BRIEF
        return;
      }
    }
    // Who has slept cannot know whether others still do: it holds the lock as one that is wanted.
    while (word_.exchange(wanted, std::memory_order_acquire) != free) {  // E-BRIEF
      static_cast<void>(P::futex_wait(word_, wanted, INT64_MAX));
    }
  }

  typename P::template atomic<std::uint32_t> word_{free};
};

/// Holds a lock for a block.
template <class Lock>
class brief_guard {
 public:
  explicit brief_guard(Lock& lock) noexcept : lock_(lock) { lock_.lock(); }
  ~brief_guard() { lock_.unlock(); }
  brief_guard(const brief_guard&) = delete;
  brief_guard& operator=(const brief_guard&) = delete;

 private:
  Lock& lock_;
};

}  // namespace treadle::detail
