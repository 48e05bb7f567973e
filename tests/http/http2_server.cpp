#include "http2_server.hpp"

#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>

#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <nghttp2/nghttp2.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <stdexcept>
#include <string_view>
#include <vector>

namespace treadle::test {

namespace {

using clock = std::chrono::steady_clock;

void insist(bool holds, const char* what) {
  if (!holds) throw std::runtime_error(std::string("HTTP/2 server of the tests: ") + what);
}

template <class Write>
void write_pem(const std::string& name, Write write) {
  std::FILE* const file = std::fopen(name.c_str(), "w");
  insist(file != nullptr, "cannot write a file");
  const bool is_written = write(file) == 1;
  insist(std::fclose(file) == 0 && is_written, "cannot write PEM");
}

void raise(std::atomic<std::size_t>& most, std::size_t now) {
  std::size_t known = most.load();
  while (known < now && !most.compare_exchange_weak(known, now)) {
  }
}

}  // namespace

// ---- the certificate -----------------------------------------------------------------------------------------------

test_certificate::test_certificate() {
  std::string pattern = (std::filesystem::temp_directory_path() / "treadle_certificate_XXXXXX").string();
  insist(mkdtemp(pattern.data()) != nullptr, "cannot make a folder");
  folder_ = pattern;
  std::string curve = "P-256";
  const std::unique_ptr<EVP_PKEY, decltype(&EVP_PKEY_free)> pair(EVP_EC_gen(curve.data()), &EVP_PKEY_free);
  const std::unique_ptr<X509, decltype(&X509_free)> made(X509_new(), &X509_free);
  insist(pair != nullptr && made != nullptr, "no key");
  X509_set_version(made.get(), 2);
  ASN1_INTEGER_set(X509_get_serialNumber(made.get()), 1);
  X509_gmtime_adj(X509_getm_notBefore(made.get()), -3600);
  X509_gmtime_adj(X509_getm_notAfter(made.get()), 48L * 3600);
  X509_set_pubkey(made.get(), pair.get());
  X509_NAME* const name = X509_get_subject_name(made.get());
  X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_ASC, reinterpret_cast<const unsigned char*>("localhost"), -1, -1, 0);
  X509_set_issuer_name(made.get(), name);
  X509_EXTENSION* const names =
      X509V3_EXT_conf_nid(nullptr, nullptr, NID_subject_alt_name, "DNS:localhost,IP:127.0.0.1");
  insist(names != nullptr, "no names for the certificate");
  X509_add_ext(made.get(), names, -1);
  X509_EXTENSION_free(names);
  insist(X509_sign(made.get(), pair.get(), EVP_sha256()) != 0, "cannot sign the certificate");
  write_pem(file(), [&](std::FILE* to) { return PEM_write_X509(to, made.get()); });
  write_pem(key(),
            [&](std::FILE* to) { return PEM_write_PrivateKey(to, pair.get(), nullptr, nullptr, 0, nullptr, nullptr); });
}

test_certificate::~test_certificate() {
  std::error_code ignored;
  std::filesystem::remove_all(folder_, ignored);
}

// ---- one connection ------------------------------------------------------------------------------------------------

struct http2_connection {
  struct stream {
    std::string path;
    http2_server::answer how;
    clock::time_point due = clock::time_point::max();
    std::uint64_t left = 0;
    bool is_counted = false;
  };

