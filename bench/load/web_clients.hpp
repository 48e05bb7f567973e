#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

namespace load {

/// What is to be fetched: `count` URLs that begin with `origin` + "/files/" and end with a number from 0 on.
struct fetch_job {
  std::string origin;
  std::uint64_t count = 0;
  std::uint64_t bytes = 0;    ///< of each
  std::uint64_t cap = 0;      ///< requests in flight
  std::string certificate;    ///< to trust, or empty
  std::uint64_t seconds = 2;  ///< for wrk, which counts by time
};

/// Returns the command by which the program `client` does it, and writes below `folder` what that reads; `command` is
/// the program of those that are ours. Empty for a name that is not known.
std::vector<std::string> client_command(const std::string& client, const std::vector<std::string>& command,
                                        const fetch_job& job, const std::filesystem::path& folder);

}  // namespace load
