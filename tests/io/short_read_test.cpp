#include <tasks.hpp>

#include <treadle/coro.hpp>
#include <treadle/io.hpp>
#include <treadle/treadle.hpp>

#include <gtest/gtest.h>

#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <functional>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <system_error>
#include <tuple>
#include <utility>

// A stream that has got less than it asked for waits for the next edge without asking again. Whatever comes in between,
// and whatever brings no edge of its own, must still be seen: a receive that waits for it in vain fails here by time.

namespace treadle::test {
namespace {

using coro::sync_wait;
using namespace std::chrono_literals;

class short_reads : public with_workers {};
INSTANTIATE_TEST_SUITE_P(widths, short_reads, worker_counts(), worker_count_name);

/// The other end, which blocks, so that a test says in which order things happen.
class peer {
 public:
  explicit peer(const io::address& server) : number_(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
    sockaddr_in to{};
    to.sin_family = AF_INET;
    to.sin_port = htons(static_cast<std::uint16_t>(server.port()));
    to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    EXPECT_EQ(connect(number_, reinterpret_cast<const sockaddr*>(&to), sizeof to), 0);
    const int on = 1;
    EXPECT_EQ(setsockopt(number_, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on), 0);
  }
  explicit peer(int number) : number_(number) {}
  peer(const peer&) = delete;
  peer& operator=(const peer&) = delete;
  ~peer() { close(); }

  void send(std::string_view text, int flags = 0) const {
    EXPECT_EQ(::send(number_, text.data(), text.size(), flags | MSG_NOSIGNAL), static_cast<ssize_t>(text.size()));
  }
  [[nodiscard]] bool receive(std::size_t bytes) const {
    std::array<char, 64> room;
    return recv(number_, room.data(), bytes, MSG_WAITALL) == static_cast<ssize_t>(bytes);
  }
  void end_sending() const { EXPECT_EQ(shutdown(number_, SHUT_WR), 0); }
  void close() {
    if (number_ >= 0) ::close(std::exchange(number_, -1));
  }
  void reset() {
    const linger at_once{1, 0};
    EXPECT_EQ(setsockopt(number_, SOL_SOCKET, SO_LINGER, &at_once, sizeof at_once), 0);
    close();
  }
  [[nodiscard]] int number() const { return number_; }

