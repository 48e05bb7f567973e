#pragma once

#include <treadle/coro/task.hpp>
#include <treadle/io/address.hpp>
#include <treadle/result.hpp>

#include <chrono>
#include <cstddef>
#include <functional>
#include <string>
#include <vector>

namespace treadle::http {

/// Finds the addresses of a host for a port; see `client_options::resolver`.
using resolver_function =
    std::function<coro::task<result<std::vector<io::address>>>(std::string host, std::string port)>;

/// How a client works.
struct client_options {
  /// How many requests are started at a time, first come first served; a body that streams counts.
  unsigned max_in_flight = 64;
  /// The same for each host and port; 0: no limit of its own. Who waits for its host keeps nobody else waiting.
  unsigned max_per_host = 0;
  /// Instances of libcurl side by side. Each has connections of its own and runs on one worker at a time, so one is
  /// right until TLS or decompression keep it busy.
  unsigned shards = 1;

  std::string user_agent = "treadle";
  /// A file of certificates in PEM to trust, instead of the system's.
  std::string ca_file{};
  /// A proxy for all requests, as in curl's -x. If empty: what http_proxy, https_proxy, all_proxy and no_proxy say.
  std::string proxy{};
  /// Whether those are looked at, when the client is made.
  bool environment_proxy = true;
  /// Takes names and passwords from ~/.netrc, or from `netrc_file`.
  bool netrc = false;
  std::string netrc_file{};
  /// Offers HTTP/2 to servers with TLS.
  bool http2 = true;

  /// How much of a body is kept for a reader that is slower than the network; a stream has two such buffers. Over
  /// HTTP/2 libcurl keeps up to 32 MiB more.
  std::size_t buffer_bytes = 64 * 1024;
  /// How long the addresses of a name are kept.
  std::chrono::nanoseconds name_ttl = std::chrono::minutes(1);
  /// Asked for addresses instead of `io::resolve`. One that hangs holds up those who need its answer, until they are
  /// asked to stop or run out of time; nobody else. It may outlive the client.
  resolver_function resolver{};
};

}  // namespace treadle::http
