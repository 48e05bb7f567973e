#pragma once

#include <cstddef>
#include <cstdint>

namespace treadle::detail {

/// How long a worker that has run all it had lets the pushes of others gather before it looks again. Where tasks come
/// faster than they are run, a worker at their heels reads the cache lines that the next push writes, and both wait for
/// the memory; with a distance between them neither does. So the wait doubles as long as tasks come thick, and is short
/// again as soon as they do not. It lasts no longer than waking a parked worker would.
class catch_pace {
 public:
  /// Counts what a look brought. `full`: as much as it might, so that there is probably more.
  void caught(std::size_t count, bool full) noexcept {
    caught_ += count;
    more_ = full;
  }
  /// Returns how long to wait before the next look, in ns: nothing, if the last one brought nothing or all it might.
  [[nodiscard]] std::int64_t next_wait_ns() noexcept {
    if (more_ || caught_ == 0) {
      more_ = false;
      return 0;
    }
    const bool thick = caught_ * shortest_ns >= thick_each * static_cast<std::size_t>(wait_ns_);
    caught_ = 0;
    const std::int64_t longer = 2 * wait_ns_ < longest_ns ? 2 * wait_ns_ : longest_ns;
    return wait_ns_ = thick ? longer : shortest_ns;
  }

 private:
  static constexpr std::int64_t shortest_ns = 250, longest_ns = 16'000;
  static constexpr std::size_t thick_each = 2;  ///< tasks in the shortest wait

  std::size_t caught_ = 0;
  std::int64_t wait_ns_ = shortest_ns;
  bool more_ = false;
};

}  // namespace treadle::detail
