#include <tasks.hpp>

#include <treadle/coro.hpp>
#include <treadle/io.hpp>
#include <treadle/treadle.hpp>

#include <gtest/gtest.h>

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <string>
#include <system_error>
#include <thread>
#include <vector>

// Names of this machine only: no test asks a name server.

namespace treadle::test {
namespace {

using coro::sync_wait;
using io::resolve;
using namespace std::chrono_literals;

class names : public with_workers {};
INSTANTIATE_TEST_SUITE_P(widths, names, worker_counts(), worker_count_name);

bool has(const std::vector<io::address>& all, const std::string& text) {
  return std::any_of(all.begin(), all.end(), [&](const io::address& each) { return each.text() == text; });
}

TEST_P(names, of_this_machine) {
  thread_pool pool{config()};
  EXPECT_TRUE(has(sync_wait(pool, resolve(pool, "localhost", "80")).value(), "127.0.0.1:80"));
}

TEST_P(names, that_are_addresses_ask_nobody) {
  thread_pool pool{config()};
  EXPECT_TRUE(has(sync_wait(pool, resolve(pool, "127.0.0.1", "7")).value(), "127.0.0.1:7"));
  EXPECT_TRUE(has(sync_wait(pool, resolve(pool, "::1", "65535")).value(), "[::1]:65535"));
  EXPECT_EQ(pool.stats().blocking_sections, 0u);
}

TEST_P(names, that_are_none_say_so) {
  thread_pool pool{config()};
  // Longer than any name may be, so that it is refused here and not asked for elsewhere.
  const auto nobody = sync_wait(pool, resolve(pool, std::string(300, 'x'), "80"));
  EXPECT_FALSE(nobody.has_value());
  EXPECT_EQ(nobody.error().category(), io::resolve_category()) << nobody.error();
  EXPECT_FALSE(nobody.error().message().empty());
  EXPECT_EQ(sync_wait(pool, resolve(pool, "127.0.0.1", "no-such-service")).error(),
            make_error_code(io::resolve_errc::service_not_found));
  EXPECT_EQ(sync_wait(pool, resolve(pool, std::string("127.0.0.1\0x", 11), "80")).error(), std::errc::invalid_argument);
  for (const auto each : {io::resolve_errc::host_not_found, io::resolve_errc::service_not_found,
                          io::resolve_errc::try_again, io::resolve_errc::failed}) {
    EXPECT_NE(make_error_code(each).message(), "unknown error");
  }
}

coro::task<std::size_t> asks(thread_pool& pool) {
  const auto found = co_await resolve(pool, "localhost", "80");
  co_return found ? found->size() : 0;
}

/// More questions than may be asked at a time, and some workers that compute meanwhile.
TEST_P(names, are_asked_for_by_many) {
  thread_pool pool{config()};
  std::vector<coro::join_handle<std::size_t>> all;
  for (std::size_t i = 0; i < smaller_if_slow(200); ++i) all.push_back(coro::spawn(pool, asks(pool)));
  for (auto& each : all) EXPECT_GE(each.wait(), 1u);
}

coro::task<std::error_code> fails_to_ask(thread_pool& pool) {
  co_return (co_await resolve(pool, "localhost", "80")).error();
}

TEST_P(names, are_not_waited_for_after_a_stop) {
  thread_pool pool{config()};
  for (std::size_t round = 0; round < repetitions(50); ++round) {
    auto asking = coro::spawn(pool, fails_to_ask(pool));
    if (round % 2 == 0) std::this_thread::sleep_for(std::chrono::microseconds(round * 10));
    asking.request_stop();
    const std::error_code why = asking.wait();
    EXPECT_TRUE(!why || why == errc::cancelled) << why;
  }
  thread_pool ended{config()};
  ASSERT_FALSE(ended.join());
  EXPECT_EQ(sync_wait(pool, resolve(ended, "localhost", "80")).error(), make_error_code(errc::shut_down));
}

}  // namespace
}  // namespace treadle::test
