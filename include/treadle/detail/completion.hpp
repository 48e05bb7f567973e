#pragma once

#include <treadle/config.hpp>

#include <atomic>
#include <cstdint>

namespace treadle::detail {

/// Who may run a task that others wait for, whether it is done, and who is the last to know of it.
/// One word moves free -> claimed -> done; `waited_for` and `interrupted` may join at any time, `cancelled` comes with
/// done. Two references: the waiter's and the queue's. States: docs/design/futures.md.
template <class P>
class completion {
 public:
  constexpr completion() noexcept = default;
  completion(const completion&) = delete;
  completion& operator=(const completion&) = delete;

  /// Returns true to exactly one caller, who runs the task or ends it unrun. The others see what that one did before:
  /// that it counts as at work.
  [[nodiscard]] bool claim() noexcept {
    return (word_.fetch_or(claimed, std::memory_order_acq_rel) & claimed) == 0;  // E-FUTURE
  }
  [[nodiscard]] bool is_claimed() const noexcept { return (word_.load(std::memory_order_relaxed) & claimed) != 0; }

  /// The claimer has done with the task; who sees it done sees all that it did.
  void complete() noexcept { end(done); }
  void complete_unrun() noexcept { end(done | cancelled); }

  [[nodiscard]] bool is_done() const noexcept {
    return (word_.load(std::memory_order_acquire) & done) != 0;  // E-FUTURE
  }
  /// Only for who has seen it done.
  [[nodiscard]] bool was_cancelled() const noexcept { return (word_.load(std::memory_order_relaxed) & cancelled) != 0; }

  /// Ends a `wait`, the present one or the next, though the task is not done. The waiter sees what the caller did
  /// before. Any thread that keeps this alive.
  void interrupt() noexcept {
    const std::uint32_t before = word_.fetch_or(interrupted, std::memory_order_release);  // E-FUTURE
    if ((before & waited_for) != 0) P::futex_wake(&word_, everyone);
  }

  /// Sleeps until the task is done, `deadline_ns` passes or this is interrupted. Returns whether it is done.
  bool wait(std::int64_t deadline_ns) noexcept {
    std::uint32_t word = word_.load(std::memory_order_acquire);  // E-FUTURE
    while ((word & done) == 0) {
      if ((word & interrupted) != 0) {
        // One that comes just now is taken with it, and seen, too.
        word = word_.fetch_and(~interrupted, std::memory_order_acquire);  // E-FUTURE
        return (word & done) != 0;
      }
      if ((word & waited_for) == 0) {
        word = word_.fetch_or(waited_for, std::memory_order_acquire) | waited_for;  // E-FUTURE
        continue;
      }
      if (!P::futex_wait(word_, word, deadline_ns)) return is_done();
      if constexpr (P::seed_defect(119)) return true;
      word = word_.load(std::memory_order_acquire);  // E-FUTURE
    }
    return true;
  }

  /// Gives one reference up. Returns true to the last one, who sees all that the other did, and frees it.
  [[nodiscard]] bool release() noexcept {
    return references_.fetch_sub(1, std::memory_order_acq_rel) == 1;  // E-FUTURE
  }

 private:
  static constexpr std::uint32_t claimed = 1, done = 2, waited_for = 4, cancelled = 8, interrupted = 16;
  static constexpr std::uint32_t everyone = INT32_MAX;

  void end(std::uint32_t how) noexcept {
    const std::uint32_t before = word_.fetch_or(how, std::memory_order_release);  // E-FUTURE
    if ((before & waited_for) != 0) P::futex_wake(&word_, everyone);
  }

  typename P::template atomic<std::uint32_t> word_{0};
  typename P::template atomic<std::uint32_t> references_{2};
};

}  // namespace treadle::detail
