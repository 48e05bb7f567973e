#include "url.hpp"

#include "text.hpp"

#include <treadle/http/errc.hpp>
#include <treadle/io/address.hpp>

#include <curl/curl.h>

#include <memory>

namespace treadle::http::detail {

namespace {

struct url_freer {
  void operator()(CURLU* made) const noexcept { curl_url_cleanup(made); }
};
using parsed = std::unique_ptr<CURLU, url_freer>;

/// Takes one part out; false if it has none.
bool take(CURLU* from, CURLUPart part, unsigned flags, std::string& into) {
  char* text = nullptr;
  if (curl_url_get(from, part, &text, flags) != CURLUE_OK) return false;
  const std::unique_ptr<char, decltype(&curl_free)> owned(text, &curl_free);
  into = text;
  return true;
}

std::error_code refused(CURLUcode code, std::string& detail) {
  detail = curl_url_strerror(code);
  return code == CURLUE_UNSUPPORTED_SCHEME ? errc::unsupported_scheme : errc::bad_url;
}

std::error_code read(CURLU* from, target& into, bool http_only) {
  if (!take(from, CURLUPART_URL, 0, into.url)) return errc::bad_url;
  if (!take(from, CURLUPART_SCHEME, 0, into.scheme)) return errc::bad_url;
  into.scheme = lowered(std::move(into.scheme));
  if (http_only && into.scheme != "http" && into.scheme != "https") return errc::unsupported_scheme;
#ifdef CURLU_PUNYCODE
  constexpr unsigned as_resolved = CURLU_PUNYCODE;
#else
  constexpr unsigned as_resolved = 0;
#endif
  if (!take(from, CURLUPART_HOST, as_resolved, into.host) || into.host.empty()) return errc::bad_url;
  into.host = lowered(std::move(into.host));
  if (into.host.size() > 2 && into.host.front() == '[') into.host = into.host.substr(1, into.host.size() - 2);
  if (!take(from, CURLUPART_PORT, CURLU_DEFAULT_PORT, into.port)) into.port.clear();
  into.is_address = io::address::ip(into.host.c_str(), 0).has_value();
  return {};
}

}  // namespace

std::string target::authority() const {
  const bool is_ipv6 = host.find(':') != std::string::npos;
  return (is_ipv6 ? "[" + host + "]" : host) + ":" + port;
}

std::error_code read_url(const std::string& url, target& into, std::string& detail) {
  into.url = url;
  if (url.find('\0') != std::string::npos) return errc::bad_url;
  const parsed made(curl_url());
  if (!made) return std::make_error_code(std::errc::not_enough_memory);
  const CURLUcode code = curl_url_set(made.get(), CURLUPART_URL, url.c_str(), 0);
  if (code != CURLUE_OK) return refused(code, detail);
  return read(made.get(), into, true);
}

std::error_code read_proxy_url(const std::string& url, target& into, std::string& detail) {
  const parsed made(curl_url());
  if (!made) return std::make_error_code(std::errc::not_enough_memory);
  const CURLUcode code =
      curl_url_set(made.get(), CURLUPART_URL, url.c_str(), CURLU_DEFAULT_SCHEME | CURLU_NON_SUPPORT_SCHEME);
  if (code != CURLUE_OK) return refused(code, detail);
  if (url.find("://") == std::string::npos) curl_url_set(made.get(), CURLUPART_SCHEME, "http", 0);
  if (const std::error_code bad = read(made.get(), into, false)) return bad;
  // The default of curl for a proxy is not that of the scheme.
  std::string given;
  if (!take(made.get(), CURLUPART_PORT, 0, given)) into.port = into.scheme == "https" ? "443" : "1080";
  return {};
}

std::error_code read_location(const target& base, const std::string& location, target& into, std::string& detail) {
  const parsed made(curl_url());
  if (!made) return std::make_error_code(std::errc::not_enough_memory);
  CURLUcode code = curl_url_set(made.get(), CURLUPART_URL, base.url.c_str(), 0);
  if (code == CURLUE_OK) code = curl_url_set(made.get(), CURLUPART_URL, location.c_str(), CURLU_URLENCODE);
  if (code != CURLUE_OK) return refused(code, detail);
  return read(made.get(), into, true);
}

}  // namespace treadle::http::detail
