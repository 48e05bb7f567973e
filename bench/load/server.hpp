#pragma once

#include <sys/types.h>

#include <cstdint>
#include <string>
#include <vector>

namespace load {

/// What a server has used so far.
struct server_costs {
  double cpu_ns = 0;
  double user_ns = 0;  ///< In ticks of the kernel, so only for seconds.
  double switches = 0;
  double memory_bytes = 0;  ///< Anonymous pages that are resident.
};

/// A server in a process of its own, which says `port N` on its standard output and then serves until it is ended.
class server {
 public:
  static constexpr int anywhere = -1;

  /// Starts it on one processor, or anywhere; waits until it listens. Ends this program if it does not: with the status
  /// that says "not offered" if that is what the server said.
  server(const std::vector<std::string>& command, int processor);
  server(const server&) = delete;
  server& operator=(const server&) = delete;
  ~server();

  [[nodiscard]] std::uint16_t port() const noexcept { return port_; }
  [[nodiscard]] double cpu_ns() const noexcept;
  [[nodiscard]] server_costs costs() const;

 private:
  pid_t process_ = 0;
  clockid_t clock_ = 0;
  std::uint16_t port_ = 0;
};

}  // namespace load
