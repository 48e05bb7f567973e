#pragma once

#include <openssl/ssl.h>

#include <atomic>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <list>
#include <map>
#include <memory>
#include <string>
#include <thread>

// A server that speaks HTTP/2 alone, over TLS on a loopback socket, in one thread of its own: nghttp2 frames, OpenSSL
// encrypts. Each path has an answer of the test's; the server counts what is under way.

namespace treadle::test {

/// A folder with a certificate for localhost and 127.0.0.1, and its key, made here.
class test_certificate {
 public:
  test_certificate();
  test_certificate(const test_certificate&) = delete;
  test_certificate& operator=(const test_certificate&) = delete;
  ~test_certificate();

  [[nodiscard]] std::string file() const { return folder_ / "certificate.pem"; }
  [[nodiscard]] std::string key() const { return folder_ / "key.pem"; }

 private:
  std::filesystem::path folder_;
};

struct http2_connection;

class http2_server {
 public:
  enum class ending {
    whole,
    reset,    ///< RST_STREAM in place of the end
    cut,      ///< the connection is closed in place of the end
    lost,     ///< the connection is closed in place of the head
    go_away,  ///< GOAWAY behind the head: no later stream is answered
  };
  /// How a path is answered.
  struct answer {
    std::uint64_t bytes = 4;             ///< of the body
    std::chrono::milliseconds delay{0};  ///< before the head
    bool is_given = true;                ///< else the request stays without an answer
    ending ends = ending::whole;
  };

  /// Takes `max_streams` at a time on each connection.
  explicit http2_server(std::uint32_t max_streams = 100);
  ~http2_server();
  http2_server(const http2_server&) = delete;
  http2_server& operator=(const http2_server&) = delete;

  /// Before the first request.
  void on(const std::string& path, answer how) { answers_[path] = how; }
  [[nodiscard]] std::string url(const std::string& path) const {
    return "https://127.0.0.1:" + std::to_string(port_) + path;
  }
  [[nodiscard]] std::string certificate() const { return certificate_.file(); }
  [[nodiscard]] std::size_t requests() const { return requests_.load(); }
  [[nodiscard]] std::size_t connections() const { return connections_.load(); }
  /// The most requests whose answer was not yet given, at a time.
  [[nodiscard]] std::size_t most_in_flight() const { return most_.load(); }
  /// The most streams of one connection that were open, at a time.
  [[nodiscard]] std::size_t most_streams() const { return most_streams_.load(); }
  /// Streams that the peers have given up by RST_STREAM.
  [[nodiscard]] std::size_t resets() const { return resets_.load(); }
  /// Bytes of bodies that went out.
  [[nodiscard]] std::uint64_t sent() const { return sent_.load(); }

 private:
  friend struct http2_connection;

  void run();
  void accept_one();
  bool serve(http2_connection& of);

  test_certificate certificate_;
  std::unique_ptr<SSL_CTX, decltype(&SSL_CTX_free)> context_;
  std::uint32_t max_streams_;
  int listener_ = -1, ends_[2] = {-1, -1};
  std::uint16_t port_ = 0;
  std::map<std::string, answer> answers_;
  std::list<std::unique_ptr<http2_connection>> all_;
  std::atomic<std::size_t> requests_{0}, connections_{0}, in_flight_{0}, most_{0}, most_streams_{0}, resets_{0};
  std::atomic<std::uint64_t> sent_{0};
  std::thread thread_;
};

}  // namespace treadle::test
