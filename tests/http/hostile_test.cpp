#include "server.hpp"

#include <treadle/http.hpp>
#include <treadle/treadle.hpp>

#include <gtest/gtest.h>

#include <array>
#include <chrono>
#include <memory>
#include <string>
#include <string_view>
#include <system_error>

// Servers that reset, truncate, lie about lengths, lead in circles and flood: each has its error, its place is given
// back, and the client goes on.

namespace treadle::test {
namespace {

using coro::sync_wait;
using namespace std::chrono_literals;

class hostile : public testing::TestWithParam<std::uint32_t> {
 protected:
  hostile() : pool_(config()) {
    at_.on("/hello", [](server::visit& now) { return now.answer(200, "hello"); });
  }
  ~hostile() override {
    EXPECT_TRUE(eventually([&] { return client_.in_flight() == 0; }));
    const auto got = sync_wait(pool_, client_.get(at_.url("/hello")));
    EXPECT_TRUE(got && got->body == "hello");
  }

  static pool_config config() {
    pool_config made;
    made.max_threads = GetParam();
    return made;
  }
  /// Has a path answered with these bytes, and the connection closed.
  void on_bytes(const std::string& path, std::string bytes) {
    at_.on(path, [bytes](server::visit& now) -> coro::task<> {
      now.keeps = false;
      co_await now.send_last(bytes);
    });
  }
  result<http::response> get(const std::string& path, http::request_options options = {}) {
    options.failure = &why_;
    return sync_wait(pool_, client_.get(at_.url(path), options));
  }

