#pragma once

#include <string>
#include <system_error>

namespace treadle::http::detail {

/// A URL, and what of it decides where to go.
struct target {
  std::string url;
  std::string scheme;
  std::string host;  ///< in lower case, without the brackets of an IPv6 address
  std::string port;
  bool is_address = false;  ///< the host is no name

  /// The host with its port, as a URL has them; what the limits go by.
  [[nodiscard]] std::string authority() const;
  [[nodiscard]] bool is_same_origin(const target& other) const noexcept {
    return scheme == other.scheme && host == other.host && port == other.port;
  }
};

/// Reads a URL of http or https. `detail`: what is wrong with it.
[[nodiscard]] std::error_code read_url(const std::string& url, target& into, std::string& detail);
/// The same for one of a proxy, whose scheme may be missing, or that of a SOCKS server.
[[nodiscard]] std::error_code read_proxy_url(const std::string& url, target& into, std::string& detail);
/// Reads what `location` means in a response from `base`.
[[nodiscard]] std::error_code read_location(const target& base, const std::string& location, target& into,
                                            std::string& detail);

}  // namespace treadle::http::detail
