#include <awaited_operation.hpp>
#include <tasks.hpp>

#include <treadle/coro.hpp>
#include <treadle/io.hpp>
#include <treadle/timer.hpp>
#include <treadle/treadle.hpp>

#include <gtest/gtest.h>

#include <unistd.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <chrono>
#include <cstddef>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <system_error>
#include <thread>
#include <utility>
#include <vector>

// Operations that call back: each start is answered once, on a worker, and by the callback the operation is the caller's
// again, whatever ends it.

namespace treadle::test {
namespace {

using coro::sync_wait;
using namespace std::chrono_literals;

class operations : public with_workers {};
INSTANTIATE_TEST_SUITE_P(widths, operations, worker_counts(), worker_count_name);

using awaited = awaited_operation;

/// An operation that a timer of the caller's cancels.
struct impatient : awaited {
  explicit impatient(thread_pool& pool) : awaited(pool), limit(pool, *this) {}
  struct deadline : timer {
    deadline(thread_pool& pool, io::operation& ends) : timer(pool, &expired), limited(ends) {}
    static void expired(timer& self) noexcept {
      auto& over = static_cast<deadline&>(self);
      over.limited.cancel();
      over.called.add();
    }
    io::operation& limited;
    tally called;
  };
  deadline limit;
};

using room = std::array<std::byte, 64>;

TEST_P(operations, connect) {
  thread_pool pool{config()};
  auto at = io::listener::listen(pool, io::address::loopback(0)).value();
  awaited connects(pool), accepts(pool), sends(pool), receives(pool);
  EXPECT_EQ(connects.connect(io::address()), std::errc::invalid_argument);
  for (std::size_t i = 1; i <= repetitions(50); ++i) {
    ASSERT_FALSE(accepts.accept(at));
    ASSERT_FALSE(connects.connect(at.local_address().value()));
    ASSERT_FALSE(connects.wait(i));
    ASSERT_FALSE(accepts.wait(i));
    io::stream near = connects.connected(), far = accepts.accepted();
    EXPECT_FALSE(connects.connected());
    const room sent{std::byte{5}};
    room got{};
    ASSERT_FALSE(sends.send_all(near, sent));
    ASSERT_FALSE(receives.receive(far, got));
    EXPECT_FALSE(sends.wait(i));
    EXPECT_FALSE(receives.wait(i));
    EXPECT_EQ(got, sent);
  }
}

TEST_P(operations, say_why_they_did_not_connect) {
  thread_pool pool{config()};
  const auto where_nobody_listens = [&] {
    return io::listener::listen(pool, io::address::loopback(0)).value().local_address().value();
  };
  awaited connects(pool);
  ASSERT_FALSE(connects.connect(where_nobody_listens()));
  EXPECT_EQ(connects.wait(1), std::errc::connection_refused);
  EXPECT_FALSE(connects.connected());
  ASSERT_FALSE(connects.connect(io::address::local("@nobody-listens-here").value()));  // the call itself says so
  EXPECT_EQ(connects.wait(2), std::errc::connection_refused);
  // A listener that has no room: the call says "not now", and nothing would ever tell when.
  const io::address crowded = io::address::local(("@crowded-" + std::to_string(getpid())).c_str()).value();
  auto at = io::listener::listen(pool, crowded, {.backlog = 0}).value();
  std::vector<io::stream> inside;
  std::error_code why;
  for (std::size_t i = 3; !why && i < 10; ++i) {
    ASSERT_FALSE(connects.connect(crowded));
    why = connects.wait(i);
    if (!why) inside.push_back(connects.connected());
  }
  EXPECT_EQ(why, std::errc::resource_unavailable_try_again);
}

/// A listener that lets nobody in any more: whoever connects waits, and gives up when told to.
TEST_P(operations, give_up_a_connection) {
  thread_pool pool{config()};
  auto at = io::listener::listen(pool, io::address::loopback(0), {.backlog = 0}).value();
  const io::address there = at.local_address().value();
  std::vector<io::stream> inside;
  impatient connects(pool);
  std::error_code why;
  for (std::size_t i = 1; !why && i < 5; ++i) {
    ASSERT_FALSE(connects.connect(there));
    ASSERT_FALSE(connects.limit.arm(50ms));
    why = connects.wait(i);
    if (!why) inside.push_back(connects.connected());
    if (!connects.limit.cancel()) {
      EXPECT_TRUE(connects.limit.called.reaches(1));
    }
  }
  EXPECT_EQ(why, errc::cancelled);
  EXPECT_FALSE(connects.connected());
}

TEST_P(operations, answer_each_start_once) {
  thread_pool pool{config()};
  two_streams both(pool);
  awaited receives(pool), sends(pool);
  room got{}, sent{};
  sent.fill(std::byte{7});
  for (std::size_t i = 1; i <= repetitions(200); ++i) {
    // Received before it is sent, and the other way round.
    if (i % 2 == 0) {
      ASSERT_FALSE(receives.receive(both.far, got));
    }
    ASSERT_FALSE(sends.send(both.near, std::span(sent).first(1 + i % sent.size())));
    EXPECT_FALSE(sends.wait(i));
    EXPECT_EQ(sends.bytes(), 1 + i % sent.size());
    if (i % 2 != 0) {
      ASSERT_FALSE(receives.receive(both.far, got));
    }
    EXPECT_FALSE(receives.wait(i));
    EXPECT_EQ(receives.bytes(), 1 + i % sent.size());
    EXPECT_EQ(got[i % sent.size()], std::byte{7});
  }
  both.near.close();
  const std::size_t last = receives.ends() + 1;
  ASSERT_FALSE(receives.receive(both.far, got));
  EXPECT_FALSE(receives.wait(last));
  EXPECT_EQ(receives.bytes(), 0u);
}

TEST_P(operations, send_more_than_the_kernel_keeps) {
  thread_pool pool{config()};
  two_streams both(pool);
  const std::vector<std::byte> sent(8'000'000 / slow_factor, std::byte{3});
  std::vector<std::byte> got(1'000'000);
  awaited sends(pool), receives(pool);
  ASSERT_FALSE(sends.send_all(both.near, sent));
  std::size_t received = 0, times = 0;
  while (received < sent.size()) {
    ASSERT_FALSE(receives.receive(both.far, got));
    ASSERT_FALSE(receives.wait(++times));
    ASSERT_EQ(std::count(got.begin(), got.begin() + static_cast<std::ptrdiff_t>(receives.bytes()), std::byte{3}),
              static_cast<std::ptrdiff_t>(receives.bytes()));
    received += receives.bytes();
  }
  EXPECT_FALSE(sends.wait());
  EXPECT_EQ(sends.bytes(), sent.size());
}

/// A server that is nothing but callbacks: it accepts, and each connection sends back what it gets, until the end.
class echo_server {
 public:
  echo_server(thread_pool& pool, std::size_t connections)
      : pool_(pool), at_(io::listener::listen(pool, io::address::loopback(0)).value()), accepts_(*this, pool) {
    EXPECT_FALSE(accepts_.accept(at_));
    connections_ = connections;
  }
  [[nodiscard]] io::address address() const { return at_.local_address().value(); }
  [[nodiscard]] bool is_over() { return ended_.reaches(connections_); }