  http2_connection(http2_server& of, int accepted)
      : at(of), socket(accepted), tls(SSL_new(of.context_.get()), &SSL_free) {
    SSL_set_fd(tls.get(), socket);
    SSL_set_accept_state(tls.get());
    nghttp2_session_callbacks* calls = nullptr;
    nghttp2_session_callbacks_new(&calls);
    nghttp2_session_callbacks_set_on_begin_headers_callback(calls, &on_begin);
    nghttp2_session_callbacks_set_on_header_callback(calls, &on_header);
    nghttp2_session_callbacks_set_on_frame_recv_callback(calls, &on_frame);
    nghttp2_session_callbacks_set_on_stream_close_callback(calls, &on_close);
    nghttp2_session_server_new(&session, calls, this);
    nghttp2_session_callbacks_del(calls);
    const nghttp2_settings_entry limit{NGHTTP2_SETTINGS_MAX_CONCURRENT_STREAMS, at.max_streams_};
    nghttp2_submit_settings(session, NGHTTP2_FLAG_NONE, &limit, 1);
  }
  http2_connection(const http2_connection&) = delete;
  http2_connection& operator=(const http2_connection&) = delete;
  ~http2_connection() {
    for (auto& [id, each] : streams) uncount(each);
    nghttp2_session_del(session);
    tls.reset();
    close(socket);
  }

  void uncount(stream& of) const {
    if (std::exchange(of.is_counted, false)) at.in_flight_.fetch_sub(1);
  }

  static int on_begin(nghttp2_session*, const nghttp2_frame* frame, void* self) {
    auto& of = *static_cast<http2_connection*>(self);
    of.streams[frame->hd.stream_id];
    raise(of.at.most_streams_, of.streams.size());
    return 0;
  }

  static int on_header(nghttp2_session*, const nghttp2_frame* frame, const std::uint8_t* name, std::size_t name_bytes,
                       const std::uint8_t* value, std::size_t value_bytes, std::uint8_t, void* self) {
    if (std::string_view(reinterpret_cast<const char*>(name), name_bytes) == ":path") {
      auto& of = *static_cast<http2_connection*>(self);
      of.streams[frame->hd.stream_id].path.assign(reinterpret_cast<const char*>(value), value_bytes);
    }
    return 0;
  }

  static int on_frame(nghttp2_session*, const nghttp2_frame* frame, void* self) {
    auto& of = *static_cast<http2_connection*>(self);
    // libcurl sends it twice.
    if (frame->hd.type == NGHTTP2_RST_STREAM && of.streams.count(frame->hd.stream_id) != 0) of.at.resets_.fetch_add(1);
    const bool may_end = frame->hd.type == NGHTTP2_HEADERS || frame->hd.type == NGHTTP2_DATA;
    if (may_end && (frame->hd.flags & NGHTTP2_FLAG_END_STREAM) != 0) of.asked(frame->hd.stream_id);
    return 0;
  }

  static int on_close(nghttp2_session*, std::int32_t id, std::uint32_t, void* self) {
    auto& of = *static_cast<http2_connection*>(self);
    const auto found = of.streams.find(id);
    if (found == of.streams.end()) return 0;
    of.uncount(found->second);
    of.streams.erase(found);
    return 0;
  }

  static ssize_t on_body(nghttp2_session*, std::int32_t id, std::uint8_t*, std::size_t room, std::uint32_t* flags,
                         nghttp2_data_source* source, void* self);

  /// The request is whole.
  void asked(std::int32_t id) {
    stream& of = streams[id];
    of.is_counted = true;
    at.requests_.fetch_add(1);
    raise(at.most_, at.in_flight_.fetch_add(1) + 1);
    const auto found = at.answers_.find(of.path);
    if (found != at.answers_.end()) of.how = found->second;
    if (of.how.is_given) of.due = clock::now() + of.how.delay;
  }

  /// Gives the answers that are due; returns when the next one is.
  clock::time_point answer_due() {
    const clock::time_point now = clock::now();
    clock::time_point next = clock::time_point::max();
    std::vector<std::int32_t> ready;
    for (auto& [id, each] : streams) {
      if (each.due <= now) {
        ready.push_back(id);
      } else {
        next = std::min(next, each.due);
      }
    }
    for (const std::int32_t id : ready) give(id);
    return next;
  }

