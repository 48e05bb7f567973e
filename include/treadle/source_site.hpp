#pragma once

#include <cstdint>

namespace treadle {

/// Names the place in the source that scheduled a task. One pointer and one number, both to static data: copying is
/// free.
struct source_site {
  const char* file = "";
  std::uint32_t line = 0;

  /// Returns the place of the call itself when used as a default argument.
  static constexpr source_site current(const char* file = __builtin_FILE(),
                                       std::uint32_t line = static_cast<std::uint32_t>(__builtin_LINE())) noexcept {
    return {file, line};
  }
};

}  // namespace treadle
