#include <awaited_operation.hpp>
#include <random.hpp>
#include <tasks.hpp>

#include <treadle/coro.hpp>
#include <treadle/io.hpp>
#include <treadle/treadle.hpp>

#include <gtest/gtest.h>

#include <malloc.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <cerrno>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <span>
#include <system_error>
#include <thread>
#include <utility>
#include <vector>

// Receiving in chunks whose memory is not the receiver's: the same programs whether the kernel receives by itself or not.

namespace treadle::test {
namespace {

using coro::sync_wait;
using namespace std::chrono_literals;

class recv_streams : public with_workers {};
INSTANTIATE_TEST_SUITE_P(widths, recv_streams, worker_counts(), worker_count_name);

std::byte byte_at(std::size_t place) { return static_cast<std::byte>(place * 131 + place / 251); }

coro::task<> sends_numbered(io::stream& into, std::size_t bytes, std::uint64_t seed) {
  random_source random(seed);
  std::vector<std::byte> room(100'000);
  for (std::size_t sent = 0; sent < bytes;) {
    const std::size_t next = std::min<std::size_t>(bytes - sent, 1 + random.below(random.one_in(3) ? room.size() : 50));
    for (std::size_t i = 0; i < next; ++i) room[i] = byte_at(sent + i);
    (co_await into.send_all(std::span(room).first(next))).value();
    sent += next;
    if (random.one_in(4)) co_await coro::yield();
  }
  into.shutdown().value();
}

/// Returns how many bytes came, each of which was the right one.
coro::task<std::size_t> receives_numbered(io::stream& from, std::uint64_t seed) {
  random_source random(seed);
  std::size_t received = 0, wrong = 0;
  auto chunks = from.recv_stream();
  while (auto chunk = co_await chunks.next()) {
    if (random.one_in(8)) co_await coro::yield();  // what it has stays its own
    for (const std::byte each : *chunk) wrong += each != byte_at(received++) ? 1u : 0u;
  }
  EXPECT_EQ(wrong, 0u);
  const auto after_the_end = co_await chunks.next();
  EXPECT_FALSE(after_the_end);
  EXPECT_FALSE(after_the_end.error());
  co_return received;
}

TEST_P(recv_streams, bring_all_in_order) {
  const std::uint64_t seed = run_seed();
  SCOPED_TRACE(testing::Message() << "TREADLE_TEST_SEED=" << seed);
  thread_pool pool{config()};
  two_streams both(pool);
  const std::size_t bytes = smaller_if_slow(4'000'000);
  const std::uint64_t begun_before = io::stats_of_rings(pool).begun;
  auto sending = coro::spawn(pool, sends_numbered(both.near, bytes, seed));
  EXPECT_EQ(sync_wait(pool, receives_numbered(both.far, seed + 1)), bytes);
  sending.wait();
  const std::uint64_t begun = io::stats_of_rings(pool).begun - begun_before;
  RecordProperty("begun", static_cast<int>(begun));
  if (io::current_backend().feeds_sockets) {
    EXPECT_GT(begun, 0u);
  }
}

/// More connections than there are buffers that the kernel may choose from, each of which keeps one.
TEST_P(recv_streams, bring_all_to_many_who_keep_what_they_have) {
  thread_pool pool{config()};
  constexpr std::size_t count = 100;
  std::vector<two_streams> all;
  all.reserve(count);
  for (std::size_t i = 0; i < count; ++i) all.emplace_back(pool);
  std::atomic<std::size_t> have_one{0};
  sync_wait(pool, [](thread_pool& on, std::vector<two_streams>& ends, std::atomic<std::size_t>& have) -> coro::task<> {
    coro::async_scope scope(on);
    coro::event all_have;
    for (two_streams& each : ends) {
      scope.spawn([](io::stream& from, std::atomic<std::size_t>& had, coro::event& everybody) -> coro::task<> {
        auto chunks = from.recv_stream();
        const auto first = co_await chunks.next();
        EXPECT_EQ(first->size(), 3u);
        if (had.fetch_add(1) + 1 == count) everybody.set();
        co_await everybody.wait();
        EXPECT_EQ((*first)[2], std::byte{3});
        const auto second = co_await chunks.next();
        EXPECT_EQ(second->size(), 2u);
        EXPECT_FALSE(co_await chunks.next());
      }(each.far, have, all_have));
    }
    for (two_streams& each : ends) {
      constexpr std::array<std::byte, 3> sent{std::byte{1}, std::byte{2}, std::byte{3}};
      (co_await each.near.send_all(sent)).value();
    }
    co_await all_have.wait();
    for (two_streams& each : ends) {
      constexpr std::array<std::byte, 2> sent{};
      (co_await each.near.send_all(sent)).value();
      each.near.shutdown().value();
    }
    co_await scope.join();
  }(pool, all, have_one));
  EXPECT_EQ(have_one, count);
}

/// A peer whose bytes nobody takes is stopped; then all of them come.
TEST_P(recv_streams, stop_a_peer_who_is_faster) {
  thread_pool pool{config()};
  two_streams both(pool);
  auto chunks = both.far.recv_stream({.chunks_ahead = 2});
  const int socket = both.near.socket().number();
  std::vector<std::byte> room(64'000);
  std::size_t sent = 0;
  const auto send_some = [&] {
    for (;;) {
      for (std::size_t i = 0; i < room.size(); ++i) room[i] = byte_at(sent + i);
      const ssize_t went = send(socket, room.data(), room.size(), MSG_DONTWAIT | MSG_NOSIGNAL);
      if (went <= 0) return;
      sent += static_cast<std::size_t>(went);
    }
  };
  std::size_t received = 0, wrong = 0;
  const auto check = [&](std::span<const std::byte> got) {
    for (const std::byte each : got) wrong += each != byte_at(received++) ? 1u : 0u;
  };
  send_some();
  check(*sync_wait(pool, chunks.next()));
  for (int i = 0; i < 20; ++i) {  // until the kernel has no room, and for a while afterwards
    send_some();
    std::this_thread::sleep_for(2ms);
  }
  EXPECT_LT(sent, 30'000'000u);
  ASSERT_FALSE(both.near.shutdown().error());
  while (const auto got = sync_wait(pool, chunks.next())) check(*got);
  EXPECT_EQ(received, sent);
  EXPECT_EQ(wrong, 0u);
}

TEST_P(recv_streams, end_when_asked_to_stop_and_lose_nothing) {
  thread_pool pool{config()};
  two_streams both(pool);
  auto chunks = both.far.recv_stream();
  for (std::size_t i = 0; i < repetitions(30); ++i) {
    auto waiting = coro::spawn(pool, chunks.next());
    if (i % 2 == 0) std::this_thread::sleep_for(200us);
    waiting.request_stop();
    const auto got = waiting.wait();
    EXPECT_FALSE(got);
    EXPECT_EQ(got.error(), errc::cancelled);
    const std::array<std::byte, 1> one{static_cast<std::byte>(i)};
    sync_wait(pool, both.near.send_all(one)).value();
    EXPECT_EQ((*sync_wait(pool, chunks.next()))[0], one[0]);
  }
}

TEST_P(recv_streams, end_by_a_deadline) {
  thread_pool pool{config()};
  two_streams both(pool);
  sync_wait(pool, [](io::stream& from) -> coro::task<> {
    auto chunks = from.recv_stream();
    EXPECT_EQ((co_await coro::with_timeout(3ms, chunks.next())).error(), errc::timed_out);
  }(both.far));
}

TEST_P(recv_streams, end_with_the_pool) {
  for (const shutdown_mode mode : {shutdown_mode::drain, shutdown_mode::cancel}) {
    thread_pool pool{config()};
    two_streams both(pool);
    auto waiting = coro::spawn(pool, [](io::stream& from) -> coro::task<std::error_code> {
      auto chunks = from.recv_stream();
      co_return (co_await chunks.next()).error();
    }(both.far));
    ASSERT_FALSE(pool.drain());
    ASSERT_FALSE(pool.shutdown(mode).error);
    const std::error_code why = waiting.wait();
    EXPECT_TRUE(why == errc::shut_down || why == errc::cancelled) << why;
    ASSERT_FALSE(pool.join());
  }
}

TEST_P(recv_streams, say_why_they_end) {
  thread_pool pool{config()};
  two_streams both(pool);
  auto chunks = both.far.recv_stream();
  auto waiting = coro::spawn(pool, chunks.next());
  ASSERT_FALSE(pool.drain());
  const linger at_once{1, 0};
  ASSERT_EQ(setsockopt(both.near.socket().number(), SOL_SOCKET, SO_LINGER, &at_once, sizeof at_once), 0);
  both.near.close();
  const auto got = waiting.wait();
  EXPECT_FALSE(got);
  EXPECT_EQ(got.error(), std::errc::connection_reset);
}

/// What was received and not taken waits for the next one, and goes with the socket.
TEST_P(recv_streams, follow_each_other) {
  thread_pool pool{config()};
  for (std::size_t i = 0; i < repetitions(100); ++i) {
    two_streams both(pool);
    const std::array<std::byte, 5> sent{std::byte{9}};
    {
      auto first = both.far.recv_stream();
      auto waiting = coro::spawn(pool, first.next());
      sync_wait(pool, both.near.send_all(sent)).value();
      EXPECT_EQ(waiting.wait()->size(), sent.size());
      auto moved = std::move(first);
      first = std::move(moved);
    }
    sync_wait(pool, both.near.send_all(sent)).value();
    if (i % 2 == 0) {
      auto second = both.far.recv_stream();
      EXPECT_EQ(sync_wait(pool, second.next())->size(), sent.size());
      sync_wait(pool, both.near.send_all(sent)).value();
    }
  }
}

#if !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__)
/// A connection that has nothing to say holds no buffer.
TEST_P(recv_streams, hold_little_while_nothing_comes) {
  thread_pool pool{config()};
  constexpr std::size_t count = 300;
  std::vector<two_streams> all;
  all.reserve(count);
  for (std::size_t i = 0; i < count; ++i) all.emplace_back(pool);
  coro::async_scope scope(pool);
  std::atomic<std::size_t> heard{0};
  const auto listens = [](io::stream& from, std::atomic<std::size_t>& times) -> coro::task<> {
    auto chunks = from.recv_stream();
    while (const auto chunk = co_await chunks.next()) times.fetch_add(chunk->size());
  };
  const std::size_t before = mallinfo2().uordblks;
  for (two_streams& each : all) scope.spawn(listens(each.far, heard));
  ASSERT_FALSE(pool.drain());
  constexpr std::array<std::byte, 1> one{};
  for (two_streams& each : all) sync_wait(pool, each.near.send_all(one)).value();
  EXPECT_TRUE(eventually([&] { return heard == count; }));
  ASSERT_FALSE(pool.drain());
  // The buffers that a worker keeps for the next ones are not of a connection.
  constexpr std::size_t kept = 16 * 16'384 + 100'000;
  const std::size_t after = mallinfo2().uordblks;
  EXPECT_LE(after, before + kept + count * (1024 - sizeof(io::stream))) << (after - before) / count;
  RecordProperty("bytes_a_connection", static_cast<int>((after - before) / count));
  for (two_streams& each : all) each.near.close();
  sync_wait(pool, scope.join());
}
#endif

}  // namespace
}  // namespace treadle::test
