#pragma once

#include <atomic>
#include <cstdint>

namespace treadle::detail {

/// How many operations somebody has given to the kernel and nobody has taken back yet, and whether more may follow: one
/// word, so that who closes it has seen every operation that was begun. docs/design/io.md.
template <class P>
class under_way {
 public:
  constexpr under_way() noexcept = default;
  under_way(const under_way&) = delete;
  under_way& operator=(const under_way&) = delete;

  /// Counts an operation before the kernel gets it, and after all that its end needs has been written. Returns false if
  /// `at_most` are under way already, or none may begin any more. Any thread.
  [[nodiscard]] bool begin(std::uint32_t at_most) noexcept {
    const std::uint32_t before = word_.fetch_add(one, std::memory_order_release);  // E-BEGUN
    if ((before & closed) == 0 && before / one < at_most) return true;
    end(1);
    return false;
  }
  /// For who has taken answers out of the kernel's hands: from now on it may touch their operations. The kernel orders
  /// as much, but promises it nowhere, and no sanitizer knows.
  void see_begun() noexcept { word_.fetch_add(0, std::memory_order_acquire); }  // E-BEGUN
  /// `count` operations are over, and what they made ready has been handed on.
  void end(std::uint32_t count) noexcept { word_.fetch_sub(count * one, std::memory_order_release); }  // E-BEGUN

  /// None begins from now on. Any number of times.
  void close() noexcept { word_.fetch_or(closed, std::memory_order_relaxed); }
  /// Says whether none is under way; then all that ended ones did is seen.
  [[nodiscard]] bool is_none() const noexcept { return word_.load(std::memory_order_acquire) < one; }  // E-BEGUN

 private:
  static constexpr std::uint32_t closed = 1, one = 2;

  typename P::template atomic<std::uint32_t> word_{0};
};

}  // namespace treadle::detail
