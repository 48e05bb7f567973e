#pragma once

#include <treadle/http/failure.hpp>

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <optional>

namespace treadle::http {

/// How to treat one request. A time of zero is no limit.
struct request_options {
  /// For all of it, from when its turn has come until the last byte of the body is there: redirects, retries and their
  /// pauses included.
  std::chrono::nanoseconds timeout{0};
  /// Until there is a connection: the name's lookup, TCP, proxy, TLS.
  std::chrono::nanoseconds connect_timeout = std::chrono::seconds(30);
  /// From when the request is sent until the first byte of the answer.
  std::chrono::nanoseconds first_byte_timeout = std::chrono::minutes(5);
  /// Without a byte in either direction. Time for which a slow reader or source of ours is to blame does not count.
  std::chrono::nanoseconds stall_timeout = std::chrono::minutes(1);

  /// The most that a body may have, decompressed. If unset: 256 MiB for `get` and `send`, which collect it in memory;
  /// no limit for `open`.
  std::optional<std::uint64_t> max_body_bytes{};
  std::size_t max_header_bytes = 256 * 1024;
  /// How many redirects are followed; with 0 none is, and it is the response.
  unsigned max_redirects = 10;

  /// How often a request that failed may be sent again: docs/guide/http.md says which are. With 0, or when this many
  /// were made, a status such as 503 is the response.
  unsigned retries = 0;
  /// The bound for the first pause; it doubles from retry to retry, and the pause is drawn from below it.
  std::chrono::nanoseconds retry_delay = std::chrono::milliseconds(200);
  /// The longest pause; a server that asks for a longer one with Retry-After is not asked again.
  std::chrono::nanoseconds max_retry_delay = std::chrono::seconds(30);

  /// Asks for the rest from this byte on (Range); a server may ignore that, and says so by status 200 instead of 206.
  std::uint64_t range_start = 0;
  /// Asks for compression, and undoes it. Not together with `range_start`.
  bool compression = true;

  /// If the request fails, where to put more about it. Must live until `get`, `send` or `open` has returned.
  http::failure* failure = nullptr;
};

}  // namespace treadle::http