 private:
  int number_;
};

coro::task<result<std::string>> receives(io::stream& from) {
  std::array<std::byte, 64> room;
  const result<std::size_t> got = co_await from.recv(room);
  if (!got) co_return got.error();
  co_return std::string(reinterpret_cast<const char*>(room.data()), *got);
}

/// What the next receive gets; "late" if it waits in vain.
coro::task<std::string> next(io::stream& from) {
  const result<std::string> got = co_await coro::with_timeout(20s, receives(from));
  if (got) co_return *got;
  co_return got.error() == errc::timed_out ? "late" : got.error().message();
}

/// Time for what the kernel has queued to be delivered: the worker sleeps in the driver meanwhile.
coro::task<> edges_come() { co_await coro::sleep_for(3ms); }

using story = std::function<coro::task<>(io::stream& near, peer& far)>;

/// Both ends of a connection, of which the near one has been waited for: so it is watched, and nothing is in it.
coro::task<> tell(thread_pool& pool, bool accepted, const story& what) {
  auto at = io::listener::listen(pool, io::address::loopback(0)).value();
  std::optional<peer> far;
  io::stream near;
  if (accepted) {
    far.emplace(at.local_address().value());
    near = (co_await at.accept()).value();
  } else {
    near = (co_await io::stream::connect(pool, at.local_address().value())).value();
    io::stream other = (co_await at.accept()).value();
    far.emplace(other.socket().release());
    EXPECT_EQ(fcntl(far->number(), F_SETFL, 0), 0);
  }
  coro::join_handle<std::string> first = coro::spawn(pool, next(near));
  co_await edges_come();
  far->send("first");
  EXPECT_EQ(co_await std::move(first), "first");
  co_await what(near, *far);
}

class both_ends : public testing::TestWithParam<std::tuple<std::uint32_t, bool>> {
 protected:
  static void run(const story& what) {
    pool_config config;
    config.max_threads = std::get<0>(GetParam());
    thread_pool pool{config};
    sync_wait(pool, tell(pool, std::get<1>(GetParam()), what));
  }
};
INSTANTIATE_TEST_SUITE_P(widths, both_ends, testing::Combine(testing::Values(1u, 2u, 3u, 4u, 8u, 64u), testing::Bool()),
                         [](const auto& shown) {
                           return std::to_string(std::get<0>(shown.param)) + "_workers_" +
                                  (std::get<1>(shown.param) ? "accepted" : "connected");
                         });

TEST_P(both_ends, see_what_comes_between_a_receive_and_the_next) {
  run([](io::stream& near, peer& far) -> coro::task<> {
    for (int i = 0; i < 5; ++i) {
      far.send("more");
      if (i % 2 == 0) co_await edges_come();
      EXPECT_EQ(co_await next(near), "more");
    }
  });
}

TEST_P(both_ends, see_the_end_that_came_with_the_last_bytes) {
  run([](io::stream& near, peer& far) -> coro::task<> {
    far.send("last");
    far.close();
    co_await edges_come();
    EXPECT_EQ(co_await next(near), "last");
    EXPECT_EQ(co_await next(near), "");
    EXPECT_EQ(co_await next(near), "");
  });
}

TEST_P(both_ends, see_the_end_that_comes_later) {
  run([](io::stream& near, peer& far) -> coro::task<> {
    far.send("last");
    co_await edges_come();
    EXPECT_EQ(co_await next(near), "last");
    far.close();
    EXPECT_EQ(co_await next(near), "");
  });
}

TEST_P(both_ends, see_half_a_close_and_still_send) {
  run([](io::stream& near, peer& far) -> coro::task<> {
    far.send("last");
    far.end_sending();
    co_await edges_come();
    EXPECT_EQ(co_await next(near), "last");
    EXPECT_EQ(co_await next(near), "");
    std::array<std::byte, 3> answer{};
    (co_await near.send_all(answer)).value();
    EXPECT_TRUE(far.receive(3));
  });
}

TEST_P(both_ends, see_a_reset_behind_the_last_bytes) {
  run([](io::stream& near, peer& far) -> coro::task<> {
    far.send("last");
    far.reset();
    co_await edges_come();
    const std::string reset = std::make_error_code(std::errc::connection_reset).message();
    const std::string got = co_await next(near);
    EXPECT_TRUE(got == "last" || got == reset) << got;
    if (got == "last") {
      EXPECT_EQ(co_await next(near), reset);
    }
    EXPECT_EQ(co_await next(near), "");
  });
}

/// A receive stops before the urgent byte, whatever lies behind it.
TEST_P(both_ends, see_what_lies_behind_urgent_data) {
  run([](io::stream& near, peer& far) -> coro::task<> {
    far.send("before");
    far.send("!", MSG_OOB);
    far.send("behind");
    co_await edges_come();
    EXPECT_EQ(co_await next(near), "before");
    EXPECT_EQ(co_await next(near), "behind");
    far.send("more");
    EXPECT_EQ(co_await next(near), "more");
  });
}

/// Whoever has the number may take the urgent byte away, and then no event says that there was one.
TEST_P(both_ends, see_what_lies_behind_urgent_data_that_others_took) {
  run([](io::stream& near, peer& far) -> coro::task<> {
    const int number = near.socket().number();
    far.send("before");
    far.send("!", MSG_OOB);
    far.send("behind");
    char urgent = 0;
    EXPECT_EQ(recv(number, &urgent, 1, MSG_OOB), 1);
    co_await edges_come();
    EXPECT_EQ(co_await next(near), "before");
    EXPECT_EQ(co_await next(near), "behind");
  });
}

/// Sends a message that carries a descriptor.
void send_with_descriptor(const peer& from, std::string text) {
  iovec part{text.data(), text.size()};
  alignas(cmsghdr) std::array<unsigned char, CMSG_SPACE(sizeof(int))> room{};
  msghdr message{};
  message.msg_iov = &part;
  message.msg_iovlen = 1;
  message.msg_control = room.data();
  message.msg_controllen = room.size();
  cmsghdr* const header = CMSG_FIRSTHDR(&message);
  header->cmsg_level = SOL_SOCKET;
  header->cmsg_type = SCM_RIGHTS;
  header->cmsg_len = CMSG_LEN(sizeof(int));
  const int given = 0;
  std::memcpy(CMSG_DATA(header), &given, sizeof given);
  EXPECT_EQ(sendmsg(from.number(), &message, MSG_NOSIGNAL), static_cast<ssize_t>(part.iov_len));
}

coro::task<> tell_of_unix_sockets(thread_pool& pool, io::stream near, io::stream other) {
  const peer far(other.socket().release());
  coro::join_handle<std::string> first = coro::spawn(pool, next(near));
  co_await edges_come();
  far.send("first");
  EXPECT_EQ(co_await std::move(first), "first");
  send_with_descriptor(far, "carries");
  far.send("plain");
  co_await edges_come();
  EXPECT_EQ(co_await next(near), "carries");
  EXPECT_EQ(co_await next(near), "plain");
}

/// A receive of a Unix socket stops behind a message that carries a descriptor.
TEST_P(short_reads, of_unix_sockets_say_nothing) {
  thread_pool pool{config()};
  const std::string path = "@treadle_test_short_" + std::to_string(getpid()) + "_" + std::to_string(workers());
  auto at = io::listener::listen(pool, io::address::local(path.c_str()).value()).value();
  for (const bool accepts : {false, true}) {
    sync_wait(pool, [](thread_pool& runs_on, io::listener& from, bool near_accepts) -> coro::task<> {
      auto [connected, accepted] =
          co_await coro::when_all(io::stream::connect(runs_on, from.local_address().value()), from.accept());
      io::stream& near = near_accepts ? accepted.value() : connected.value();
      io::stream& far = near_accepts ? connected.value() : accepted.value();
      co_await tell_of_unix_sockets(runs_on, std::move(near), std::move(far));
    }(pool, at, accepts));
  }
}

coro::task<> answers(io::stream with) {
  std::array<std::byte, 64> room;
  for (;;) {
    const std::size_t got = (co_await with.recv(room)).value();
    if (got == 0) co_return;
    (co_await with.send_all(std::span(room).first(got))).value();
  }
}

/// Pieces that come while a receive is under way, or just after it: one that is overlooked is waited for by both.
TEST_P(short_reads, overlook_nothing_that_comes_meanwhile) {
  thread_pool pool{config()};
  auto at = io::listener::listen(pool, io::address::loopback(0)).value();
  const peer far(at.local_address().value());
  const timeval limit{20, 0};
  ASSERT_EQ(setsockopt(far.number(), SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit), 0);
  auto serving = coro::spawn(
      pool, [](io::listener& from) -> coro::task<> { co_await answers((co_await from.accept()).value()); }(at));
  for (std::size_t round = 0; round < repetitions(2000); ++round) {
    const std::size_t pieces = 1 + round % 7;
    for (std::size_t i = 0; i < pieces; ++i) far.send("x");
    ASSERT_TRUE(far.receive(pieces)) << round;
  }
  far.end_sending();
  serving.wait();
}

}  // namespace
}  // namespace treadle::test
