#include "shard.hpp"

#include <treadle/errc.hpp>
#include <treadle/http/errc.hpp>
#include <treadle/io/resolve.hpp>

#include <new>
#include <string>
#include <string_view>

// What an exchange is to libcurl: its options, its callbacks, its errors.

namespace treadle::http::detail {

namespace {

// ---- callbacks: libcurl must see no exception ----------------------------------------------------------------------

template <class F>
std::size_t guarded(exchange& of, std::size_t when_failed, F&& f) noexcept {
  try {
    return f();
  } catch (...) {
    of.turn.verdict = treadle::errc::out_of_memory;
    return when_failed;
  }
}

std::size_t on_line(char* data, std::size_t size, std::size_t count, void* self) noexcept {
  exchange& of = *static_cast<exchange*>(self);
  const std::size_t bytes = size * count;
  return guarded(of, bytes + 1, [&] {
    const std::size_t taken = of.take_line(std::string_view(data, bytes));
    return of.turn.verdict ? bytes + 1 : taken;
  });
}

std::size_t on_body(char* data, std::size_t size, std::size_t count, void* self) noexcept {
  exchange& of = *static_cast<exchange*>(self);
  const std::size_t bytes = size * count;
  return guarded(of, bytes + 1, [&] {
    const std::size_t taken = of.take_body(std::string_view(data, bytes));
    return of.turn.verdict || of.turn.ends_well ? bytes + 1 : taken;
  });
}

std::size_t on_send(char* into, std::size_t size, std::size_t count, void* self) noexcept {
  exchange& of = *static_cast<exchange*>(self);
  return guarded(of, CURL_READFUNC_ABORT, [&] { return of.give_body(into, size * count); });
}

int on_seek(void* self, curl_off_t to, int origin) noexcept {
  exchange& of = *static_cast<exchange*>(self);
  if (origin != SEEK_SET || to < 0) return CURL_SEEKFUNC_CANTSEEK;
  return of.rewind(static_cast<std::uint64_t>(to)) ? CURL_SEEKFUNC_OK : CURL_SEEKFUNC_CANTSEEK;
}

int on_connected(void* self, char*, char*, int, int) noexcept {
  static_cast<exchange*>(self)->is_connected();
  return CURL_PREREQFUNC_OK;
}

curl_socket_t on_open(void* self, curlsocktype, curl_sockaddr* like) noexcept {
  return static_cast<shard*>(self)->open_socket(*like);
}

int on_close(void* self, curl_socket_t number) noexcept { return static_cast<shard*>(self)->close_socket(number); }

// ---- options -------------------------------------------------------------------------------------------------------

/// Sets options until one is refused.
class setter {
 public:
  explicit setter(CURL* easy) noexcept : easy_(easy) {}
  template <class T>
  void operator()(CURLoption which, T value) noexcept {
    if (code_ == CURLE_OK) code_ = curl_easy_setopt(easy_, which, value);
  }
  void fail(CURLcode code) noexcept { code_ = code; }
  [[nodiscard]] CURLcode code() const noexcept { return code_; }

