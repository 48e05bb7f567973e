#include "asio_io.hpp"

#include "../workload/serving.hpp"
#include <asio.hpp>

#include <array>
#include <thread>
#include <vector>

namespace {

using asio::awaitable;
using asio::use_awaitable;
using asio::ip::tcp;

using answering = awaitable<void> (*)(tcp::socket);

awaitable<void> answer_all(tcp::socket peer) {
  std::array<char, bench::room_bytes> room;
  try {
    for (;;) {
      const std::size_t got = co_await peer.async_read_some(asio::buffer(room), use_awaitable);
      co_await asio::async_write(peer, asio::buffer(room, got), use_awaitable);
    }
  } catch (const std::system_error&) {
    // the client has gone
  }
}

awaitable<void> answer_once(tcp::socket& peer) {
  std::array<char, bench::room_bytes> room;
  const std::size_t got = co_await peer.async_read_some(asio::buffer(room), use_awaitable);
  co_await asio::async_write(peer, asio::buffer(room, got), use_awaitable);
}

awaitable<void> answer_rarely(tcp::socket peer) {
  try {
    for (;;) {
      co_await peer.async_wait(tcp::socket::wait_read, use_awaitable);
      co_await answer_once(peer);
    }
  } catch (const std::system_error&) {
    // the client has gone
  }
}

awaitable<void> serve(answering answer) {
  const auto executor = co_await asio::this_coro::executor;
  tcp::acceptor listens(executor, {asio::ip::address_v4::loopback(), 0});
  bench::announce(listens.local_endpoint().port());
  for (;;) asio::co_spawn(executor, answer(co_await listens.async_accept(use_awaitable)), asio::detached);
}

void serve_echo(const bench::request& asked, bench::answer&) {
  asio::io_context pool(static_cast<int>(asked.workers()));
  asio::co_spawn(pool, serve(asked.text("room", "kept") == "kept" ? &answer_all : &answer_rarely), asio::detached);
  pool.run();
}

void serve_and_compute(const bench::request& asked, bench::answer&) {
  asio::io_context pool(static_cast<int>(asked.workers()));
  asio::co_spawn(pool, serve(&answer_all), asio::detached);
  std::vector<std::thread> threads;
  for (unsigned i = 0; i < asked.workers(); ++i) threads.emplace_back([&] { pool.run(); });
  const bool gives_way = asked.text("mode", "") == "at_once";
  bench::feed(asked, [&] {
    asio::post(pool, [&pool, gives_way] {
      if (gives_way) {
        bench::compute([&] { pool.poll(); });
      } else {
        bench::compute();
      }
    });
  });
}

constexpr bench::entry servers[] = {{"echo_server", serve_echo}, {"bound_server", serve_and_compute}};

}  // namespace

int main(int argc, char** argv) {
  bench::serve_any(argc, argv, {servers, bench::asio_coroutine_rows(), bench::asio_timer_rows()});
}
