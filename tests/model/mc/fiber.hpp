#pragma once

#include <cstddef>

namespace mc {

/// A stack that can be switched to. One OS thread runs them all, so nothing here is atomic.
/// A fiber may be abandoned in the middle and started afresh: what lived on its stack is then forgotten.
class fiber {
 public:
  using entry_type = void (*)();

  fiber() noexcept = default;  ///< The stack that is running already.
  fiber(const fiber&) = delete;
  fiber& operator=(const fiber&) = delete;
  ~fiber();

  /// Makes the next switch to this fiber call `entry`, which must never return.
  void start(entry_type entry);
  /// Runs `to` until something switches back to `from`, the fiber that is running now.
  static void switch_to(fiber& from, fiber& to) noexcept;
  /// Called first in every entry: tells the sanitizer that the switch is over.
  static void entered() noexcept;

 private:
  void* stack_pointer_ = nullptr;
  void* stack_ = nullptr;
  [[maybe_unused]] void* sanitizer_state_ = nullptr;
  const void* bounds_ = nullptr;
  std::size_t bounds_size_ = 0;
};

}  // namespace mc