 private:
  struct connection : io::operation {
    connection(echo_server& server, thread_pool& pool, io::stream with)
        : operation(pool, &went_on), of(server), peer(std::move(with)) {}
    static void went_on(io::operation& ended) noexcept {
      auto& self = static_cast<connection&>(ended);
      self.sends = !self.sends;
      if (!self.error() && self.bytes() != 0 &&
          !(self.sends ? self.send_all(self.peer, std::span(self.bytes_of).first(self.bytes()))
                       : self.receive(self.peer, self.bytes_of))) {
        return;
      }
      echo_server& server = self.of;
      delete &self;
      server.ended_.add();
    }
    echo_server& of;
    io::stream peer;
    room bytes_of{};
    bool sends = false;
  };
  struct acceptor : io::operation {
    acceptor(echo_server& server, thread_pool& pool) : operation(pool, &accepted_one), of(server), runs_on(pool) {}
    static void accepted_one(io::operation& ended) noexcept {
      auto& self = static_cast<acceptor&>(ended);
      if (self.error()) return;
      auto* const made = new connection(self.of, self.runs_on, self.accepted());
      EXPECT_FALSE(made->receive(made->peer, made->bytes_of));
      EXPECT_FALSE(self.accept(self.of.at_));
    }
    echo_server& of;
    thread_pool& runs_on;
  };

  thread_pool& pool_;
  io::listener at_;
  tally ended_;
  std::size_t connections_ = 0;
  acceptor accepts_;

