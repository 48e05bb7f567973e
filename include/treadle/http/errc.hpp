#pragma once

#include <treadle/config.hpp>

#include <system_error>

namespace treadle::http {

/// Why a request has failed, where the system has no code of its own. Converts to `std::error_code`; the time limits
/// compare equal to `std::errc::timed_out`, what was asked wrongly to `std::errc::invalid_argument`.
enum class errc {
  bad_url = 1,           ///< no URL, or one without a host
  unsupported_scheme,    ///< neither http nor https
  bad_method,            ///< the method is no token
  bad_header,            ///< a name that is no token, or a line break in a value
  body_not_allowed,      ///< GET and HEAD have no body
  too_many_redirects,    ///< more than `request_options::max_redirects`
  cannot_resend,         ///< a redirect or a retry needs the body again, and its source has given it already
  body_too_large,        ///< more than `request_options::max_body_bytes`
  headers_too_large,     ///< more than `request_options::max_header_bytes`
  connect_failed,        ///< no connection, and the system does not say why
  connection_lost,       ///< closed or reset before there was an answer, or while it came
  truncated,             ///< the body ended before its announced length
  bad_response,          ///< not HTTP, or wrongly encoded
  bad_certificate,       ///< the server's certificate is not one to trust
  tls_failed,            ///< TLS, for another reason
  proxy_failed,          ///< the proxy does not let it through
  connect_timed_out,     ///< `request_options::connect_timeout` has passed
  first_byte_timed_out,  ///< `request_options::first_byte_timeout` has passed
  stalled,               ///< `request_options::stall_timeout` has passed without a byte
  timed_out,             ///< `request_options::timeout` has passed
  source_failed,         ///< the source of the body threw, or ended too early or too late
  failed,                ///< libcurl says what in `failure::detail`
};

/// Returns the category of `http::errc`. Any thread; neither blocks nor allocates.
TREADLE_EXPORT const std::error_category& error_category() noexcept;

/// Makes the `std::error_code` of `code`. Any thread; neither blocks nor allocates.
inline std::error_code make_error_code(errc code) noexcept { return {static_cast<int>(code), error_category()}; }

}  // namespace treadle::http

template <>
struct std::is_error_code_enum<treadle::http::errc> : std::true_type {};
