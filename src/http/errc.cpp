#include <treadle/http/errc.hpp>

#include <string>

namespace treadle::http {

namespace {

class category final : public std::error_category {
 public:
  [[nodiscard]] const char* name() const noexcept override { return "treadle.http"; }
  [[nodiscard]] std::string message(int code) const override;
  [[nodiscard]] std::error_condition default_error_condition(int code) const noexcept override;
};

std::string category::message(int code) const {
  switch (static_cast<errc>(code)) {
    case errc::bad_url:
      return "this is no URL";
    case errc::unsupported_scheme:
      return "only http and https are spoken";
    case errc::bad_method:
      return "the method is no token";
    case errc::bad_header:
      return "a header's name is no token, or its value holds a line break";
    case errc::body_not_allowed:
      return "GET and HEAD have no body";
    case errc::too_many_redirects:
      return "too many redirects";
    case errc::cannot_resend:
      return "the body cannot be sent twice: its source has given it";
    case errc::body_too_large:
      return "the body is longer than allowed";
    case errc::headers_too_large:
      return "the headers are longer than allowed";
    case errc::connect_failed:
      return "no connection";
    case errc::connection_lost:
      return "the connection was closed before the response was whole";
    case errc::truncated:
      return "the body is shorter than announced";
    case errc::bad_response:
      return "this is no HTTP response";
    case errc::bad_certificate:
      return "the server's certificate is not to be trusted";
    case errc::tls_failed:
      return "TLS failed";
    case errc::proxy_failed:
      return "the proxy refuses";
    case errc::connect_timed_out:
      return "no connection in time";
    case errc::first_byte_timed_out:
      return "no answer in time";
    case errc::stalled:
      return "nothing came for too long";
    case errc::timed_out:
      return "the time for the request has passed";
    case errc::source_failed:
      return "the source of the body has failed";
    case errc::failed:
      return "the transfer has failed";
  }
  return "unknown HTTP error " + std::to_string(code);
}

std::error_condition category::default_error_condition(int code) const noexcept {
  switch (static_cast<errc>(code)) {
    case errc::bad_url:
    case errc::unsupported_scheme:
    case errc::bad_method:
    case errc::bad_header:
    case errc::body_not_allowed:
      return std::errc::invalid_argument;
    case errc::connect_timed_out:
    case errc::first_byte_timed_out:
    case errc::stalled:
    case errc::timed_out:
      return std::errc::timed_out;
    case errc::body_too_large:
    case errc::headers_too_large:
      return std::errc::message_size;
    default:
      return {code, *this};
  }
}

}  // namespace

const std::error_category& error_category() noexcept {
  static const category instance;
  return instance;
}

}  // namespace treadle::http
