#include "server.hpp"

#include <treadle/http.hpp>
#include <treadle/treadle.hpp>

#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <string>
#include <system_error>
#include <vector>

// Requests that are answered as they should be, and those that are refused before they start.

namespace treadle::test {
namespace {

using coro::sync_wait;
using namespace std::chrono_literals;

class clients : public testing::TestWithParam<std::uint32_t> {
 protected:
  static pool_config config() {
    pool_config made;
    made.max_threads = GetParam();
    return made;
  }
};
INSTANTIATE_TEST_SUITE_P(widths, clients, testing::Values(1u, 2u, 4u, 8u), worker_count_name);

coro::task<> says_hello(server::visit& now) { co_await now.answer(200, "hello", "X-Name: value\r\n"); }

TEST_P(clients, get_what_is_there) {
  server at;
  at.on("/hello", says_hello);
  thread_pool pool{config()};
  http::client client(pool);
  const auto got = sync_wait(pool, client.get(at.url("/hello")));
  ASSERT_TRUE(got) << got.error().message();
  EXPECT_EQ(got->status, 200);
  EXPECT_EQ(got->body, "hello");
  EXPECT_EQ(got->headers.value("x-name"), "value");
  EXPECT_EQ(got->url, at.url("/hello"));
  const auto missing = sync_wait(pool, client.get(at.url("/nothing")));
  ASSERT_TRUE(missing);
  EXPECT_EQ(missing->status, 404);
  EXPECT_EQ(client.in_flight(), 0u);
}

TEST_P(clients, keep_their_connection) {
  server at;
  at.on("/hello", says_hello);
  thread_pool pool{config()};
  http::client client(pool);
  for (int i = 0; i < 50; ++i) ASSERT_TRUE(sync_wait(pool, client.get(at.url("/hello"))));
  EXPECT_EQ(at.requests(), 50u);
  EXPECT_EQ(at.connections(), 1u);
}

coro::task<> echoes(server::visit& now) {
  co_await now.answer(200, now.body, "X-Method: " + now.method + "\r\nX-Type: " + now.headers["content-type"] + "\r\n");
}

TEST_P(clients, send_bodies) {
  server at;
  at.on("/echo", echoes);
  thread_pool pool{config()};
  http::client client(pool);
  for (const std::size_t bytes : {std::size_t{0}, std::size_t{1}, std::size_t{100'000}, std::size_t{3'000'000}}) {
    http::request asked("POST", at.url("/echo"));
    asked.headers.add("Content-Type", "text/plain");
    asked.body.assign(bytes, 'x');
    const auto got = sync_wait(pool, client.send(asked));
    ASSERT_TRUE(got) << got.error().message();
    EXPECT_EQ(got->headers.value("x-method"), "POST");
    EXPECT_EQ(got->headers.value("x-type"), "text/plain");
    EXPECT_TRUE(got->body == asked.body);
  }
  const auto removed = sync_wait(pool, client.send(http::request("DELETE", at.url("/echo"))));
  ASSERT_TRUE(removed);
  EXPECT_EQ(removed->headers.value("x-method"), "DELETE");
  const auto head = sync_wait(pool, client.send(http::request("HEAD", at.url("/echo"))));
  ASSERT_TRUE(head);
  EXPECT_EQ(head->headers.value("x-method"), "HEAD");
  EXPECT_TRUE(head->body.empty());
}

/// Gives `bytes` bytes, a few at a time.
http::body_source pieces_of(std::size_t bytes) {
  return [left = bytes](std::span<std::byte> into) mutable -> coro::task<result<std::size_t>> {
    co_await coro::yield();
    const std::size_t given = std::min({left, into.size(), std::size_t{10'000}});
    std::fill_n(into.begin(), given, std::byte{'s'});
    left -= given;
    co_return given;
  };
}

TEST_P(clients, send_bodies_from_a_source) {
  server at;
  at.on("/echo", echoes);
  thread_pool pool{config()};
  http::client client(pool);
  http::request asked("PUT", at.url("/echo"));
  asked.source = pieces_of(1'000'000);
  const auto in_chunks = sync_wait(pool, client.send(asked));
  ASSERT_TRUE(in_chunks) << in_chunks.error().message();
  EXPECT_EQ(in_chunks->body.size(), 1'000'000u);
  asked.source = pieces_of(500'000);
  asked.source_bytes = 500'000;
  const auto with_length = sync_wait(pool, client.send(asked));
  ASSERT_TRUE(with_length) << with_length.error().message();
  EXPECT_EQ(with_length->body.size(), 500'000u);
}

TEST_P(clients, tell_of_a_source_that_fails) {
  server at;
  at.on("/echo", echoes);
  thread_pool pool{config()};
  http::client client(pool);
  http::request asked("PUT", at.url("/echo"));
  asked.source = [](std::span<std::byte>) -> coro::task<result<std::size_t>> {
    co_return std::make_error_code(std::errc::io_error);
  };
  EXPECT_EQ(sync_wait(pool, client.send(asked)).error(), std::errc::io_error);
  asked.source = pieces_of(10);
  asked.source_bytes = 20;
  EXPECT_EQ(sync_wait(pool, client.send(asked)).error(), http::errc::source_failed);
  EXPECT_EQ(client.in_flight(), 0u);
}

coro::task<std::size_t> reads_all(http::stream& from, std::size_t at_once) {
  std::vector<std::byte> room(at_once);
  std::size_t all = 0;
  for (;;) {
    const result<std::size_t> got = co_await from.read(room);
    if (!got) throw std::system_error(got.error());
    if (*got == 0) break;
    for (std::size_t i = 0; i < *got; ++i) EXPECT_EQ(room[i], static_cast<std::byte>((all + i) % 251));
    all += *got;
  }
  co_return all;
}

coro::task<> counts_up(server::visit& now, std::size_t bytes) {
  co_await now.send("HTTP/1.1 200 OK\r\nContent-Length: " + std::to_string(bytes) + "\r\n\r\n");
  std::string piece;
  for (std::size_t sent = 0; sent < bytes; sent += piece.size()) {
    piece.clear();
    for (std::size_t i = 0; i < 50'000 && sent + i < bytes; ++i) piece += static_cast<char>((sent + i) % 251);
    if (sent + piece.size() == bytes) now.leave();
    co_await now.send(piece);
  }
}

TEST_P(clients, stream_bodies) {
  static constexpr std::size_t bytes = 2'000'000;
  server at;
  at.on("/long", [](server::visit& now) { return counts_up(now, bytes); });
  thread_pool pool{config()};
  http::client client(pool);
  sync_wait(pool, [](http::client& asks, std::string url) -> coro::task<> {
    http::stream from = (co_await asks.open(url)).value();
    EXPECT_EQ(from.status(), 200);
    EXPECT_EQ(from.content_length(), bytes);
    EXPECT_EQ(co_await reads_all(from, 3'333), bytes);
    std::array<std::byte, 1> room;
    EXPECT_EQ((co_await from.read(room)).value(), 0u);
  }(client, at.url("/long")));
  EXPECT_TRUE(eventually([&] { return client.in_flight() == 0; }));
}

TEST_P(clients, call_back) {
  server at;
  at.on("/hello", says_hello);
  thread_pool pool{config()};
  http::client client(pool);
  std::string body;
  http::call made =
      client.start(http::request(at.url("/hello")), [&](result<http::response> got) { body = got.value().body; });
  made.wait();
  EXPECT_EQ(body, "hello");
  at.on("/never", [](server::visit& now) { return now.hang(); });
  std::error_code ended;
  http::call endless =
      client.start(http::request(at.url("/never")), [&](result<http::response> got) { ended = got.error(); });
  EXPECT_TRUE(eventually([&] { return at.in_flight() == 1; }));
  endless.cancel();
  endless.wait();
  EXPECT_EQ(ended, errc::cancelled);
}

TEST_P(clients, refuse_what_is_wrong) {
  server at;
  at.on("/hello", says_hello);
  thread_pool pool{config()};
  http::client client(pool);
  const auto error_of = [&](http::request asked) { return sync_wait(pool, client.send(std::move(asked))).error(); };
  const auto get_error_of = [&](std::string url) { return sync_wait(pool, client.get(std::move(url))).error(); };
  EXPECT_EQ(get_error_of(""), http::errc::bad_url);
  EXPECT_EQ(get_error_of("http://"), http::errc::bad_url);
  EXPECT_EQ(get_error_of("hello there"), http::errc::bad_url);
  EXPECT_EQ(get_error_of("http://a b/"), http::errc::bad_url);
  EXPECT_EQ(get_error_of("ftp://127.0.0.1/"), http::errc::unsupported_scheme);
  EXPECT_EQ(get_error_of("file:///etc/passwd"), http::errc::unsupported_scheme);
  EXPECT_EQ(get_error_of("http://"), std::errc::invalid_argument);
  EXPECT_EQ(error_of(http::request("GET IT", at.url("/hello"))), http::errc::bad_method);
  EXPECT_EQ(error_of(http::request("GET", at.url("/hello"), "a body")), http::errc::body_not_allowed);
  http::request injects(at.url("/hello"));
  injects.headers = {{"X", "a\r\nInjected: b"}};
  EXPECT_EQ(error_of(injects), http::errc::bad_header);
  injects.headers = {{"X Y", "a"}};
  EXPECT_EQ(error_of(injects), http::errc::bad_header);
  EXPECT_EQ(at.requests(), 0u);
}

TEST_P(clients, say_where_it_failed) {
  thread_pool pool{config()};
  http::client client(pool);
  const std::uint16_t nobody =
      io::listener::listen(pool, io::address::loopback(0)).value().local_address().value().port();
  http::failure why;
  const auto got = sync_wait(pool, client.get("http://127.0.0.1:" + std::to_string(nobody) + "/", {.failure = &why}));
  EXPECT_EQ(got.error(), std::errc::connection_refused) << got.error().message();
  EXPECT_EQ(why.at, http::phase::connect);
  EXPECT_EQ(why.host, "127.0.0.1:" + std::to_string(nobody));
  EXPECT_EQ(why.attempts, 1u);
  EXPECT_NE(why.message().find("127.0.0.1"), std::string::npos) << why.message();
  EXPECT_NE(why.message().find("connect"), std::string::npos) << why.message();
}

TEST_P(clients, end_with_requests_under_way) {
  server at;
  at.on("/never", [](server::visit& now) { return now.hang(); });
  thread_pool pool{config()};
  std::vector<coro::join_handle<result<http::response>>> asking;
  {
    http::client client(pool, {.max_in_flight = 3});
    for (int i = 0; i < 6; ++i) asking.push_back(coro::spawn(pool, client.get(at.url("/never"))));
    EXPECT_TRUE(eventually([&] { return at.in_flight() == 3 && client.waiting() == 3; }));
  }
  for (auto& each : asking) EXPECT_EQ(each.wait().error(), errc::cancelled);
}

TEST_P(clients, ask_for_the_rest) {
  server at;
  at.on("/part", [](server::visit& now) { return now.answer(206, now.headers["range"]); });
  thread_pool pool{config()};
  http::client client(pool);
  const auto got = sync_wait(pool, client.get(at.url("/part"), {.range_start = 1000}));
  ASSERT_TRUE(got) << got.error().message();
  EXPECT_EQ(got->status, 206);
  EXPECT_EQ(got->body, "bytes=1000-");
}

TEST_P(clients, go_through_a_proxy) {
  server at;
  at.on("http://far.test:81/page", [](server::visit& now) { return now.answer(200, now.headers["host"]); });
  at.on("/direct", says_hello);
  thread_pool pool{config()};
  {
    http::client client(pool, {.proxy = at.url("")});
    const auto got = sync_wait(pool, client.get("http://far.test:81/page"));  // a name that nobody can resolve
    ASSERT_TRUE(got) << got.error().message();
    EXPECT_EQ(got->body, "far.test:81");
  }
  ASSERT_EQ(setenv("http_proxy", at.url("").c_str(), 1), 0);
  ASSERT_EQ(setenv("no_proxy", "example.org,127.0.0.1", 1), 0);
  http::client client(pool);
  unsetenv("http_proxy");
  unsetenv("no_proxy");
  EXPECT_EQ(sync_wait(pool, client.get("http://far.test:81/page")).value().body, "far.test:81");
  EXPECT_EQ(sync_wait(pool, client.get(at.url("/direct"))).value().body, "hello");
}

TEST_P(clients, take_a_password_from_netrc) {
  server at;
  at.on("/private", [](server::visit& now) { return now.answer(200, now.headers["authorization"]); });
  const std::string file = testing::TempDir() + "treadle_netrc_" + std::to_string(at.port());
  std::ofstream(file) << "machine 127.0.0.1 login me password secret\n";
  thread_pool pool{config()};
  http::client client(pool, {.netrc = true, .netrc_file = file});
  const auto got = sync_wait(pool, client.get(at.url("/private")));
  std::filesystem::remove(file);
  ASSERT_TRUE(got) << got.error().message();
  EXPECT_EQ(got->body, "Basic bWU6c2VjcmV0");
}

TEST_P(clients, stream_both_ways) {
  server at;
  at.on("/echo", echoes);
  at.on("/moved", [](server::visit& now) { return now.answer(307, "", "Location: /echo\r\n"); });
  thread_pool pool{config()};
  http::client client(pool);
  http::request asked("PUT", at.url("/echo"));
  asked.source = pieces_of(300'000);
  http::stream from = sync_wait(pool, client.open(asked)).value();
  std::vector<std::byte> room(7'000);
  std::size_t all = 0;
  while (const std::size_t got = sync_wait(pool, from.read(room)).value()) all += got;
  EXPECT_EQ(all, 300'000u);
  asked.url = at.url("/moved");
  asked.source = pieces_of(10);
  EXPECT_EQ(sync_wait(pool, client.open(asked)).error(), http::errc::cannot_resend);
}

TEST_P(clients, outlive_the_end_of_their_pool) {
  for (const shutdown_mode mode : {shutdown_mode::drain, shutdown_mode::cancel}) {
    server at;
    at.on("/never", [](server::visit& now) { return now.hang(); });
    at.on("/hello", says_hello);
    thread_pool pool{config()};
    http::client client(pool, {.max_in_flight = 2});
    ASSERT_TRUE(sync_wait(pool, client.get(at.url("/hello"))));
    std::vector<coro::join_handle<result<http::response>>> asking;
    for (int i = 0; i < 4; ++i) asking.push_back(coro::spawn(pool, client.get(at.url("/never"))));
    EXPECT_TRUE(eventually([&] { return at.in_flight() == 2 && client.waiting() == 2; }));
    static_cast<void>(pool.shutdown(mode));
    for (auto& each : asking) {
      try {
        EXPECT_TRUE(each.wait().error());
      } catch (const std::system_error& ended) {
        EXPECT_TRUE(ended.code() == errc::cancelled || ended.code() == errc::shut_down) << ended.what();
      }
    }
  }
}

}  // namespace
}  // namespace treadle::test
