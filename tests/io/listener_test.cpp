#include <awaited_operation.hpp>
#include <tasks.hpp>

#include <treadle/coro.hpp>
#include <treadle/io.hpp>
#include <treadle/treadle.hpp>

#include <gtest/gtest.h>

#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <set>
#include <system_error>
#include <thread>
#include <utility>
#include <vector>

// Connections that come, one by one or all at once, and those that come while nobody asks: none is lost, none is left.

namespace treadle::test {
namespace {

using coro::sync_wait;
using namespace std::chrono_literals;

class listeners : public with_workers {};
INSTANTIATE_TEST_SUITE_P(widths, listeners, worker_counts(), worker_count_name);

/// A peer outside: a connected socket that blocks.
class outsider {
 public:
  explicit outsider(const io::address& at) : number_(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
    sockaddr_in to{};
    to.sin_family = AF_INET;
    to.sin_port = htons(at.port());
    to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    EXPECT_EQ(connect(number_, reinterpret_cast<const sockaddr*>(&to), sizeof to), 0);
    const timeval limit{20, 0};
    EXPECT_EQ(setsockopt(number_, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit), 0);
  }
  outsider(outsider&& other) noexcept : number_(std::exchange(other.number_, -1)) {}
  outsider(const outsider&) = delete;
  outsider& operator=(const outsider&) = delete;
  ~outsider() {
    if (number_ >= 0) close(number_);
  }
  [[nodiscard]] std::uint16_t port() const {
    sockaddr_in own{};
    socklen_t bytes = sizeof own;
    EXPECT_EQ(getsockname(number_, reinterpret_cast<sockaddr*>(&own), &bytes), 0);
    return ntohs(own.sin_port);
  }
  /// Says whether the other end is gone.
  [[nodiscard]] bool is_left() const {
    char byte = 0;
    const ssize_t got = recv(number_, &byte, 1, 0);
    return got == 0 || (got < 0 && errno == ECONNRESET);
  }

 private:
  int number_;
};

std::vector<outsider> outsiders(std::size_t count, const io::address& at) {
  std::vector<outsider> made;
  made.reserve(count);
  for (std::size_t i = 0; i < count; ++i) made.emplace_back(at);
  return made;
}

coro::task<> accepts_all(io::listener& from, std::size_t count, std::set<std::uint16_t>& ports,
                         std::vector<io::stream>& kept, const std::function<void()>& connect) {
  connect();
  for (std::size_t i = 0; i < 3 * count; ++i) {
    if (i == count / 2 || i == count) connect();
    io::address who;
    kept.push_back((co_await from.accept(who)).value());
    EXPECT_TRUE(ports.insert(who.port()).second);
  }
}

/// Many at once, more than the kernel has room for answers where rings are tiny, before and after the first `accept`.
TEST_P(listeners, set_options_before_they_have_an_address) {
  thread_pool pool(config());
  const io::address any = io::address::loopback(0);
  const io::socket_option shared[] = {{SOL_SOCKET, SO_REUSEPORT, 1}};
  io::listener first = io::listener::listen(pool, any, {.socket_options = shared}).value();
  const io::address at = first.local_address().value();
  io::listener second = io::listener::listen(pool, at, {.socket_options = shared}).value();
  EXPECT_EQ(second.local_address().value().port(), at.port());
  EXPECT_EQ(io::listener::listen(pool, at).error(), std::errc::address_in_use);

  const io::socket_option unknown[] = {{SOL_SOCKET, SO_REUSEPORT, 1}, {SOL_SOCKET, 0x7fff, 1}};
  EXPECT_EQ(io::listener::listen(pool, any, {.socket_options = unknown}).error(), std::errc::no_protocol_option);
}

TEST_P(listeners, lose_no_connection) {
  thread_pool pool{config()};
  auto at = io::listener::listen(pool, io::address::loopback(0)).value();
  const io::address there = at.local_address().value();
  constexpr std::size_t count = 200;
  std::set<std::uint16_t> ports;
  std::vector<io::stream> taken;
  std::vector<outsider> all;
  sync_wait(pool, accepts_all(at, count, ports, taken, [&] {
              for (auto& each : outsiders(count, there)) all.push_back(std::move(each));
            }));
  EXPECT_EQ(ports.size(), 3 * count);
  for (const outsider& each : all) EXPECT_TRUE(ports.contains(each.port()));
}

/// Several ask at the same time, with coroutines and without.
TEST_P(listeners, serve_all_who_ask) {
  thread_pool pool{config()};
  auto at = io::listener::listen(pool, io::address::loopback(0)).value();
  const io::address there = at.local_address().value();
  constexpr std::size_t each_takes = 20, askers = 4;
  std::atomic<std::size_t> taken{0};
  coro::async_scope scope(pool);
  for (std::size_t i = 0; i < askers; ++i) {
    scope.spawn([](io::listener& from, std::atomic<std::size_t>& count) -> coro::task<> {
      for (std::size_t k = 0; k < each_takes; ++k) {
        const io::stream got = (co_await from.accept()).value();
        count.fetch_add(1);
      }
    }(at, taken));
  }
  awaited_operation accepts(pool);
  const auto made = outsiders(each_takes * askers, there);
  sync_wait(pool, scope.join());
  EXPECT_EQ(taken, each_takes * askers);
  for (std::size_t i = 1; i <= 10; ++i) {  // the kernel may be bringing more still
    ASSERT_FALSE(accepts.accept(at));
    const outsider one(there);
    ASSERT_FALSE(accepts.wait(i));
    EXPECT_TRUE(accepts.accepted());
  }
}

/// What was accepted and not fetched is closed with the listener, and so is what comes while that happens.
TEST_P(listeners, leave_nobody_behind) {
  thread_pool pool{config()};
  for (std::size_t round = 0; round < repetitions(10); ++round) {
    auto at = io::listener::listen(pool, io::address::loopback(0)).value();
    const io::address there = at.local_address().value();
    auto first = coro::spawn(pool, at.accept());
    std::vector<outsider> all = outsiders(20, there);
    io::stream with = first.wait().value();
    auto waiting = coro::spawn(pool, [](io::listener& from, std::size_t skips) -> coro::task<std::error_code> {
      for (std::size_t i = 0; i < skips; ++i) (co_await from.accept()).value().close();
      co_return std::error_code{};
    }(at, 5));
    EXPECT_FALSE(waiting.wait());
    at.close();
    with.close();
    for (const outsider& each : all) EXPECT_TRUE(each.is_left());
  }
}

TEST_P(listeners, end_when_asked_to_stop) {
  thread_pool pool{config()};
  auto at = io::listener::listen(pool, io::address::loopback(0)).value();
  const io::address there = at.local_address().value();
  for (std::size_t i = 0; i < repetitions(30); ++i) {
    auto waiting = coro::spawn(pool, at.accept());
    if (i % 2 == 0) std::this_thread::sleep_for(200us);
    waiting.request_stop();
    EXPECT_EQ(waiting.wait().error(), errc::cancelled);
    const outsider one(there);
    EXPECT_TRUE(sync_wait(pool, at.accept()));  // it waits for the next who asks
  }
}

}  // namespace
}  // namespace treadle::test