 public:
  /// Nothing is accepted any more.
  void close() {
    EXPECT_FALSE(pool_.drain());  // the callback of the last one is through, and has started the next accept
    accepts_.cancel();
    EXPECT_FALSE(pool_.drain());
    EXPECT_EQ(accepts_.error(), errc::cancelled);
  }
};

coro::task<> asks(thread_pool& pool, io::address server, std::size_t times) {
  io::stream peer = (co_await io::stream::connect(pool, server)).value();
  room sent{}, got{};
  for (std::size_t i = 0; i < times; ++i) {
    sent.fill(static_cast<std::byte>(i));
    (co_await peer.send_all(sent)).value();
    EXPECT_EQ((co_await peer.recv_all(got)).value(), got.size());
    EXPECT_EQ(got, sent);
  }
}

TEST_P(operations, serve_from_callbacks_alone) {
  thread_pool pool{config()};
  constexpr std::size_t clients = 10;
  echo_server server(pool, clients);
  sync_wait(pool, [](thread_pool& runs_on, io::address at) -> coro::task<> {
    coro::async_scope all(runs_on);
    for (std::size_t i = 0; i < clients; ++i) all.spawn(asks(runs_on, at, smaller_if_slow(50)));
    co_await all.join();
  }(pool, server.address()));
  EXPECT_TRUE(server.is_over());
  server.close();
}

TEST_P(operations, are_cancelled) {
  thread_pool pool{config()};
  two_streams both(pool);
  awaited receives(pool);
  room got{};
  receives.cancel();  // nothing is under way, and the next start does not hear of it
  for (std::size_t i = 1; i <= repetitions(100); ++i) {
    ASSERT_FALSE(receives.receive(both.far, got));
    if (i % 3 != 0) std::this_thread::sleep_for(std::chrono::microseconds(i % 3 * 50));
    receives.cancel();
    receives.cancel();
    EXPECT_EQ(receives.wait(i), errc::cancelled);
    EXPECT_EQ(receives.bytes(), 0u);
  }
}

/// What a cancel meets half-way is over once all the same, and no byte is lost.
TEST_P(operations, are_cancelled_or_over_never_both) {
  thread_pool pool{config()};
  two_streams both(pool);
  awaited receives(pool), sends(pool);
  room got{};
  const room sent{};
  std::size_t received = 0, ends = 0;
  const std::size_t rounds = repetitions(300);
  for (std::size_t i = 1; i <= rounds; ++i) {
    ASSERT_FALSE(receives.receive(both.far, got));
    ASSERT_FALSE(sends.send(both.near, std::span(sent).first(1)));
    receives.cancel();
    const std::error_code why = receives.wait(++ends);
    EXPECT_TRUE(!why || why == errc::cancelled) << why;
    if (!why) received += receives.bytes();
    EXPECT_FALSE(sends.wait(i));
  }
  while (received < rounds) {
    ASSERT_FALSE(receives.receive(both.far, got));
    ASSERT_FALSE(receives.wait(++ends));
    received += receives.bytes();
  }
  EXPECT_EQ(received, rounds);
}

TEST_P(operations, end_by_a_timer) {
  thread_pool pool{config()};
  two_streams both(pool);
  impatient receives(pool);
  room got{};
  ASSERT_FALSE(receives.receive(both.far, got));
  ASSERT_FALSE(receives.limit.arm(2ms));
  EXPECT_EQ(receives.wait(), errc::cancelled);
  EXPECT_TRUE(receives.limit.called.reaches(1));
}

TEST_P(operations, wait_until_a_pipe_is_ready) {
  thread_pool pool{config()};
  io::pipe pipe = io::pipe::make(pool).value();
  awaited readable(pool), writable(pool);
  for (std::size_t i = 1; i <= repetitions(50); ++i) {
    ASSERT_FALSE(readable.readable(pipe.reads.handle()));
    ASSERT_FALSE(writable.writable(pipe.writes.handle()));
    ASSERT_FALSE(writable.wait(i));
    EXPECT_EQ(readable.ends(), i - 1);
    char byte = 'x';
    ASSERT_EQ(write(pipe.writes.handle().number(), &byte, 1), 1);
    ASSERT_FALSE(readable.wait(i));
    ASSERT_EQ(read(pipe.reads.handle().number(), &byte, 1), 1);
  }
}

TEST_P(operations, say_why_they_failed) {
  thread_pool pool{config()};
  two_streams both(pool);
  both.near.close();
  awaited sends(pool);
  const room sent{};
  std::size_t times = 0;
  std::error_code why;
  while (!why && times < 1000) {
    ASSERT_FALSE(sends.send(both.far, sent));
    why = sends.wait(++times);
  }
  EXPECT_TRUE(why == std::errc::broken_pipe || why == std::errc::connection_reset) << why;
}

TEST_P(operations, end_with_the_pool) {
  for (const shutdown_mode mode : {shutdown_mode::drain, shutdown_mode::cancel}) {
    thread_pool pool{config()};
    two_streams both(pool);
    std::vector<std::unique_ptr<awaited>> all;
    std::vector<room> rooms(5);
    for (room& each : rooms) {
      all.push_back(std::make_unique<awaited>(pool));
      ASSERT_FALSE(all.back()->receive(both.far, each));
    }
    ASSERT_FALSE(pool.drain());
    ASSERT_FALSE(pool.shutdown(mode).error);
    for (auto& each : all) {
      const std::error_code why = each->wait();
      EXPECT_TRUE(why == errc::shut_down || why == errc::cancelled) << why;
    }
    awaited late(pool);
    EXPECT_EQ(late.receive(both.far, rooms.front()), errc::shut_down);
    EXPECT_EQ(late.ends(), 0u);
    ASSERT_FALSE(pool.join());
  }
}

/// The callback runs on the operation's pool, whosever the socket is.
TEST_P(operations, of_another_pool_call_back_there) {
  thread_pool pool{config()}, other{config()};
  two_streams both(pool);
  awaited receives(other);
  room got{};
  const room sent{};
  awaited sends(pool);
  ASSERT_FALSE(receives.receive(both.far, got));
  ASSERT_FALSE(sends.send(both.near, std::span(sent).first(5)));
  EXPECT_FALSE(receives.wait());
  EXPECT_EQ(receives.bytes(), 5u);
  EXPECT_FALSE(sends.wait());
}

}  // namespace
}  // namespace treadle::test
