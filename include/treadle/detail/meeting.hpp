#pragma once

#include <atomic>
#include <cstdint>

namespace treadle::detail {

/// Where one who waits and one who ends the wait meet, whoever comes first: the second of them goes on with it.
/// docs/design/io.md.
template <class P>
class meeting {
 public:
  constexpr meeting() noexcept = default;
  meeting(const meeting&) = delete;
  meeting& operator=(const meeting&) = delete;

  /// The waiter comes, asleep already. Returns false if the wait is over; if true, the waiter may be gone by now.
  [[nodiscard]] bool wait() noexcept {
    return !word_.exchange(true, std::memory_order_acq_rel);  // E-MEET
  }
  /// The wait is over, and what it brought has been written. Returns true if the waiter sleeps, and is to be woken; if
  /// false, it may be gone by now.
  [[nodiscard]] bool end() noexcept {
    return word_.exchange(true, std::memory_order_acq_rel);  // E-MEET
  }

 private:
  typename P::template atomic<bool> word_{false};  ///< whether one of them has come
};

}  // namespace treadle::detail
