#pragma once

#include "socket.hpp"

#include <vector>

namespace treadle::detail::os {

enum class lookup_failure { none, host_not_found, service_not_found, try_again, failed, system };

struct lookup_result {
  lookup_failure what = lookup_failure::none;
  int error = 0;  ///< the errno, for `system`
  std::vector<socket_address> found;
};

/// Asks the system for the addresses of a host's service, for streams, in its order of preference. Blocks, for many
/// seconds if need be, unless `numeric_only`: then names are not found. Throws std::bad_alloc.
[[nodiscard]] lookup_result look_up(const char* host, const char* service, bool numeric_only);

}  // namespace treadle::detail::os
