#pragma once

namespace mc {

/// Where in the source an operation stands: a default argument of every operation, for traces and for mutants.
/// (Not std::source_location: clang 14 with libstdc++ 12 lacks it.)
struct site {
  const char* file = "";
  unsigned line = 0;

  static constexpr site current(const char* file = __builtin_FILE(), unsigned line = __builtin_LINE()) noexcept {
    return site{file, line};
  }
};

}  // namespace mc
