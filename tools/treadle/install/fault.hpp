#pragma once

#include <cerrno>
#include <stdexcept>
#include <string>
#include <system_error>

namespace tool::install {

/// What keeps something from being installed or fetched, in one line that names it. Everything here throws it.
struct fault : std::runtime_error {
  using std::runtime_error::runtime_error;
};

/// The same where the network or the disk is to blame, and not what was read: a package that is optional may be gone
/// without.
struct outage : fault {
  using fault::fault;
};

/// Says whether a server that answers with this status may answer otherwise a little later.
[[nodiscard]] constexpr bool is_worth_another_try(int status) noexcept {
  return status == 408 || status == 429 || status >= 500;
}

/// Throws what errno says of `what`.
[[noreturn]] inline void throw_errno(const std::string& what) {
  throw outage(what + ": " + std::generic_category().message(errno));
}

}  // namespace tool::install
