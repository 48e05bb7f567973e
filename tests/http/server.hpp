#pragma once

#include <tasks.hpp>

#include <treadle/coro.hpp>
#include <treadle/io.hpp>
#include <treadle/thread_pool.hpp>

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <mutex>
#include <string>
#include <string_view>
#include <utility>

// A server for hostile answers: HTTP/1.1 on a loopback socket, each path with a handler of the test's, which writes
// what it likes. It runs on a pool of its own and counts requests whose answer is not over.

namespace treadle::test {

inline std::span<const std::byte> bytes_of(std::string_view text) { return std::as_bytes(std::span(text)); }

class server {
 public:
  /// One request and its connection.
  class visit {
   public:
    visit(server& at, io::stream& peer, std::string& room) : at_(&at), peer_(&peer), room_(&room) {}
    visit(const visit&) = delete;
    visit& operator=(const visit&) = delete;
    ~visit() { leave(); }

    std::string method, path, query, body;
    std::map<std::string, std::string> headers;  ///< names in lower case
    bool keeps = true;                           ///< the connection goes on

    /// Sends bytes as they are.
    coro::task<> send(std::string text) { (co_await peer_->send_all(bytes_of(text))).value(); }
    /// Sends the last bytes: whoever has them may ask again, so the request is over before.
    coro::task<> send_last(std::string text) {
      leave();
      (co_await peer_->send_all(bytes_of(text))).value();
    }
    coro::task<> answer(int status, std::string text, std::string lines = {}) {
      std::string made = "HTTP/1.1 " + std::to_string(status) +
                         " Something\r\nContent-Length: " + std::to_string(text.size()) + "\r\n" + lines + "\r\n";
      if (method != "HEAD") made += text;
      return send_last(std::move(made));
    }
    /// Waits until somebody stops the server.
    coro::task<> hang() {
      keeps = false;
      coro::event never;
      co_await never.wait();
    }
    /// Closes so that the peer gets a reset.
    void reset();
    /// Waits until the peer has closed.
    coro::task<> see_it_go() {
      keeps = false;
      std::array<std::byte, 512> room;
      for (;;) {
        const result<std::size_t> got = co_await peer_->recv(room);
        if (!got || *got == 0) break;
      }
    }
    void leave() {
      if (std::exchange(is_counted_, false)) at_->in_flight_.fetch_sub(1);
    }

   private:
    friend class server;
    coro::task<bool> read();
    coro::task<bool> read_more();
    coro::task<bool> read_body();

    server* at_;
    io::stream* peer_;
    std::string* room_;
    bool is_counted_ = false;
  };
  using handler = std::function<coro::task<>(visit&)>;

  explicit server(std::uint32_t workers = 2);
  ~server();
  server(const server&) = delete;
  server& operator=(const server&) = delete;

  void on(const std::string& path, handler answers) {
    const std::lock_guard<std::mutex> exclusive(mutex_);
    handlers_[path] = std::move(answers);
  }
  [[nodiscard]] std::uint16_t port() const { return port_; }
  [[nodiscard]] std::string url(const std::string& path, const std::string& host = "127.0.0.1") const {
    return "http://" + host + ":" + std::to_string(port_) + path;
  }
  [[nodiscard]] std::size_t requests() const { return requests_.load(); }
  [[nodiscard]] std::size_t connections() const { return connections_.load(); }
  /// The most requests that were under way at a time.
  [[nodiscard]] std::size_t most_in_flight() const { return most_.load(); }
  [[nodiscard]] std::size_t in_flight() const { return in_flight_.load(); }

 private:
  coro::task<> accepts();
  coro::task<> serves(io::stream peer);
  void count_one() {
    requests_.fetch_add(1);
    const std::size_t now = in_flight_.fetch_add(1) + 1;
    std::size_t most = most_.load();
    while (most < now && !most_.compare_exchange_weak(most, now)) {
    }
  }

  thread_pool pool_;
  io::listener at_;
  std::uint16_t port_ = 0;
  std::mutex mutex_;
  std::map<std::string, handler> handlers_;
  std::atomic<std::size_t> requests_{0}, connections_{0}, in_flight_{0}, most_{0};
  coro::join_handle<void> running_;
};

}  // namespace treadle::test
