#include <tasks.hpp>

#include <treadle/coro.hpp>
#include <treadle/io.hpp>
#include <treadle/treadle.hpp>

#include <gtest/gtest.h>

#include <array>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <system_error>
#include <vector>

namespace treadle::test {
namespace {

using coro::sync_wait;
using io::datagram;
using namespace std::chrono_literals;

class datagrams : public with_workers {};
INSTANTIATE_TEST_SUITE_P(widths, datagrams, worker_counts(), worker_count_name);

std::span<const std::byte> bytes_of(const std::string& text) { return std::as_bytes(std::span(text)); }

io::address unix_name(const void* unique, const char* suffix) {
  const std::string path = "@treadle_datagram_" + std::to_string(reinterpret_cast<std::uintptr_t>(unique)) + "_" +
                           std::to_string(std::chrono::steady_clock::now().time_since_epoch().count()) + suffix;
  return io::address::local(path.c_str()).value();
}

/// Sends each datagram back to whoever it came from.
coro::task<> echoes(datagram& at, std::size_t times) {
  std::array<std::byte, 2000> room;
  for (std::size_t i = 0; i < times; ++i) {
    const auto got = (co_await at.recv_from(room)).value();
    (co_await at.send_to(std::span(room).first(got.bytes), got.from)).value();
  }
}

coro::task<> asks(datagram& from, io::address server, std::size_t times) {
  std::array<std::byte, 2000> room;
  for (std::size_t i = 0; i < times; ++i) {
    const std::string said(i % 1500, static_cast<char>('a' + i % 26));
    (co_await from.send_to(bytes_of(said), server)).value();
    const auto heard = (co_await from.recv_from(room)).value();
    EXPECT_EQ(heard.from.text(), server.text());
    EXPECT_EQ(std::string(reinterpret_cast<const char*>(room.data()), heard.bytes), said);
  }
}

coro::task<> talk(datagram& near, datagram& far) {
  const std::size_t times = smaller_if_slow(200);
  co_await coro::when_all(echoes(far, times), asks(near, far.local_address().value(), times));
}

TEST_P(datagrams, go_there_and_back) {
  thread_pool pool{config()};
  auto near = datagram::bind(pool, io::address::loopback(0)).value();
  auto far = datagram::bind(pool, io::address::loopback(0)).value();
  EXPECT_NE(near.local_address()->port(), 0);
  sync_wait(pool, talk(near, far));
}

TEST_P(datagrams, of_unix_sockets) {
  thread_pool pool{config()};
  auto near = datagram::bind(pool, unix_name(&pool, "near")).value();
  auto far = datagram::bind(pool, unix_name(&pool, "far")).value();
  sync_wait(pool, talk(near, far));
}

coro::task<> sends_too_much(datagram& to_far, datagram& far) {
  std::array<std::byte, 10> room{};
  (co_await to_far.send(bytes_of(std::string(11, 'x')))).value();
  (co_await to_far.send(bytes_of(std::string(10, 'y')))).value();
  (co_await to_far.send({})).value();
  EXPECT_EQ((co_await far.recv_from(room)).error(), std::errc::message_size);
  // The long one is gone, whole.
  EXPECT_EQ((co_await far.recv_from(room))->bytes, 10u);
  EXPECT_EQ(room[0], std::byte{'y'});
  EXPECT_EQ((co_await far.recv_from(room))->bytes, 0u);
}

TEST_P(datagrams, are_not_cut_off_in_silence) {
  thread_pool pool{config()};
  for (const auto& at : {io::address::loopback(0), unix_name(&pool, "")}) {
    auto far = datagram::bind(pool, at).value();
    auto near = datagram::connect(pool, far.local_address().value()).value();
    sync_wait(pool, sends_too_much(near, far));
    const std::vector<std::byte> huge(5'000'000);
    EXPECT_EQ(sync_wait(pool, near.send(huge)).error(), std::errc::message_size);
  }
}

TEST_P(datagrams, of_connected_sockets_tell_of_a_peer_that_is_not_there) {
  thread_pool pool{config()};
  const auto nobody = datagram::bind(pool, io::address::loopback(0)).value().local_address().value();
  auto near = datagram::connect(pool, nobody).value();
  sync_wait(pool, [](datagram& from) -> coro::task<> {
    std::array<std::byte, 8> room{};
    (co_await from.send(bytes_of("anyone?"))).value();
    EXPECT_EQ((co_await from.recv_from(room)).error(), std::errc::connection_refused);
  }(near));
  EXPECT_EQ(datagram::bind(pool, io::address()).error(), std::errc::invalid_argument);
  EXPECT_EQ(datagram::connect(pool, io::address()).error(), std::errc::invalid_argument);
  EXPECT_EQ(near.connect_to(io::address()).error(), std::errc::invalid_argument);
  EXPECT_EQ(sync_wait(pool, near.send_to({}, io::address())).error(), std::errc::invalid_argument);
  EXPECT_EQ(datagram::connect(pool, unix_name(&pool, "nobody")).error(), std::errc::connection_refused);
}

/// Who is connected to a Unix socket waits for room; who is not is told that there is none.
TEST_P(datagrams, of_unix_sockets_wait_for_room) {
  thread_pool pool{config()};
  const auto name = unix_name(&pool, "");
  auto far = datagram::bind(pool, name).value();
  auto near = datagram::connect(pool, name).value();
  auto stranger = datagram::bind(pool, unix_name(&pool, "stranger"));
  sync_wait(pool, [](datagram& from, datagram& other, datagram& to, io::address there) -> coro::task<> {
    std::size_t sent = 0;
    result<void> last = co_await other.send_to(bytes_of("x"), there);
    for (; last; last = co_await other.send_to(bytes_of("x"), there)) ++sent;
    EXPECT_EQ(last.error(), std::errc::resource_unavailable_try_again);
    EXPECT_EQ((co_await coro::with_timeout(1ms, from.send(bytes_of("y")))).error(), make_error_code(errc::timed_out));
    std::array<std::byte, 8> room{};
    const auto empties = [](datagram& at, std::span<std::byte> into, std::size_t count) -> coro::task<> {
      for (std::size_t i = 0; i < count; ++i) EXPECT_EQ((co_await at.recv_from(into)).value().bytes, 1u);
    };
    auto [done, emptied] = co_await coro::when_all(from.send(bytes_of("z")), empties(to, room, sent + 1));
    static_cast<void>(emptied);
    EXPECT_TRUE(done.has_value()) << done.error();
    EXPECT_EQ(room[0], std::byte{'z'});
  }(near, *stranger, far, name));
}

coro::task<std::error_code> receives_nothing(datagram& at) {
  std::array<std::byte, 1> room{};
  co_return (co_await at.recv_from(room)).error();
}

TEST_P(datagrams, end_their_waits) {
  thread_pool pool{config()};
  auto at = datagram::bind(pool, io::address::loopback(0)).value();
  auto waiting = coro::spawn(pool, receives_nothing(at));
  waiting.request_stop();
  EXPECT_EQ(waiting.wait(), make_error_code(errc::cancelled));
  auto last = coro::spawn(pool, receives_nothing(at));
  ASSERT_FALSE(pool.join());
  const std::error_code why = last.wait();
  EXPECT_TRUE(why == errc::shut_down || why == errc::cancelled) << why;
}

}  // namespace
}  // namespace treadle::test
