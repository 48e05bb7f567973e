#pragma once

#include <atomic>
#include <cstdint>

namespace treadle::detail {

/// Counts arrivals at a place where a given number has to meet. The last one goes on, and sees what all of them did
/// before; by the same step the count is full again, so that a loop may come by any number of times.
/// Whoever arms it does so before any thread that arrives can. docs/design/graph.md.
template <class P>
class arrivals {
 public:
  constexpr arrivals() noexcept = default;
  arrivals(const arrivals&) = delete;
  arrivals& operator=(const arrivals&) = delete;

  void arm(std::uint32_t needed) noexcept {
    needed_.set(needed);
    missing_.store(needed, std::memory_order_relaxed);
  }

  /// Makes the count full again, after a run that was cut short.
  void refill() noexcept { missing_.store(needed_.get(), std::memory_order_relaxed); }

  /// Returns true to the last of those who are needed. One alone waits for nobody, and touches nothing that is shared.
  [[nodiscard]] bool arrive() noexcept {
    const std::uint32_t needed = needed_.get();
    if (needed <= 1) return true;
    std::uint32_t missing = missing_.load(std::memory_order_relaxed);
    while (!missing_.compare_exchange_weak(missing, missing == 1 ? needed : missing - 1, std::memory_order_acq_rel,
                                           std::memory_order_relaxed)) {  // E-ARRIVE
    }
    return missing == 1;
  }

 private:
  typename P::template atomic<std::uint32_t> missing_{0};
  typename P::template plain<std::uint32_t> needed_{};
};

}  // namespace treadle::detail
