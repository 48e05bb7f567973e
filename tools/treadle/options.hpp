#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace tool {

enum class progress_mode { automatic, always, never };

/// What the user asked of `treadle hash`.
struct hash_options {
  std::vector<std::string> paths;
  std::string check_list;     ///< empty: hash, do not check
  std::uint32_t threads = 0;  ///< 0: as many as can run at a time
  bool is_check = false;
  bool wants_json = false;
  bool wants_stats = false;
  bool is_unsorted = false;
  progress_mode progress = progress_mode::automatic;
};

}  // namespace tool