  void give(std::int32_t id) {
    stream& of = streams[id];
    of.due = clock::time_point::max();
    if (is_leaving) return;  // the client knows that it will not be answered
    of.left = of.how.bytes;
    if (of.how.ends == http2_server::ending::lost) {
      is_cut = true;
      return;
    }
    uncount(of);  // whoever has the answer may ask again
    std::string name = ":status", value = "200";
    nghttp2_nv status{reinterpret_cast<std::uint8_t*>(name.data()), reinterpret_cast<std::uint8_t*>(value.data()),
                      name.size(), value.size(), NGHTTP2_NV_FLAG_NONE};
    nghttp2_data_provider body{};
    body.read_callback = &on_body;
    nghttp2_submit_response(session, id, &status, 1, &body);
    if (of.how.ends == http2_server::ending::go_away) {
      is_leaving = true;
      nghttp2_submit_goaway(session, NGHTTP2_FLAG_NONE, id, NGHTTP2_NO_ERROR, nullptr, 0);
    }
  }

  http2_server& at;
  int socket;
  std::unique_ptr<SSL, decltype(&SSL_free)> tls;
  nghttp2_session* session = nullptr;
  std::map<std::int32_t, stream> streams;
  std::string out;
  bool is_cut = false;      ///< To be closed.
  bool is_leaving = false;  ///< GOAWAY is on its way.
  bool is_over = false;     ///< All is said; the client has to hear it before this is closed.
};

ssize_t http2_connection::on_body(nghttp2_session*, std::int32_t id, std::uint8_t* into, std::size_t room,
                                  std::uint32_t* flags, nghttp2_data_source*, void* self) {
  auto& in = *static_cast<http2_connection*>(self);
  stream& of = in.streams[id];
  const std::size_t given = static_cast<std::size_t>(std::min<std::uint64_t>(room, of.left));
  const bool is_whole = of.how.ends == http2_server::ending::whole || of.how.ends == http2_server::ending::go_away;
  if (given == 0 && !is_whole) {
    if (of.how.ends == http2_server::ending::reset) return NGHTTP2_ERR_TEMPORAL_CALLBACK_FAILURE;
    in.is_cut = true;
    return NGHTTP2_ERR_DEFERRED;
  }
  std::memset(into, 'x', given);
  of.left -= given;
  in.at.sent_.fetch_add(given);
  if (of.left == 0 && is_whole) *flags = NGHTTP2_DATA_FLAG_EOF;
  return static_cast<ssize_t>(given);
}

// ---- the loop ------------------------------------------------------------------------------------------------------