 private:
  CURL* easy_;
  CURLcode code_ = CURLE_OK;
};

[[nodiscard]] bool append(curl_slist*& to, const std::string& line) noexcept {
  curl_slist* const made = curl_slist_append(to, line.c_str());
  if (made == nullptr) return false;
  to = made;
  return true;
}

bool make_lines(exchange& of, bool has_body) {
  curl_slist*& list = of.turn.lines;
  for (const header& each : of.what.lines) {
    // A header without a value is written so, for "Name:" takes one out.
    if (!append(list, each.value.empty() ? each.name + ";" : each.name + ": " + each.value)) return false;
  }
  return !has_body || of.what.lines.find("Expect") != nullptr || append(list, "Expect:");
}

void set_body(setter& set, exchange& of, bool has_body) {
  const order& what = of.what;
  if (what.method == "HEAD") set(CURLOPT_NOBODY, 1L);
  if (has_body) {
    set(CURLOPT_UPLOAD, 1L);
    set(CURLOPT_READFUNCTION, &on_send);
    set(CURLOPT_READDATA, &of);
    set(CURLOPT_SEEKFUNCTION, &on_seek);
    set(CURLOPT_SEEKDATA, &of);
    if (!what.has_source) set(CURLOPT_INFILESIZE_LARGE, static_cast<curl_off_t>(what.body ? what.body->size() : 0));
    if (what.source_bytes) set(CURLOPT_INFILESIZE_LARGE, static_cast<curl_off_t>(*what.source_bytes));
  }
  if (what.method != "GET" && what.method != "HEAD") set(CURLOPT_CUSTOMREQUEST, what.method.c_str());
}

void set_callbacks(setter& set, exchange& of, shard& in) {
  set(CURLOPT_PRIVATE, &of);
  set(CURLOPT_ERRORBUFFER, &of.turn.detail[0]);
  set(CURLOPT_HEADERFUNCTION, &on_line);
  set(CURLOPT_HEADERDATA, &of);
  set(CURLOPT_WRITEFUNCTION, &on_body);
  set(CURLOPT_WRITEDATA, &of);
  set(CURLOPT_PREREQFUNCTION, &on_connected);
  set(CURLOPT_PREREQDATA, &of);
  set(CURLOPT_OPENSOCKETFUNCTION, &on_open);
  set(CURLOPT_OPENSOCKETDATA, &in);
  set(CURLOPT_CLOSESOCKETFUNCTION, &on_close);
  set(CURLOPT_CLOSESOCKETDATA, &in);
  set(CURLOPT_NOSIGNAL, 1L);
  set(CURLOPT_NOPROGRESS, 1L);
  set(CURLOPT_SUPPRESS_CONNECT_HEADERS, 1L);
}

void set_connection(setter& set, const order& what, const settings& common) {
  const client_options& options = common.options;
  set(CURLOPT_SHARE, common.shared());
  set(CURLOPT_USERAGENT, options.user_agent.c_str());
  if (!options.ca_file.empty()) set(CURLOPT_CAINFO, options.ca_file.c_str());
  set(CURLOPT_PROXY, what.proxy.c_str());  // "": none, whatever the environment says
  set(CURLOPT_NOPROXY, "");
  set(CURLOPT_CONNECTTIMEOUT_MS, 3'600'000L);  // ours is earlier, and says more
  set(CURLOPT_TCP_KEEPALIVE, 1L);
  const bool may_use_http2 = options.http2 && what.to.scheme == "https";
  set(CURLOPT_HTTP_VERSION, static_cast<long>(may_use_http2 ? CURL_HTTP_VERSION_2TLS : CURL_HTTP_VERSION_1_1));
  if (may_use_http2) set(CURLOPT_PIPEWAIT, 1L);  // rather a stream of a connection that is being made than another one
  if (options.netrc) set(CURLOPT_NETRC, static_cast<long>(CURL_NETRC_OPTIONAL));
  if (!options.netrc_file.empty()) set(CURLOPT_NETRC_FILE, options.netrc_file.c_str());
#if LIBCURL_VERSION_NUM >= 0x075500
  set(CURLOPT_PROTOCOLS_STR, "http,https");
#else
  set(CURLOPT_PROTOCOLS, static_cast<long>(CURLPROTO_HTTP | CURLPROTO_HTTPS));
#endif
}

CURLcode configure(CURL* easy, exchange& of, shard& in) {
  const order& what = of.what;
  const bool has_body = what.has_source || (what.body != nullptr && !what.body->empty()) || what.method == "POST" ||
                        what.method == "PUT" || what.method == "PATCH";
  if (!make_lines(of, has_body)) return CURLE_OUT_OF_MEMORY;
  if (!what.addresses.empty() && !append(of.turn.resolve, what.addresses)) return CURLE_OUT_OF_MEMORY;
  setter set(easy);
  set(CURLOPT_URL, what.to.url.c_str());
  set_callbacks(set, of, in);
  set_connection(set, what, in.common());
  set_body(set, of, has_body);
  set(CURLOPT_HTTPHEADER, of.turn.lines);
  set(CURLOPT_RESOLVE, of.turn.resolve);
  if (what.range_start != 0) {
    set(CURLOPT_RANGE, (std::to_string(what.range_start) + "-").c_str());
  } else if (what.compression) {
    set(CURLOPT_ACCEPT_ENCODING, "");  // all that libcurl knows
  }
  return set.code();
}

}  // namespace

CURLcode set_up(CURL* easy, exchange& what, shard& in) noexcept {
  try {
    return configure(easy, what, in);
  } catch (const std::bad_alloc&) {
    return CURLE_OUT_OF_MEMORY;
  }
}

// ---- errors --------------------------------------------------------------------------------------------------------

namespace {

std::error_code why_no_connection(CURL* easy) noexcept {
  long number = 0;
  curl_easy_getinfo(easy, CURLINFO_OS_ERRNO, &number);
  if (number != 0) return {static_cast<int>(number), std::system_category()};
  return errc::connect_failed;
}

}  // namespace

std::error_code meaning_of(CURLcode code, CURL* easy, exchange& of) noexcept {
  switch (code) {
    case CURLE_URL_MALFORMAT:
      return errc::bad_url;
    case CURLE_COULDNT_RESOLVE_HOST:
    case CURLE_COULDNT_RESOLVE_PROXY:
      return io::resolve_errc::host_not_found;
    case CURLE_COULDNT_CONNECT:
      return why_no_connection(easy);
    case CURLE_OPERATION_TIMEDOUT:
      return errc::connect_timed_out;
    case CURLE_PEER_FAILED_VERIFICATION:
    case CURLE_SSL_ISSUER_ERROR:
    case CURLE_SSL_INVALIDCERTSTATUS:
      return errc::bad_certificate;
    case CURLE_SSL_CONNECT_ERROR:
    case CURLE_SSL_CERTPROBLEM:
    case CURLE_SSL_CIPHER:
    case CURLE_SSL_CACERT_BADFILE:
    case CURLE_SSL_ENGINE_NOTFOUND:
    case CURLE_SSL_ENGINE_SETFAILED:
    case CURLE_USE_SSL_FAILED:
      return errc::tls_failed;
    case CURLE_PROXY:
      return errc::proxy_failed;
    case CURLE_GOT_NOTHING:
    case CURLE_SEND_ERROR:
    case CURLE_RECV_ERROR:
    case CURLE_SEND_FAIL_REWIND:
      return errc::connection_lost;
    case CURLE_PARTIAL_FILE:
      // What libcurl says of a stream of HTTP/2 without an answer whose connection has ended, too.
      return of.turn.header_bytes == 0 ? errc::connection_lost : errc::truncated;
    case CURLE_UNSUPPORTED_PROTOCOL:
    case CURLE_WEIRD_SERVER_REPLY:
    case CURLE_BAD_CONTENT_ENCODING:
    case CURLE_HTTP2:
    case CURLE_HTTP2_STREAM:
      return errc::bad_response;
    case CURLE_OUT_OF_MEMORY:
      // What libcurl says of a line that is longer than it takes, too.
      if (of.turn.at == phase::head) return errc::headers_too_large;
      return treadle::errc::out_of_memory;
    default:
      return errc::failed;
  }
}

}  // namespace treadle::http::detail
