#pragma once

#include <sys/types.h>

#include <cstdint>
#include <filesystem>
#include <stdexcept>
#include <string>
#include <vector>

namespace load {

/// A program that this needs is not installed.
class not_here : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

/// A folder of our own for one run; removed with this.
class scratch_folder {
 public:
  enum class place { memory, disk };  ///< In memory where there is such a place.

  explicit scratch_folder(place where);
  scratch_folder(const scratch_folder&) = delete;
  scratch_folder& operator=(const scratch_folder&) = delete;
  ~scratch_folder();

  [[nodiscard]] const std::filesystem::path& path() const noexcept { return path_; }

 private:
  std::filesystem::path path_;
};

/// What nginx has seen, out of its log.
struct web_seen {
  std::uint64_t answers = 0;           ///< With status 200.
  std::uint64_t most_connections = 0;  ///< Open at a time: with HTTP/1.1 no fewer than requests in flight.
};

/// nginx with one worker and a configuration of our own, on a loopback port.
class web_server {
 public:
  /// Starts it below `folder` with `locations` in its server block, on one processor or, with -1, anywhere; waits until
  /// it listens. Throws `not_here` where there is no nginx, and std::runtime_error if it does not listen.
  web_server(const std::filesystem::path& folder, bool has_tls, const std::string& locations, int processor);
  web_server(const web_server&) = delete;
  web_server& operator=(const web_server&) = delete;
  ~web_server();

  /// Returns `http://127.0.0.1:N`, or the same with https.
  [[nodiscard]] std::string origin() const;
  /// Returns the file with the certificate that vouches for it.
  [[nodiscard]] std::string certificate() const { return folder_ / "certificate.pem"; }
  /// Ends it, and says what its log says.
  web_seen stop();

 private:
  [[nodiscard]] bool listens() const;

  std::filesystem::path folder_;
  bool has_tls_;
  std::uint16_t port_ = 0;
  pid_t process_ = 0;
};

/// What a command has cost.
struct run_costs {
  int status = 0;  ///< As of a shell.
  double wall_ns = 0;
  double cpu_ns = 0;
  double peak_kib = 0;
  std::string output;
};

/// Runs a command to its end, on one processor or, with -1, anywhere.
run_costs run_to_end(const std::vector<std::string>& command, int processor,
                     const std::filesystem::path& output = "/dev/null");

}  // namespace load
