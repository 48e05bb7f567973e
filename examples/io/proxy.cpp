// Passes connections on to another server. Each direction holds one buffer, and reads on only when that is sent: who
// sends faster than the other end takes it is slowed down, not stored.
// Usage: proxy LISTEN TARGET, both like 127.0.0.1:80. Without arguments it tries itself on a server of its own.
#include <treadle/coro.hpp>
#include <treadle/io.hpp>
#include <treadle/treadle.hpp>

#include <algorithm>
#include <array>
#include <chrono>
#include <cstddef>
#include <cstdio>
#include <span>
#include <system_error>
#include <vector>

namespace {

using treadle::coro::task;
namespace io = treadle::io;

/// Passes on what comes, to the end of the stream. Throws what either side meets, which stops the other direction.
task<> pass(io::stream& from, io::stream& to) {
  std::array<std::byte, 16 * 1024> room;
  while (const std::size_t got = (co_await from.recv(room)).value()) {
    (co_await to.send_all(std::span(room).first(got))).value();
  }
  to.shutdown().value();
}

task<> serve_one(treadle::thread_pool& pool, io::stream client, io::address target) {
  auto server = co_await io::stream::connect(pool, target);
  if (!server) co_return;  // closing the connection says it
  try {
    co_await treadle::coro::when_all(pass(client, *server), pass(*server, client));
  } catch (const std::system_error& error) {
    if (error.code() == treadle::errc::cancelled) throw;
    std::fprintf(stderr, "proxy: %s\n", error.what());
  }
}

task<> serve(treadle::thread_pool& pool, io::listener& at, io::address target) {
  treadle::coro::async_scope clients(pool);
  try {
    for (;;) {
      auto client = co_await at.accept();
      if (client) {
        clients.spawn(serve_one(pool, *std::move(client), target));
      } else if (client.error() == std::errc::too_many_files_open) {
        co_await treadle::coro::sleep_for(std::chrono::milliseconds(100));
      } else {
        client.value();
      }
    }
  } catch (const std::system_error& ended) {
    // Asked to stop, as a rule.
    if (ended.code() != treadle::errc::cancelled) std::fprintf(stderr, "proxy: %s\n", ended.what());
  }
  clients.request_stop();
  co_await clients.join();
}

// ---- the trial -----------------------------------------------------------------------------------------------------

constexpr std::size_t trial_bytes = 30'000'000;

/// Takes nothing until the sender has been stopped by that, then all of it, and answers with how much it was.
task<> takes_late(io::listener& at, treadle::coro::event& may_begin) {
  auto peer = (co_await at.accept()).value();
  co_await may_begin.wait();
  std::vector<std::byte> room(100'000);
  std::size_t all = 0;
  while (const std::size_t got = (co_await peer.recv(room)).value()) all += got;
  (co_await peer.send_all(std::as_bytes(std::span(&all, 1)))).value();
}

task<bool> sends_much(treadle::thread_pool& pool, io::address proxy, treadle::coro::event& may_begin) {
  auto peer = (co_await io::stream::connect(pool, proxy)).value();
  const std::vector<std::byte> block(100'000);
  std::size_t sent = 0;
  bool was_stopped = false;
  while (sent < trial_bytes) {
    const auto some = std::span(block).first(std::min(block.size(), trial_bytes - sent));
    if (was_stopped) {
      sent += (co_await peer.send(some)).value();
      continue;
    }
    // The kernel's buffers take some megabytes, and the proxy's little: then it is our turn to wait.
    const auto taken = co_await treadle::coro::with_timeout(std::chrono::milliseconds(200), peer.send(some));
    if (taken) sent += *taken;
    if (taken.error() == treadle::errc::timed_out) {
      was_stopped = true;
      may_begin.set();
    }
  }
  peer.shutdown().value();
  std::size_t arrived = 0;
  (co_await peer.recv_all(std::as_writable_bytes(std::span(&arrived, 1)))).value();
  std::printf("%zu bytes sent, %zu arrived, the sender was %s\n", sent, arrived,
              was_stopped ? "held back" : "never held back");
  co_return was_stopped&& arrived == trial_bytes;
}

task<bool> trial(treadle::thread_pool& pool) {
  auto server = io::listener::listen(pool, io::address::loopback(0)).value();
  auto proxy = io::listener::listen(pool, io::address::loopback(0)).value();
  const io::address target = server.local_address().value(), here = proxy.local_address().value();
  auto serving = treadle::coro::spawn(pool, serve(pool, proxy, target));
  treadle::coro::event may_begin;
  auto [taken, good] =
      co_await treadle::coro::when_all(takes_late(server, may_begin), sends_much(pool, here, may_begin));
  static_cast<void>(taken);
  serving.request_stop();
  co_await serving;
  co_return good;
}

}  // namespace

int main(int count, char** arguments) {
  treadle::thread_pool pool;
  if (count == 1) return treadle::coro::sync_wait(pool, trial(pool)) ? 0 : 1;
  const auto here = io::address::parse(count == 3 ? arguments[1] : "");
  const auto target = io::address::parse(count == 3 ? arguments[2] : "");
  if (!here || !target) {
    std::fprintf(stderr, "usage: proxy LISTEN TARGET\n");
    return 2;
  }
  auto at = io::listener::listen(pool, *here);
  if (!at) {
    std::fprintf(stderr, "proxy: %s: %s\n", arguments[1], at.error().message().c_str());
    return 1;
  }
  treadle::coro::sync_wait(pool, serve(pool, *at, *target));
}
