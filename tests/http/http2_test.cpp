#include <waiting.hpp>

#include <gtest/gtest.h>

#ifndef TREADLE_TEST_HTTP2

TEST(http2, needs_a_server) { GTEST_SKIP() << "built without nghttp2 (Debian: libnghttp2-dev) or OpenSSL from 3 on"; }

#else

#include "http2_server.hpp"
#include <limits.hpp>
#include <tasks.hpp>

#include <treadle/coro.hpp>
#include <treadle/http.hpp>
#include <treadle/treadle.hpp>

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <fstream>
#include <span>
#include <string>
#include <thread>
#include <utility>
#include <vector>

// Streams of HTTP/2, which share a connection: who may start, counted at the server; slow readers; streams that one side
// gives up, and connections that the server does.

namespace treadle::test {
namespace {

using coro::sync_wait;
using namespace std::chrono_literals;
using ending = http2_server::ending;

class http2 : public testing::TestWithParam<std::uint32_t> {
 protected:
  static pool_config config() {
    pool_config made;
    made.max_threads = GetParam();
    return made;
  }
};
INSTANTIATE_TEST_SUITE_P(widths, http2, testing::Values(1u, 2u, 4u, 8u), worker_count_name);

coro::task<> gets(http::client& asks, std::string url, tally& good, unsigned retries = 0) {
  http::failure why;
  const auto got = co_await asks.get(std::move(url), {.retries = retries, .retry_delay = 1ms, .failure = &why});
  EXPECT_TRUE(got) << why.message();
  if (got && got->status == 200 && got->body == "xxxx") good.add();
}

/// Asks that often at a time. Returns how many answers were whole.
std::size_t ask(thread_pool& pool, http::client& client, const std::string& url, std::size_t times,
                unsigned retries = 0) {
  tally good;
  sync_wait(pool,
            [](thread_pool& on, http::client& asks, std::string at, std::size_t count, unsigned again,
               tally& counted) -> coro::task<> {
              coro::async_scope all(on);
              for (std::size_t i = 0; i < count; ++i) all.spawn(gets(asks, at, counted, again));
              co_await all.join();
            }(pool, client, url, times, retries, good));
  return good.get();
}

TEST_P(http2, streams_share_a_connection_and_the_limit) {
  http2_server at;
  at.on("/slow", {.delay = 2ms});
  thread_pool pool{config()};
  http::client client(pool, {.max_in_flight = 32, .ca_file = at.certificate()});
  const std::size_t count = smaller_if_slow(400);
  EXPECT_EQ(ask(pool, client, at.url("/slow"), count), count);
  EXPECT_EQ(at.requests(), count);
  EXPECT_LE(at.most_in_flight(), 32u);
  EXPECT_GE(at.most_in_flight(), 8u);
  EXPECT_EQ(at.connections(), 1u);
  EXPECT_EQ(client.in_flight(), 0u);
}

TEST_P(http2, servers_that_take_few_streams_get_few) {
  http2_server at(4);
  at.on("/slow", {.delay = 2ms});
  thread_pool pool{config()};
  http::client client(pool, {.max_in_flight = 16, .ca_file = at.certificate()});
  EXPECT_EQ(ask(pool, client, at.url("/slow"), 100), 100u);
  EXPECT_LE(at.most_in_flight(), 16u);
  EXPECT_LE(at.most_streams(), 4u);
}

TEST_P(http2, streams_that_are_cancelled_leave_the_others_alone) {
  http2_server at;
  at.on("/slow", {.delay = 30ms});
  at.on("/never", {.is_given = false});
  thread_pool pool{config()};
  http::client client(pool, {.ca_file = at.certificate()});
  ASSERT_EQ(ask(pool, client, at.url("/slow"), 1), 1u);
  std::vector<coro::join_handle<result<http::response>>> stuck;
  for (int i = 0; i < 10; ++i) stuck.push_back(coro::spawn(pool, client.get(at.url("/never"))));
  EXPECT_TRUE(eventually([&] { return at.requests() == 11; }));
  tally good;
  std::vector<coro::join_handle<void>> others;
  for (int i = 0; i < 10; ++i) others.push_back(coro::spawn(pool, gets(client, at.url("/slow"), good)));
  for (auto& each : stuck) each.request_stop();
  for (auto& each : stuck) EXPECT_EQ(each.wait().error(), errc::cancelled);
  for (auto& each : others) each.wait();
  EXPECT_EQ(good.get(), 10u);
  EXPECT_TRUE(eventually([&] { return at.resets() == 10; }));
  EXPECT_EQ(at.connections(), 1u);
}

TEST_P(http2, streams_that_the_server_resets_leave_the_others_alone) {
  http2_server at;
  at.on("/slow", {.delay = 10ms});
  at.on("/reset_at_once", {.bytes = 0, .ends = ending::reset});
  at.on("/reset", {.bytes = 1000, .ends = ending::reset});
  thread_pool pool{config()};
  http::client client(pool, {.ca_file = at.certificate()});
  ASSERT_EQ(ask(pool, client, at.url("/slow"), 1), 1u);
  tally good;
  std::vector<coro::join_handle<void>> others;
  for (int i = 0; i < 10; ++i) others.push_back(coro::spawn(pool, gets(client, at.url("/slow"), good)));
  for (const char* path : {"/reset", "/reset_at_once", "/reset"}) {
    http::failure why;
    const auto got = sync_wait(pool, client.get(at.url(path), {.failure = &why}));
    EXPECT_EQ(got.error(), http::errc::bad_response) << path << ": " << why.message();
    // What comes in one piece with the reset libcurl does not hand on.
    EXPECT_TRUE(why.at == http::phase::head || why.at == http::phase::body) << why.message();
  }
  for (auto& each : others) each.wait();
  EXPECT_EQ(good.get(), 10u);
  EXPECT_EQ(at.connections(), 1u);
  EXPECT_EQ(client.in_flight(), 0u);
}

TEST_P(http2, connections_that_the_server_gives_up_are_followed_by_others) {
  http2_server at;
  at.on("/last", {.ends = ending::go_away});
  thread_pool pool{config()};
  http::client client(pool, {.max_in_flight = 8, .ca_file = at.certificate()});
  for (std::size_t i = 1; i <= 5; ++i) {
    EXPECT_EQ(ask(pool, client, at.url("/last"), 1), 1u);
    EXPECT_EQ(at.connections(), i);
  }
  // Side by side: streams behind the last one are refused, and may be asked for again.
  EXPECT_EQ(ask(pool, client, at.url("/last"), 60, 60), 60u);
  EXPECT_EQ(client.in_flight(), 0u);
}

TEST_P(http2, connections_that_end_too_early_are_errors) {
  http2_server at;
  at.on("/lost", {.ends = ending::lost});
  at.on("/cut", {.bytes = 1000, .ends = ending::cut});
  at.on("/cut_at_once", {.bytes = 0, .ends = ending::cut});
  thread_pool pool{config()};
  http::client client(pool, {.ca_file = at.certificate()});
  http::failure why;
  const auto error_of = [&](const char* path) {
    return sync_wait(pool, client.get(at.url(path), {.failure = &why})).error();
  };
  EXPECT_EQ(error_of("/lost"), http::errc::connection_lost) << why.message();
  EXPECT_EQ(why.at, http::phase::head);
  for (const char* path : {"/cut", "/cut_at_once"}) {
    EXPECT_TRUE(error_of(path)) << path;
    EXPECT_TRUE(why.at == http::phase::head || why.at == http::phase::body) << path << ": " << why.message();
  }
}

/// Memory of this process that no file stands behind.
std::uint64_t anonymous_bytes() {
  std::ifstream status("/proc/self/status");
  for (std::string line; std::getline(status, line);) {
    if (line.compare(0, 8, "RssAnon:") == 0) return std::stoull(line.substr(8)) * 1024;
  }
  return 0;
}

/// What is kept of a stream that nobody reads: docs/guide/http.md names it.
constexpr std::uint64_t most_kept = 33u << 20;
/// The same, and what is on its way while somebody reads.
constexpr std::uint64_t most_ahead = 48u << 20;

/// At one width where it takes a minute each.
class http2_readers : public http2 {};
INSTANTIATE_TEST_SUITE_P(widths, http2_readers,
                         testing::ValuesIn(slow_factor > 1 ? std::vector<std::uint32_t>{2}
                                                           : std::vector<std::uint32_t>{1, 2, 4, 8}),
                         worker_count_name);

TEST_P(http2_readers, that_do_not_read_stop_their_stream_and_leave_the_others_alone) {
  http2_server at;
  at.on("/long", {.bytes = std::uint64_t{1} << 40});
  at.on("/slow", {.delay = 1ms});
  thread_pool pool{config()};
  http::client client(pool, {.ca_file = at.certificate()});
  http::stream from = sync_wait(pool, client.open(at.url("/long"))).value();
  const std::uint64_t unfilled = anonymous_bytes();
  // The others have to be read, and what came for this one between them.
  std::uint64_t before = 0;
  EXPECT_TRUE(eventually([&] {
    EXPECT_EQ(ask(pool, client, at.url("/slow"), 20), 20u);
    std::this_thread::sleep_for(50ms);
    const std::uint64_t now = at.sent();
    return std::exchange(before, now) + 1000 > now;
  }));
  RecordProperty("sent", std::to_string(at.sent()));
  EXPECT_LE(at.sent(), most_kept);
  const std::uint64_t filled = anonymous_bytes();
  RecordProperty("kept", std::to_string(filled - std::min(filled, unfilled)));
  if (slow_factor == 1) {
    EXPECT_LE(filled, unfilled + most_kept + (4u << 20));
  }
  EXPECT_EQ(ask(pool, client, at.url("/slow"), 20), 20u);
  EXPECT_EQ(at.connections(), 1u);
  // Who reads on gets on, and never more is ahead.
  std::vector<std::byte> room(256 * 1024);
  for (std::uint64_t all = 0; all < most_kept + (most_kept / slow_factor);) {
    const std::size_t got = sync_wait(pool, from.read(room)).value();
    ASSERT_NE(got, 0u);
    all += got;
    ASSERT_LE(at.sent(), all + most_ahead + 200);
  }
  from.close();
  EXPECT_TRUE(eventually([&] { return client.in_flight() == 0; }));
  EXPECT_EQ(ask(pool, client, at.url("/slow"), 20), 20u);
  EXPECT_TRUE(eventually([&] { return at.resets() == 1; }));  // libcurl may say so with the next request only
  EXPECT_EQ(at.connections(), 1u);
}

}  // namespace
}  // namespace treadle::test

#endif
