#pragma once

#include <treadle/config.hpp>
#include <treadle/coro/task.hpp>
#include <treadle/io/address.hpp>
#include <treadle/io/stream.hpp>
#include <treadle/result.hpp>
#include <treadle/thread_pool.hpp>

#include <chrono>
#include <string>
#include <system_error>
#include <vector>

namespace treadle::io {

/// What became of one attempt to connect.
struct connect_failure {
  address to;
  std::error_code why;
};

/// How `connect` tries several addresses.
struct connect_options {
  /// How long an attempt has for itself before the next one is made beside it.
  std::chrono::nanoseconds attempt_delay = std::chrono::milliseconds(250);
  /// If all attempts fail, where to put why, in the order in which they were made. Must live until `connect` returns.
  std::vector<connect_failure>* failures = nullptr;
};

/// Connects to the first of `candidates` that answers: happy eyeballs, RFC 8305. They are tried in their order, but
/// with the families taking turns; the next one as soon as one fails or has not answered within the delay, and those
/// before go on beside it. The first that connects wins; the others are cancelled, and awaited. A candidate that is
/// given twice is tried twice. Suspends; allocates.
///
/// Fails, if all do, with the error of the first; with `std::errc::invalid_argument` if there are none; with
/// `errc::cancelled` if the coroutine was asked to stop, and `errc::shut_down` if the pool is. Throws std::bad_alloc.
TREADLE_EXPORT coro::task<result<stream>> connect(thread_pool& pool, std::vector<address> candidates,
                                                  connect_options options = {});
/// Resolves `host` and `service`, and connects to what that gives. Fails as `resolve` does, too.
TREADLE_EXPORT coro::task<result<stream>> connect(thread_pool& pool, std::string host, std::string service,
                                                  connect_options options = {});

}  // namespace treadle::io
