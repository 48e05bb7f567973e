#pragma once

#include <atomic>
#include <cstdint>

namespace treadle::detail {

/// Why a wait is over. `none`: it is not.
enum class wake_cause : std::uint32_t { none, done, stopped };

/// What a call of `wake_once::fire` has won. `unarmed`: the waiter is still on its way to sleep and will find out
/// itself.
enum class shot { lost, unarmed, armed };

/// Decides who ends a wait: one of the places that it waits at, or a request to stop. The waiter makes itself known
/// everywhere first, may be fired at from then on, and arms last: only an armed waiter sleeps, and must be woken.
/// States: arming -> armed -> done or stopped; arming -> done or stopped. See docs/design/coroutines.md.
template <class P>
class wake_once {
 public:
  constexpr wake_once() noexcept = default;
  wake_once(const wake_once&) = delete;
  wake_once& operator=(const wake_once&) = delete;

  /// Ends the wait for `cause`. All callers but one get `lost`. Who gets `armed` wakes the waiter, once it has done
  /// with it. Any thread.
  [[nodiscard]] shot fire(wake_cause cause) noexcept {
    std::uint32_t before = word_.load(std::memory_order_relaxed);
    do {
      if (before != arming && before != armed) return shot::lost;
      // E-ONCE: who fires at an armed waiter sees all that it did before it armed.
    } while (!word_.compare_exchange_weak(before, static_cast<std::uint32_t>(cause), std::memory_order_acquire,
                                          std::memory_order_relaxed));
    return before == armed ? shot::armed : shot::unarmed;
  }

  /// The waiter's last step before it sleeps. Returns false if the wait is over already. If true, the waiter may be
  /// gone by now.
  [[nodiscard]] bool arm() noexcept {
    std::uint32_t expected = arming;
    return word_.compare_exchange_strong(expected, armed, std::memory_order_release,  // E-ONCE
                                         std::memory_order_relaxed);
  }

  /// The waiter asks why it was woken. What the waker did reaches it by the lock of its list, or by the queue.
  [[nodiscard]] wake_cause cause() const noexcept {
    const std::uint32_t word = word_.load(std::memory_order_relaxed);
    return word == arming || word == armed ? wake_cause::none : static_cast<wake_cause>(word);
  }

 private:
  static constexpr std::uint32_t arming = 0, armed = 3;

  typename P::template atomic<std::uint32_t> word_{arming};
};

}  // namespace treadle::detail
