#include <tasks.hpp>

#include <treadle/coro.hpp>
#include <treadle/io.hpp>
#include <treadle/treadle.hpp>

#include <gtest/gtest.h>

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <chrono>
#include <cstddef>
#include <span>
#include <string>
#include <system_error>
#include <thread>
#include <utility>
#include <vector>

// Connected sockets, on as few as one worker: no operation blocks it, each ends when it is asked to, and nothing is lost
// whichever worker sees it.

namespace treadle::test {
namespace {

using coro::sync_wait;
using namespace std::chrono_literals;

class streams : public with_workers {};
INSTANTIATE_TEST_SUITE_P(widths, streams, worker_counts(), worker_count_name);

std::span<const std::byte> bytes_of(const std::string& text) { return std::as_bytes(std::span(text)); }
std::span<std::byte> room_of(std::string& text) { return std::as_writable_bytes(std::span(text)); }

/// Sends back what it gets, to the end.
coro::task<> echoes(io::stream peer) {
  std::array<std::byte, 4096> room;
  for (;;) {
    const std::size_t got = (co_await peer.recv(room)).value();
    if (got == 0) break;
    (co_await peer.send_all(std::span(room).first(got))).value();
  }
}

coro::task<> serves(thread_pool& pool, io::listener& at, std::size_t connections) {
  coro::async_scope all(pool);
  for (std::size_t i = 0; i < connections; ++i) all.spawn(echoes((co_await at.accept()).value()));
  co_await all.join();
}

coro::task<> asks(thread_pool& pool, io::address server, std::size_t times, std::size_t bytes) {
  io::stream peer = (co_await io::stream::connect(pool, server)).value();
  std::string sent(bytes, 'x');
  std::string got(bytes, ' ');
  for (std::size_t i = 0; i < times; ++i) {
    sent.front() = static_cast<char>('a' + i % 26);
    sent.back() = static_cast<char>('z' - i % 26);
    // Side by side: the server sends back before it has all, and who only sends would wait for it forever.
    auto [sending, receiving] = co_await coro::when_all(peer.send_all(bytes_of(sent)), peer.recv_all(room_of(got)));
    sending.value();
    EXPECT_EQ(receiving.value(), bytes);
    EXPECT_TRUE(got == sent);
  }
  peer.shutdown().value();
  EXPECT_EQ((co_await peer.recv(room_of(got))).value(), 0u);
}

coro::task<> asks_from_many(thread_pool& pool, io::listener& at, std::size_t clients, std::size_t times,
                            std::size_t bytes) {
  const io::address server = at.local_address().value();
  coro::async_scope all(pool);
  all.spawn(serves(pool, at, clients));
  for (std::size_t i = 0; i < clients; ++i) all.spawn(asks(pool, server, times, bytes));
  co_await all.join();
}

TEST_P(streams, carry_what_is_sent) {
  thread_pool pool{config()};
  auto at = io::listener::listen(pool, io::address::loopback(0)).value();
  sync_wait(pool, asks_from_many(pool, at, 10, smaller_if_slow(50), 100));
}

/// More than any buffer of the kernel holds, so that sends have to wait as well.
TEST_P(streams, carry_more_than_the_kernel_keeps) {
  thread_pool pool{config()};
  auto at = io::listener::listen(pool, io::address::loopback(0)).value();
  sync_wait(pool, asks_from_many(pool, at, 2, 2, 20'000'000 / slow_factor));
}

TEST_P(streams, of_unix_sockets) {
  thread_pool pool{config()};
  const std::string path = "@treadle_test_" + std::to_string(reinterpret_cast<std::uintptr_t>(&pool)) + "_" +
                           std::to_string(std::chrono::steady_clock::now().time_since_epoch().count());
  auto at = io::listener::listen(pool, io::address::local(path.c_str()).value()).value();
  EXPECT_EQ(at.local_address().value().text(), path);
  sync_wait(pool, asks_from_many(pool, at, 5, smaller_if_slow(50), 1000));
}

TEST_P(streams, say_why_they_cannot_connect) {
  thread_pool pool{config()};
  // A port that was free a moment ago.
  const io::address nobody = io::listener::listen(pool, io::address::loopback(0)).value().local_address().value();
  const auto refused = sync_wait(pool, io::stream::connect(pool, nobody));
  ASSERT_FALSE(refused.has_value());
  EXPECT_EQ(refused.error(), std::errc::connection_refused);
  const auto nowhere = sync_wait(pool, io::stream::connect(pool, io::address()));
  EXPECT_EQ(nowhere.error(), std::errc::invalid_argument);
}

TEST_P(streams, tell_of_a_peer_that_is_gone) {
  thread_pool pool{config()};
  auto at = io::listener::listen(pool, io::address::loopback(0)).value();
  sync_wait(pool, [](thread_pool& runs_on, io::listener& from) -> coro::task<> {
    auto [near, far] =
        co_await coro::when_all(io::stream::connect(runs_on, from.local_address().value()), from.accept());
    far.value().close();
    std::array<std::byte, 64> room{};
    EXPECT_EQ((co_await near.value().recv(room)).value(), 0u);
    result<std::size_t> sent = co_await near.value().send(room);
    for (int i = 0; i < 1000 && sent; ++i) sent = co_await near.value().send(room);
    EXPECT_TRUE(sent.error() == std::errc::broken_pipe || sent.error() == std::errc::connection_reset) << sent.error();
  }(pool, at));
}

coro::task<std::error_code> receives_nothing(io::stream& from) {
  std::array<std::byte, 1> room{};
  co_return (co_await from.recv(room)).error();
}

TEST_P(streams, end_their_waits_when_asked_to_stop) {
  thread_pool pool{config()};
  auto at = io::listener::listen(pool, io::address::loopback(0)).value();
  auto near = sync_wait(pool, io::stream::connect(pool, at.local_address().value())).value();
  for (std::size_t round = 0; round < repetitions(50); ++round) {
    auto waiting = coro::spawn(pool, receives_nothing(near));
    if (round % 3 != 0) std::this_thread::sleep_for(std::chrono::microseconds(round % 3 * 50));
    waiting.request_stop();
    EXPECT_EQ(waiting.wait(), make_error_code(errc::cancelled));
  }
}

TEST_P(streams, end_their_waits_with_the_pool) {
  for (const shutdown_mode mode : {shutdown_mode::drain, shutdown_mode::cancel}) {
    thread_pool pool{config()};
    auto at = io::listener::listen(pool, io::address::loopback(0)).value();
    auto near = sync_wait(pool, io::stream::connect(pool, at.local_address().value())).value();
    std::vector<coro::join_handle<std::error_code>> all;
    for (int i = 0; i < 5; ++i) all.push_back(coro::spawn(pool, receives_nothing(near)));
    ASSERT_FALSE(pool.drain());
    ASSERT_FALSE(pool.shutdown(mode).error);
    ASSERT_FALSE(pool.join());
    for (auto& each : all) {
      const std::error_code why = each.wait();
      EXPECT_TRUE(why == errc::shut_down || why == errc::cancelled) << why;
    }
  }
}

/// One worker computes, and the others serve; where there is no other, it does so itself now and then.
TEST_P(streams, are_served_while_a_worker_computes) {
  thread_pool pool{config()};
  const bool alone = config().max_threads == 1;
  auto at = io::listener::listen(pool, io::address::loopback(0)).value();
  std::atomic<bool> over{false};
  future<void> computing = pool.submit([&] {
    while (!over) {
      if (alone) run_ready();
    }
  });
  sync_wait(pool, asks_from_many(pool, at, 3, 20, 100));
  over = true;
  computing.get();
}

coro::task<> look_at_both_ends(thread_pool& pool) {
  auto at = io::listener::listen(pool, io::address::loopback(0)).value();
  auto [near, far] = co_await coro::when_all(io::stream::connect(pool, at.local_address().value()), at.accept());
  EXPECT_EQ(near->peer_address().value().text(), at.local_address().value().text());
  EXPECT_EQ(far->peer_address().value().text(), near->local_address().value().text());
  near->set_option(SOL_SOCKET, SO_KEEPALIVE, 1).value();
  near->set_option(SOL_SOCKET, SO_RCVLOWAT, 1).value();
  int on = 0;
  socklen_t bytes = sizeof on;
  EXPECT_EQ(getsockopt(near->socket().number(), SOL_SOCKET, SO_KEEPALIVE, &on, &bytes), 0);
  EXPECT_EQ(on, 1);
  EXPECT_EQ(near->set_option(SOL_SOCKET, 12345, 1).error(), std::errc::no_protocol_option);
  EXPECT_TRUE(near->set_option(IPPROTO_TCP, TCP_NODELAY, 1).has_value());
}

TEST_P(streams, have_two_addresses_and_options) {
  thread_pool pool{config()};
  sync_wait(pool, look_at_both_ends(pool));
}

}  // namespace
}  // namespace treadle::test
