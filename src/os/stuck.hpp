#pragma once

#include <cstdint>

namespace treadle::detail::os {

/// What a thread of this process sleeps in.
struct futex_sleep {
  bool is_futex = false;
  std::uint32_t owner = 0;  ///< the thread that holds the mutex, if that is what it is; else 0
};

/// Looks what a thread, by its number, sleeps in. A snapshot: it may have got up meanwhile.
[[nodiscard]] futex_sleep sleep_of(std::uint32_t thread) noexcept;

}  // namespace treadle::detail::os
