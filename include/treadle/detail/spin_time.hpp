#pragma once

#include <cstdint>

namespace treadle::detail {

/// How long a worker looks for work before it parks: the whole time as long as that brings work, half as long after
/// each look in vain, soon not at all. Every 16th time it is the whole time again, to notice that tasks come thick now.
class spin_time {
 public:
  /// Starts anew with the whole time; zero or less: never.
  void set(std::int64_t whole_ns) noexcept { whole_ns_ = now_ns_ = whole_ns; }
  [[nodiscard]] std::int64_t ns() const noexcept { return now_ns_; }

  void brought_work() noexcept {
    now_ns_ = whole_ns_;
    in_vain_ = 0;
  }
  /// Counts a park, with a look before it or without.
  void was_in_vain() noexcept {
    if (++in_vain_ % whole_each == 0) {
      now_ns_ = whole_ns_;
    } else {
      now_ns_ = now_ns_ / 2 >= shortest_ns ? now_ns_ / 2 : 0;
    }
  }

 private:
  static constexpr std::uint32_t whole_each = 16;
  static constexpr std::int64_t shortest_ns = 250;  ///< below it, asking for the time costs more than it brings

  std::int64_t whole_ns_ = 0;
  std::int64_t now_ns_ = 0;
  std::uint32_t in_vain_ = 0;
};

}  // namespace treadle::detail
