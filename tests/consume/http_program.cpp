// A program outside that uses the component treadle::http: a server of its own answers with a thousand bytes.
#include <treadle/coro.hpp>
#include <treadle/http.hpp>
#include <treadle/io.hpp>
#include <treadle/treadle.hpp>

#include <array>
#include <cstddef>
#include <cstdio>
#include <span>
#include <string>

namespace {

treadle::coro::task<> answer(treadle::io::listener& at) {
  treadle::io::stream peer = (co_await at.accept()).value();
  std::array<std::byte, 4096> room;
  (co_await peer.recv(room)).value();
  const std::string sent = "HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n" + std::string(1000, 'x');
  (co_await peer.send_all(std::as_bytes(std::span(sent)))).value();
}

}  // namespace

int main() {
  treadle::thread_pool pool;
  auto at = treadle::io::listener::listen(pool, treadle::io::address::loopback(0)).value();
  auto serving = treadle::coro::spawn(pool, answer(at));
  treadle::http::client client(pool);
  const std::string url = "http://" + at.local_address().value().text() + "/";
  const std::size_t bytes = treadle::coro::sync_wait(pool, client.get(url)).value().body.size();
  serving.wait();
  std::printf("%zu bytes came through\n", bytes);
  return bytes == 1000 ? 0 : 1;
}