  server at_;
  thread_pool pool_;
  http::client client_{pool_};
  http::failure why_;
};
INSTANTIATE_TEST_SUITE_P(widths, hostile, testing::Values(1u, 2u, 4u, 8u), worker_count_name);

TEST_P(hostile, servers_reset) {
  at_.on("/at-once", [](server::visit& now) -> coro::task<> {
    now.reset();
    co_return;
  });
  at_.on("/in-head", [](server::visit& now) -> coro::task<> {
    co_await now.send("HTTP/1.1 200 OK\r\nContent-");
    now.reset();
  });
  at_.on("/in-body", [](server::visit& now) -> coro::task<> {
    co_await now.send("HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\nhello");
    now.reset();
  });
  EXPECT_EQ(get("/at-once").error(), http::errc::connection_lost);
  EXPECT_EQ(why_.at, http::phase::head);
  EXPECT_EQ(get("/in-head").error(), http::errc::connection_lost);
  const std::error_code in_body = get("/in-body").error();
  EXPECT_TRUE(in_body == http::errc::connection_lost || in_body == http::errc::truncated) << in_body.message();
  EXPECT_EQ(why_.at, http::phase::body);
}

TEST_P(hostile, servers_truncate) {
  on_bytes("/short", "HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nhello");
  on_bytes("/chunk", "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n");
  on_bytes("/nothing", "");
  EXPECT_EQ(get("/short").error(), http::errc::truncated);
  EXPECT_EQ(get("/chunk").error(), http::errc::truncated);
  EXPECT_EQ(get("/nothing").error(), http::errc::connection_lost);
}

TEST_P(hostile, servers_send_more_than_they_say) {
  at_.on("/more", [](server::visit& now) -> coro::task<> {
    co_await now.send_last(
        "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhelloHTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\n!");
  });
  const auto got = get("/more");
  ASSERT_TRUE(got) << got.error().message();
  EXPECT_EQ(got->body, "hello");
}

TEST_P(hostile, servers_speak_something_else) {
  on_bytes("/banner", "220 mail.example.org ESMTP\r\n\r\n");
  on_bytes("/chunks", "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nxyz\r\n");
  on_bytes("/gzip", "HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: 5\r\n\r\nhello");
  EXPECT_EQ(get("/banner").error(), http::errc::bad_response);
  EXPECT_TRUE(get("/chunks").error());
  EXPECT_EQ(get("/gzip").error(), http::errc::bad_response);
}

TEST_P(hostile, servers_flood_headers) {
  std::string lines;
  for (int i = 0; i < 10'000; ++i) lines += "X-Header-" + std::to_string(i) + ": " + std::string(50, 'x') + "\r\n";
  on_bytes("/lines", "HTTP/1.1 200 OK\r\n" + lines + "\r\n");
  on_bytes("/line", "HTTP/1.1 200 OK\r\nX: " + std::string(400'000, 'x') + "\r\n\r\n");
  EXPECT_EQ(get("/lines").error(), http::errc::headers_too_large);
  EXPECT_EQ(get("/line").error(), http::errc::headers_too_large);
}

TEST_P(hostile, servers_send_too_much) {
  on_bytes("/said", "HTTP/1.1 200 OK\r\nContent-Length: 1000000000000\r\n\r\nhello");
  on_bytes("/unsaid", "HTTP/1.1 200 OK\r\n\r\n" + std::string(100'000, 'x'));
  at_.on("/exact", [](server::visit& now) { return now.answer(200, std::string(1000, 'x')); });
  EXPECT_EQ(get("/said").error(), http::errc::body_too_large);
  EXPECT_EQ(get("/unsaid", {.max_body_bytes = 99'999}).error(), http::errc::body_too_large);
  EXPECT_TRUE(get("/unsaid", {.max_body_bytes = 100'000}));
  EXPECT_TRUE(get("/exact", {.max_body_bytes = 1000}));
  EXPECT_EQ(get("/exact", {.max_body_bytes = 999}).error(), http::errc::body_too_large);
}

/// 500 bytes, "hello" a hundred times.
constexpr std::string_view zipped(
    "\x1f\x8b\x08\x00\x00\x00\x00\x00\x02\x03\xcb\x48\xcd\xc9\xc9\xcf\x18\x25\x46\x12\x01\x00\x28\x78\x8b\xc8\xf4\x01"
    "\x00\x00",
    30);

TEST_P(hostile, servers_pack_more_into_less) {
  at_.on("/zipped", [](server::visit& now) {
    const std::string asked = "X-Asked: " + now.headers["accept-encoding"] + "\r\n";
    return now.answer(200, std::string(zipped), "Content-Encoding: gzip\r\n" + asked);
  });
  const auto got = get("/zipped");
  ASSERT_TRUE(got) << got.error().message();
  EXPECT_EQ(got->body.size(), 500u);
  EXPECT_NE(got->headers.value("x-asked").find("gzip"), std::string_view::npos);
  EXPECT_EQ(get("/zipped", {.max_body_bytes = 499}).error(), http::errc::body_too_large);
  const auto raw = get("/zipped", {.compression = false});
  ASSERT_TRUE(raw);
  EXPECT_EQ(raw->body, zipped);
  EXPECT_EQ(raw->headers.value("x-asked"), "");
}

TEST_P(hostile, servers_lead_in_circles) {
  at_.on("/circle", [](server::visit& now) { return now.answer(302, "over there", "Location: /circle\r\n"); });
  at_.on("/file", [](server::visit& now) { return now.answer(302, "", "Location: file:///etc/passwd\r\n"); });
  EXPECT_EQ(get("/circle").error(), http::errc::too_many_redirects);
  EXPECT_EQ(at_.requests(), 11u);
  EXPECT_EQ(why_.attempts, 11u);
  EXPECT_EQ(get("/file").error(), http::errc::unsupported_scheme);
  const auto plain = get("/circle", {.max_redirects = 0});
  ASSERT_TRUE(plain);
  EXPECT_EQ(plain->status, 302);
  EXPECT_EQ(plain->body, "over there");
}

TEST_P(hostile, redirects_lead_somewhere) {
  server other;
  other.on("/there", [](server::visit& now) {
    const std::string leaked = now.headers["authorization"] + now.headers["cookie"];
    return now.answer(200, now.method + " " + now.headers["content-type"] + " " + leaked + now.body);
  });
  at_.on("/far", [there = other.url("/there")](server::visit& now) {
    return now.answer(302, "", "Location: " + there + "\r\n");
  });
  at_.on("/far-same",
         [&](server::visit& now) { return now.answer(307, "", "Location: " + other.url("/there") + "\r\n"); });
  http::request asked("POST", at_.url("/far"), "body");
  asked.headers = {{"Authorization", "secret"}, {"Cookie", "secret"}, {"Content-Type", "text/plain"}};
  const auto got = sync_wait(pool_, client_.send(asked));
  ASSERT_TRUE(got) << got.error().message();
  EXPECT_EQ(got->body, "GET  ");
  EXPECT_EQ(got->url, other.url("/there"));
  asked.url = at_.url("/far-same");
  const auto same = sync_wait(pool_, client_.send(asked));
  ASSERT_TRUE(same) << same.error().message();
  EXPECT_EQ(same->body, "POST text/plain body");
}

/// On connections of their own, for libcurl itself asks again where one that was kept is reset.
coro::task<> answers_once(server::visit& now, int status, std::string text, std::string lines = {}) {
  now.keeps = false;
  co_await now.answer(status, std::move(text), lines + "Connection: close\r\n");
}

TEST_P(hostile, servers_are_asked_again) {
  // Kept by the handlers, which are there for longer than this.
  const auto visits = std::make_shared<tally>(), resets = std::make_shared<tally>();
  at_.on("/busy", [visits](server::visit& now) -> coro::task<> {
    visits->add();
    if (visits->get() < 3) {
      co_await answers_once(now, 503, "busy", "Retry-After: 0\r\n");
    } else {
      co_await answers_once(now, 200, "good");
    }
  });
  at_.on("/resets", [resets](server::visit& now) -> coro::task<> {
    resets->add();
    if (resets->get() % 3 != 0) {
      now.reset();
    } else {
      co_await answers_once(now, 200, "good");
    }
  });
  at_.on("/later", [](server::visit& now) { return answers_once(now, 429, "later", "Retry-After: 3600\r\n"); });
  const http::request_options twice{.retries = 2, .retry_delay = 1ms};
  const auto busy = get("/busy", twice);
  ASSERT_TRUE(busy);
  EXPECT_EQ(busy->body, "good");
  const auto reset = get("/resets", twice);
  ASSERT_TRUE(reset) << reset.error().message();
  EXPECT_EQ(resets->get(), 3u);
  EXPECT_EQ(get("/resets", {.retries = 1, .retry_delay = 1ms}).error(), http::errc::connection_lost);
  EXPECT_EQ(why_.attempts, 2u);
  const auto later = get("/later", twice);
  ASSERT_TRUE(later);
  EXPECT_EQ(later->status, 429);
  EXPECT_EQ(later->body, "later");
  // What may have had an effect is not sent again.
  resets->add();
  const std::size_t before = resets->get();
  EXPECT_EQ(sync_wait(pool_, client_.send(http::request("POST", at_.url("/resets"), "x"), twice)).error(),
            http::errc::connection_lost);
  EXPECT_EQ(resets->get(), before + 1);
}

TEST_P(hostile, servers_stop_in_a_stream) {
  on_bytes("/short", "HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nhello");
  sync_wait(pool_, [](http::client& asks, std::string url) -> coro::task<> {
    http::stream from = (co_await asks.open(url)).value();
    std::array<std::byte, 100> room;
    EXPECT_EQ((co_await from.read(room)).value(), 5u);
    EXPECT_EQ((co_await from.read(room)).error(), http::errc::truncated);
    EXPECT_EQ(from.failure().at, http::phase::body);
    EXPECT_EQ(from.failure().why, http::errc::truncated);
  }(client_, at_.url("/short")));
}

}  // namespace
}  // namespace treadle::test
