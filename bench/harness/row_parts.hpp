#pragma once

#include "rows.hpp"

#include <string>
#include <utility>
#include <vector>

/// What the tables of rows are written with.
namespace bench {

using words = std::vector<std::string>;

inline const metric wall{"wall_ns", "wall", "ns", 1, ""};
inline const metric cpu{"cpu_ns", "CPU", "ns", 1, ""};
inline const metric wall_ms{"wall_ns", "wall", "ms", 1e-6, ""};
inline const metric cpu_ms{"cpu_ns", "CPU", "ms", 1e-6, ""};
inline const metric peak{"peak_kib", "peak", "MiB", 1.0 / 1024, ""};

/// Every name runs `peer_<name> words...`.
inline std::vector<contender> peers(const words& names, const words& arguments) {
  std::vector<contender> result;
  for (const std::string& name : names) {
    words command{"peer_" + name};
    command.insert(command.end(), arguments.begin(), arguments.end());
    result.push_back({name, std::move(command), true});
  }
  return result;
}

}  // namespace bench
