#pragma once

#include "../install/integrity.hpp"

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace tool::fetch {

/// A file is gathered as `.NAME` with this behind it, and what it is a part of is noted in the other.
inline constexpr std::string_view part_ending = ".treadle-part";
inline constexpr std::string_view source_ending = ".treadle-part.from";

/// What the user asked of `treadle fetch`.
struct options {
  std::vector<std::string> urls;
  std::string list_path;      ///< a URL a line; - is standard input
  std::string manifest_path;  ///< URL, name and checksum, a line each; - is standard input
  std::vector<std::string> checksums;
  std::string folder = ".";
  unsigned most_at_a_time = 16;
  unsigned most_per_host = 0;
  unsigned retries = 3;
  bool resumes = false;
  bool wants_json = false;
};

/// One file to fetch.
struct item {
  std::string url;
  std::string name;  ///< in the folder
  std::optional<install::integrity> checksum;
};

/// Returns what is to be fetched. Throws bad_option for what cannot be, and fault for a list that cannot be read.
[[nodiscard]] std::vector<item> read_items(const options& asked);

/// Fetches all of it. Returns the exit status.
int run(const options& asked);

}  // namespace tool::fetch
