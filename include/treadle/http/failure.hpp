#pragma once

#include <treadle/config.hpp>

#include <string>
#include <system_error>

namespace treadle::http {

/// What a request was at.
enum class phase {
  check,    ///< what was asked for is looked at
  wait,     ///< its turn has not come yet
  resolve,  ///< the host's name
  connect,  ///< with TLS, and a proxy if there is one
  send,     ///< the request, with its body
  head,     ///< status and headers are to come
  body,     ///< the body comes
};

/// Returns "resolve" and the like. Any thread; neither blocks nor allocates.
[[nodiscard]] TREADLE_EXPORT const char* name_of(phase at) noexcept;

/// Says more of a failed request than its error code: where it was going, and how far it came.
/// A value; `request_options::failure` and `stream::failure` give one.
struct failure {
  std::error_code why{};
  phase at = phase::check;
  std::string host{};     ///< with its port
  std::string url{};      ///< the last one, after redirects
  std::string detail{};   ///< what libcurl said, if it said anything
  unsigned attempts = 0;  ///< connections tried, redirects and retries included

  /// Returns all of it in a line: "example.org:443: connect: the server's certificate is not to be trusted (...)".
  /// Allocates.
  [[nodiscard]] TREADLE_EXPORT std::string message() const;
};

}  // namespace treadle::http
