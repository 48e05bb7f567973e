#pragma once

#include <treadle/io/backend.hpp>

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace tool {

/// What this machine gives a process of treadle. What cannot be found out is empty, or 0.
struct machine {
  struct cache {
    std::uint32_t level = 0;
    std::uint64_t bytes = 0;
    std::uint32_t count = 0;  ///< how many there are of it
  };
  struct limit {
    std::uint64_t now = 0;  ///< UINT64_MAX: none
    std::uint64_t most = 0;
  };

  std::string system;           ///< such as "Linux 6.1.0 x86_64"
  std::uint32_t online = 0;     ///< CPUs
  std::string affinity;         ///< such as "0-3,8"
  std::uint32_t allowed = 0;    ///< CPUs of the affinity mask
  std::uint32_t available = 0;  ///< by the mask and every quota: what a pool takes

  bool knows_topology = false;
  std::uint32_t packages = 0;
  std::uint32_t cores = 0;
  std::uint32_t threads = 0;
  std::uint32_t numa_nodes = 0;
  std::uint32_t line_bytes = 0;
  std::vector<cache> caches;

  treadle::io::backend io;
  std::string io_text;
  std::vector<std::string> ring_features;  ///< of io_uring; empty where there is none
  std::string ring_switch;                 ///< the sysctl kernel.io_uring_disabled

  std::string clock_source;
  double clock_ns = 0;  ///< what a look at the clock costs
  std::uint64_t timer_slack_ns = 0;
  bool has_barriers = false;  ///< membarrier: what is rare pays for what is not

  limit files, processes, locked_bytes, stack_bytes;

  std::uint32_t pool_width = 0;
  double pool_start_us = 0;  ///< until its first task has run
  std::string pool_refused;  ///< why a pool cannot run a task; empty if it can

  /// Looks all of it up, and starts a pool.
  [[nodiscard]] static machine look();
};

/// Something about a machine that a user should know.
struct remark {
  bool is_problem = false;  ///< treadle cannot work; else it works, but less well than it could
  std::string text;
  std::string mend;
};

/// Returns what is wrong with a machine, problems first.
[[nodiscard]] std::vector<remark> remarks_on(const machine& seen);

}  // namespace tool
