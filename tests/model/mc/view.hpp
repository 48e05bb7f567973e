#pragma once

#include <algorithm>
#include <array>
#include <cstdint>

namespace mc {

inline constexpr unsigned max_threads = 12;     ///< of one execution, the body included
inline constexpr unsigned max_locations = 512;  ///< atomics made in one execution

using stamp = std::uint16_t;  ///< a message's place in its location's modification order

/// What one point of an execution knows: of each thread, how far it happens before; of each location, the oldest
/// message that may still be read. A message carries one, and whoever acquires it joins it to its own.
class view {
 public:
  void clear() noexcept {
    clock_.fill(0);
    known_ = 0;
  }
  void assign(const view& other) noexcept {
    clock_ = other.clock_;
    known_ = other.known_;
    std::copy_n(other.oldest_.begin(), known_, oldest_.begin());
  }
  void join(const view& other) noexcept {
    for (unsigned t = 0; t < max_threads; ++t) clock_[t] = std::max(clock_[t], other.clock_[t]);
    join_stamps(other);
  }
  /// Joins what may be read but not what happens before: all that the order of seq_cst operations gives.
  void join_stamps(const view& other) noexcept {
    extend(other.known_);
    for (unsigned id = 0; id < other.known_; ++id) oldest_[id] = std::max(oldest_[id], other.oldest_[id]);
  }
  void raise(unsigned id, stamp at_least) noexcept {
    extend(id + 1);
    oldest_[id] = std::max(oldest_[id], at_least);
  }
  [[nodiscard]] stamp oldest(unsigned id) const noexcept { return id < known_ ? oldest_[id] : stamp{0}; }
  [[nodiscard]] std::uint32_t clock(unsigned thread) const noexcept { return clock_[thread]; }
  void set_clock(unsigned thread, std::uint32_t value) noexcept { clock_[thread] = value; }

 private:
  void extend(unsigned count) noexcept {
    for (; known_ < count; ++known_) oldest_[known_] = 0;
  }

  std::array<std::uint32_t, max_threads> clock_{};
  unsigned known_ = 0;  ///< the stamps from here on are not initialised: zero
  std::array<stamp, max_locations> oldest_;
};

}  // namespace mc
