#include "../../src/os/fault.hpp"

#include <treadle/coro.hpp>
#include <treadle/io.hpp>
#include <treadle/treadle.hpp>

#include <gtest/gtest.h>

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <span>
#include <utility>

// How often the system is asked, where asking costs more than all the rest. The fail points count.

#if defined(TREADLE_FAULTS)

namespace treadle::test {
namespace {

using detail::os::call;

std::array<std::atomic<std::uint32_t>, static_cast<std::size_t>(call::count)> counts{};

bool count_call(call asked) noexcept {
  counts[static_cast<std::size_t>(asked)].fetch_add(1, std::memory_order_relaxed);
  return false;
}

/// Counts the calls to the system while it lives.
class counting {
 public:
  counting() {
    for (auto& each : counts) each = 0;
    detail::os::fault_hook = &count_call;
  }
  ~counting() { detail::os::fault_hook = nullptr; }
  counting(const counting&) = delete;
  counting& operator=(const counting&) = delete;
  [[nodiscard]] static std::uint32_t of(call asked) { return counts[static_cast<std::size_t>(asked)]; }
};

constexpr std::uint32_t messages = 500;

coro::task<> answers(io::listener& at) {
  io::stream with = (co_await at.accept()).value();
  std::array<std::byte, 64> room;
  while (const std::size_t got = (co_await with.recv(room)).value()) {
    (co_await with.send_all(std::span(room).first(got))).value();
  }
}

coro::task<> asks(thread_pool& pool, io::address server) {
  io::stream with = (co_await io::stream::connect(pool, server)).value();
  std::array<std::byte, 64> room{};
  for (std::uint32_t i = 0; i < messages; ++i) {
    (co_await with.send_all(std::span(room).first(10))).value();
    EXPECT_EQ((co_await with.recv(room)).value(), 10u);
  }
}

/// One receive a message at each end: none is made to hear that there is nothing yet.
TEST(call_counts, of_an_echo) {
  thread_pool pool(pool_config{.max_threads = 1});
  auto at = io::listener::listen(pool, io::address::loopback(0)).value();
  const counting counted;
  coro::sync_wait(pool, [](thread_pool& runs_on, io::listener& from) -> coro::task<> {
    co_await coro::when_all(answers(from), asks(runs_on, from.local_address().value()));
  }(pool, at));
  constexpr std::uint32_t at_begin_and_end = 10;
  EXPECT_GE(counting::of(call::receive), 2 * messages);
  EXPECT_LE(counting::of(call::receive), 2 * messages + at_begin_and_end);
  EXPECT_LE(counting::of(call::send), 2 * messages + at_begin_and_end);
  EXPECT_LE(counting::of(call::epoll_ctl), at_begin_and_end);
  EXPECT_LE(counting::of(call::ring), at_begin_and_end);
}

}  // namespace
}  // namespace treadle::test

#endif
