#pragma once

#include <treadle/config.hpp>
#if defined(TREADLE_CHAOS)
#include <treadle/detail/chaos_atomic.hpp>
#endif

#include <atomic>
#include <cstddef>
#include <cstdint>

namespace treadle::detail {

/// Sleeps while `word` holds `expected`, until woken or until `deadline_ns` (CLOCK_MONOTONIC; no_deadline: for ever).
/// May return early for no reason. Returns false only when the deadline passed.
TREADLE_EXPORT bool futex_wait(const std::atomic<std::uint32_t>& word, std::uint32_t expected,
                               std::int64_t deadline_ns) noexcept;
/// Wakes up to `count` sleepers of `word`. The address is a key only: the word itself may be gone already.
TREADLE_EXPORT void futex_wake(const std::atomic<std::uint32_t>* word, std::uint32_t count) noexcept;
/// Returns CLOCK_MONOTONIC in nanoseconds.
TREADLE_EXPORT std::int64_t monotonic_ns() noexcept;
/// Gives the rest of this thread's time slice away.
TREADLE_EXPORT void yield_thread() noexcept;
/// Sleeps for about `ns` nanoseconds.
TREADLE_EXPORT void sleep_thread(std::int64_t ns) noexcept;

/// Makes every running thread of the process execute a full barrier.
TREADLE_EXPORT void barrier_on_all_threads() noexcept;
/// Registers the process for it, and says in `asymmetric_barriers` whether it can be had.
TREADLE_EXPORT void enable_asymmetric_barriers() noexcept;
TREADLE_EXPORT extern std::atomic<bool> asymmetric_barriers;

inline constexpr std::int64_t no_deadline = INT64_MAX;
inline constexpr std::uint32_t wake_all = INT32_MAX;

/// What the kernels in this folder run on. They name nothing but their policy, so that the very same code runs here on
/// std::atomic and futexes, and under the model checker of tests/model on simulated ones.
struct system_policy {
  template <class T>
#if defined(TREADLE_CHAOS)
  using atomic = chaos_atomic<T>;
#else
  using atomic = std::atomic<T>;
#endif

  /// A cell that is not atomic: every access must be ordered by an edge. The model checker reports those that are not.
  template <class T>
  class plain {
   public:
    constexpr plain() noexcept = default;
    constexpr explicit plain(T value) noexcept : value_(value) {}
    constexpr T get() const noexcept { return value_; }
    constexpr void set(T value) noexcept { value_ = value; }

   private:
    T value_{};
  };

  using ring_index = std::uint64_t;
  static constexpr ring_index ring_index_mask = INT64_MAX;  ///< never wraps: 292 years at one task a nanosecond
  static constexpr std::uint32_t ring_capacity = 256;
  static constexpr ring_index lease_capacity = 32;  ///< tasks that an owner takes at a time, for thieves to take back
  static constexpr ring_index least_lease = 4;
  static constexpr std::uint32_t injected_chunk = 60;  ///< below the 61 tasks after which the injected queue is served
  static constexpr std::uint32_t steal_attempts = 4;   ///< tries of one steal before the thief goes to the next victim

  static constexpr std::uint32_t join_rounds = 100;      ///< looks of a join at its thief before it yields, then sleeps
  static constexpr std::uint32_t ripening_rounds = 100;  ///< looks that a fork must outlast before it is stolen
  static constexpr std::uint32_t lookout_patience = 16;  ///< looks without a sign of forks until the post is given up
  static constexpr std::uint32_t brief_rounds = 100;     ///< looks at a brief lock before its caller sleeps

  /// Test-only: true restores the faulty step of that defect of the seed.
  static constexpr bool seed_defect(int) noexcept { return false; }

  /// Orders the caller's earlier stores before its later loads (publish-then-look against announce-then-recheck).
  /// The thread sanitizer does not model fences: there both sides modify the same word instead.
  static void store_load_barrier(atomic<std::uint64_t>& shared_word) noexcept {
#if TREADLE_THREAD_SANITIZER
    shared_word.fetch_add(0, std::memory_order_seq_cst);  // E-PARK
#else
    static_cast<void>(shared_word);
    std::atomic_thread_fence(std::memory_order_seq_cst);  // E-PARK
#endif
  }

  /// A pair of barriers, one of which costs nothing: after a heavy one here, each other thread has either made what it
  /// stored before its light one visible, or sees in its loads after it what was stored before the heavy one.
  static void light_barrier() noexcept { std::atomic_signal_fence(std::memory_order_seq_cst); }  // E-LEASE
  static void heavy_barrier() noexcept { barrier_on_all_threads(); }
  /// Says whether the pair can be had. Once it could and then cannot, it never can again.
  static bool has_asymmetric_barriers() noexcept { return asymmetric_barriers.load(std::memory_order_relaxed); }

  static bool futex_wait(const atomic<std::uint32_t>& word, std::uint32_t expected, std::int64_t deadline_ns) noexcept {
    return detail::futex_wait(word, expected, deadline_ns);
  }
  static void futex_wake(const atomic<std::uint32_t>* word, std::uint32_t count) noexcept {
    detail::futex_wake(word, count);
  }
  static std::int64_t now_ns() noexcept { return monotonic_ns(); }
  static void pause() noexcept {
#if defined(__x86_64__) || defined(__i386__)
    __builtin_ia32_pause();
#elif defined(__aarch64__)
    asm volatile("isb" ::: "memory");
#else
    std::atomic_signal_fence(std::memory_order_seq_cst);
#endif
  }
  static void yield() noexcept { yield_thread(); }
  static void sleep(std::int64_t ns) noexcept { sleep_thread(ns); }
};

}  // namespace treadle::detail
