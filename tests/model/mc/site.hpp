#pragma once

#include <string>

namespace mc {

/// Where in the source an operation stands: a default argument of every operation, for traces and for mutants.
/// (Not std::source_location: clang 14 with libstdc++ 12 lacks it.)
struct site {
  const char* file = "";
  unsigned line = 0;
  const char* function = "";

  static constexpr site current(const char* file = __builtin_FILE(), unsigned line = __builtin_LINE(),
                                const char* function = __builtin_FUNCTION()) noexcept {
    return site{file, line, function};
  }
};

/// Returns the name of a file without its folders.
const char* file_name(const char* path) noexcept;
/// Returns the edge that the source names at a place: the tag on the line, behind it in the same statement, or in the
/// comment above it. Empty if there is none, or no such file.
std::string edge_at(const std::string& path, unsigned line);
/// Returns the code of one line, without indentation and comment.
std::string code_at(const std::string& path, unsigned line);

}  // namespace mc
