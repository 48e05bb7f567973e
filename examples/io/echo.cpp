// A server that sends back what it gets, and clients that check it. Usage: echo [CLIENTS [MESSAGES]]
#include <treadle/coro.hpp>
#include <treadle/io.hpp>
#include <treadle/treadle.hpp>

#include <array>
#include <cstddef>
#include <cstdio>
#include <cstdlib>
#include <span>
#include <string>

namespace {

using treadle::coro::task;

task<> serve_one(treadle::io::stream peer) {
  std::array<std::byte, 4096> room;
  while (const std::size_t got = (co_await peer.recv(room)).value()) {
    (co_await peer.send_all(std::span(room).first(got))).value();
  }
}

task<> serve(treadle::thread_pool& pool, treadle::io::listener& at, int connections) {
  treadle::coro::async_scope all(pool);
  while (connections-- != 0) all.spawn(serve_one((co_await at.accept()).value()));
  co_await all.join();
}

task<> talk(treadle::thread_pool& pool, treadle::io::address server, int number, int messages) {
  auto peer = (co_await treadle::io::stream::connect(pool, server)).value();
  for (int i = 0; i < messages; ++i) {
    const std::string said = "client " + std::to_string(number) + " says " + std::to_string(i);
    std::string heard(said.size(), ' ');
    (co_await peer.send_all(std::as_bytes(std::span(said)))).value();
    (co_await peer.recv_all(std::as_writable_bytes(std::span(heard)))).value();
    if (heard != said) {
      std::fprintf(stderr, "sent '%s', got '%s'\n", said.c_str(), heard.c_str());
      std::exit(1);
    }
  }
}

task<> run(treadle::thread_pool& pool, int clients, int messages) {
  auto at = treadle::io::listener::listen(pool, treadle::io::address::loopback(0)).value();
  const auto here = at.local_address().value();
  treadle::coro::async_scope all(pool);
  all.spawn(serve(pool, at, clients));
  for (int i = 0; i < clients; ++i) all.spawn(talk(pool, here, i, messages));
  co_await all.join();
  std::printf("%d clients, %d messages each, at %s\n", clients, messages, here.text().c_str());
}

}  // namespace

int main(int count, char** arguments) {
  const int clients = count > 1 ? std::atoi(arguments[1]) : 20;
  const int messages = count > 2 ? std::atoi(arguments[2]) : 100;
  treadle::thread_pool pool;
  treadle::coro::sync_wait(pool, run(pool, clients, messages));
}
