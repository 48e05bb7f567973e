#pragma once

#include "digest.hpp"

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>

namespace tool {

/// One line of a check list.
struct check_line {
  digest sum{};
  std::string name;
};

/// Reads the lines of a check list as sha256sum does: its own format, that of `--tag`, and the one with a single space
/// between sum and name. The first line that is not `--tag`'s decides between the first and the last for all lines.
class check_parser {
 public:
  enum class verdict { line, ignored, malformed };

  /// Reads one line, without its newline.
  verdict parse(std::string_view text, check_line& read);

 private:
  enum class style { unknown, two_characters, one_space };

  bool parse_plain(std::string_view text, bool is_escaped, check_line& read);

  style style_ = style::unknown;
};

/// Calls `line` for each line of a file, the last one even without a newline. Returns 0 or an errno.
int for_each_line(int fd, const std::function<void(std::string_view)>& line);

}  // namespace tool