http2_server::http2_server(std::uint32_t max_streams)
    : context_(SSL_CTX_new(TLS_server_method()), &SSL_CTX_free), max_streams_(max_streams) {
  insist(context_ != nullptr, "no TLS");
  insist(SSL_CTX_use_certificate_file(context_.get(), certificate_.file().c_str(), SSL_FILETYPE_PEM) == 1 &&
             SSL_CTX_use_PrivateKey_file(context_.get(), certificate_.key().c_str(), SSL_FILETYPE_PEM) == 1,
         "no certificate");
  SSL_CTX_set_mode(context_.get(), SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
  SSL_CTX_set_alpn_select_cb(
      context_.get(),
      [](SSL*, const unsigned char** chosen, unsigned char* bytes, const unsigned char* offered, unsigned offered_bytes,
         void*) {
        static constexpr unsigned char ours[] = "\x02h2";
        const int found =
            SSL_select_next_proto(const_cast<unsigned char**>(chosen), bytes, ours, 3, offered, offered_bytes);
        return found == OPENSSL_NPN_NEGOTIATED ? SSL_TLSEXT_ERR_OK : SSL_TLSEXT_ERR_ALERT_FATAL;
      },
      nullptr);
  listener_ = ::socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  sockaddr_in where{};
  where.sin_family = AF_INET;
  where.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t bytes = sizeof where;
  insist(bind(listener_, reinterpret_cast<sockaddr*>(&where), sizeof where) == 0 && listen(listener_, 128) == 0 &&
             getsockname(listener_, reinterpret_cast<sockaddr*>(&where), &bytes) == 0 && pipe2(ends_, O_CLOEXEC) == 0,
         "cannot listen");
  port_ = ntohs(where.sin_port);
  thread_ = std::thread([this] { run(); });
}

http2_server::~http2_server() {
  close(ends_[1]);
  thread_.join();
  all_.clear();
  close(ends_[0]);
  close(listener_);
}

void http2_server::run() {
  sigset_t pipes;
  sigemptyset(&pipes);
  sigaddset(&pipes, SIGPIPE);  // OpenSSL writes to sockets that the peer has closed
  pthread_sigmask(SIG_BLOCK, &pipes, nullptr);
  for (;;) {
    clock::time_point next = clock::time_point::max();
    std::vector<pollfd> waited{{ends_[0], POLLIN, 0}, {listener_, POLLIN, 0}};
    for (const auto& each : all_) {
      next = std::min(next, each->answer_due());
      const bool is_open = !each->is_over && SSL_is_init_finished(each->tls.get()) != 0;
      const bool writes = is_open && (!each->out.empty() || nghttp2_session_want_write(each->session) != 0);
      waited.push_back({each->socket, static_cast<short>(POLLIN | (writes ? POLLOUT : 0)), 0});
    }
    int limit_ms = -1;
    if (next != clock::time_point::max()) {
      const auto left = std::chrono::duration_cast<std::chrono::milliseconds>(next - clock::now()).count();
      limit_ms = static_cast<int>(std::max<decltype(left)>(0, left)) + 1;
    }
    if (poll(waited.data(), waited.size(), limit_ms) < 0) continue;
    if (waited[0].revents != 0) return;
    std::size_t index = 2;
    for (auto each = all_.begin(); each != all_.end(); ++index) {
      each = waited[index].revents != 0 && !serve(**each) ? all_.erase(each) : std::next(each);
    }
    if (waited[1].revents != 0) accept_one();
  }
}

void http2_server::accept_one() {
  const int accepted = accept4(listener_, nullptr, nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC);
  if (accepted < 0) return;
  connections_.fetch_add(1);
  all_.push_back(std::make_unique<http2_connection>(*this, accepted));
}

/// Reads and writes what can be; false if the connection is over.
bool http2_server::serve(http2_connection& of) {
  std::array<std::uint8_t, 16 * 1024> room;
  while (of.is_over) {
    const ssize_t got = recv(of.socket, room.data(), room.size(), 0);
    if (got <= 0) return got < 0 && errno == EAGAIN;
  }
  for (;;) {
    ERR_clear_error();  // another connection's would be taken for this one's
    const int got = SSL_read(of.tls.get(), room.data(), static_cast<int>(room.size()));
    if (got <= 0) {
      const int why = SSL_get_error(of.tls.get(), got);
      if (why != SSL_ERROR_WANT_READ && why != SSL_ERROR_WANT_WRITE) return false;
      break;
    }
    if (nghttp2_session_mem_recv(of.session, room.data(), static_cast<std::size_t>(got)) < 0) return false;
  }
  if (SSL_is_init_finished(of.tls.get()) == 0) return true;
  of.answer_due();
  for (;;) {
    if (of.out.empty()) {
      const std::uint8_t* made = nullptr;
      const ssize_t bytes = nghttp2_session_mem_send(of.session, &made);
      if (bytes < 0) return false;
      if (bytes == 0) break;
      of.out.assign(reinterpret_cast<const char*>(made), static_cast<std::size_t>(bytes));
    }
    ERR_clear_error();
    const int sent = SSL_write(of.tls.get(), of.out.data(), static_cast<int>(of.out.size()));
    if (sent <= 0) {
      const int why = SSL_get_error(of.tls.get(), sent);
      return why == SSL_ERROR_WANT_READ || why == SSL_ERROR_WANT_WRITE;
    }
    of.out.erase(0, static_cast<std::size_t>(sent));
  }
  if (of.is_cut) return false;
  if (nghttp2_session_want_read(of.session) == 0 && nghttp2_session_want_write(of.session) == 0) {
    // A close with bytes unread would reset the connection, and take back what was sent.
    of.is_over = shutdown(of.socket, SHUT_WR) == 0;
    return of.is_over;
  }
  return true;
}

}  // namespace treadle::test
