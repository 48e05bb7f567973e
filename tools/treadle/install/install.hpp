#pragma once

#include "place.hpp"
#include "plan.hpp"

#include <cstdint>
#include <string>

namespace tool::install {

/// What the user asked of `treadle install`.
struct options {
  std::string lock_path = "package-lock.json";
  std::string registry;    ///< empty: npm's configuration says
  std::string store_path;  ///< empty: below the user's cache folder
  bool is_offline = false;
  bool wants_json = false;
  unsigned most_at_a_time = 64;
  std::uint64_t most_package_bytes = std::uint64_t{4} << 30;
  omissions without;
  link_way way = link_way::reflink;
};

/// Installs what a lock file says. Returns the exit status.
int run(const options& asked);

}  // namespace tool::install
