#include "server.hpp"
#include <random.hpp>

#include <treadle/http.hpp>
#include <treadle/treadle.hpp>

#include <gtest/gtest.h>

#include <array>
#include <chrono>
#include <mutex>
#include <string>
#include <system_error>
#include <thread>
#include <vector>

// Who may start, counted at the server; requests that are asked to stop; time limits.

namespace treadle::test {
namespace {

using coro::sync_wait;
using namespace std::chrono_literals;
using clock = std::chrono::steady_clock;

class limits : public testing::TestWithParam<std::uint32_t> {
 protected:
  static pool_config config() {
    pool_config made;
    made.max_threads = GetParam();
    return made;
  }
};
INSTANTIATE_TEST_SUITE_P(widths, limits, testing::Values(1u, 2u, 4u, 8u), worker_count_name);

/// What "at once" is on a loaded machine; what would have to be waited for is longer.
constexpr auto at_once = 5s;

coro::task<> answers_slowly(server::visit& now) {
  co_await coro::sleep_for(2ms);
  co_await now.answer(200, "done");
}

coro::task<> gets(http::client& asks, std::string url, tally& good) {
  const auto got = co_await asks.get(std::move(url));
  if (got && got->status == 200) good.add();
}

TEST_P(limits, hold_in_total_as_the_server_counts) {
  server at;
  at.on("/slow", answers_slowly);
  thread_pool pool{config()};
  http::client client(pool, {.max_in_flight = 5});
  tally good;
  sync_wait(pool, [](thread_pool& on, http::client& asks, std::string url, tally& counted) -> coro::task<> {
    coro::async_scope all(on);
    for (int i = 0; i < 200; ++i) all.spawn(gets(asks, url, counted));
    co_await all.join();
  }(pool, client, at.url("/slow"), good));
  EXPECT_EQ(good.get(), 200u);
  EXPECT_LE(at.most_in_flight(), 5u);
  EXPECT_GE(at.most_in_flight(), 2u);
  EXPECT_LE(at.connections(), 5u);
  EXPECT_EQ(client.in_flight(), 0u);
}

TEST_P(limits, hold_for_each_host_and_keep_no_other_host_waiting) {
  server one, other;
  one.on("/never", [](server::visit& now) { return now.hang(); });
  other.on("/slow", answers_slowly);
  thread_pool pool{config()};
  http::client client(pool, {.max_in_flight = 10, .max_per_host = 3});
  std::vector<coro::join_handle<result<http::response>>> stuck;
  for (int i = 0; i < 8; ++i) stuck.push_back(coro::spawn(pool, client.get(one.url("/never"))));
  EXPECT_TRUE(eventually([&] { return one.in_flight() == 3 && client.waiting() == 5; }));
  tally good;
  sync_wait(pool, [](thread_pool& on, http::client& asks, std::string url, tally& counted) -> coro::task<> {
    coro::async_scope all(on);
    for (int i = 0; i < 30; ++i) all.spawn(gets(asks, url, counted));
    co_await all.join();
  }(pool, client, other.url("/slow"), good));
  EXPECT_EQ(good.get(), 30u);
  EXPECT_LE(other.most_in_flight(), 3u);
  EXPECT_EQ(one.most_in_flight(), 3u);
  for (auto& each : stuck) each.request_stop();
  for (auto& each : stuck) EXPECT_EQ(each.wait().error(), errc::cancelled);
  EXPECT_EQ(client.waiting(), 0u);
  EXPECT_TRUE(eventually([&] { return client.in_flight() == 0; }));
}

TEST_P(limits, change_at_run_time) {
  server at;
  at.on("/never", [](server::visit& now) { return now.hang(); });
  thread_pool pool{config()};
  http::client client(pool, {.max_in_flight = 2});
  std::vector<coro::join_handle<result<http::response>>> stuck;
  for (int i = 0; i < 12; ++i) stuck.push_back(coro::spawn(pool, client.get(at.url("/never"))));
  EXPECT_TRUE(eventually([&] { return at.in_flight() == 2 && client.waiting() == 10; }));
  client.set_max_in_flight(6);
  EXPECT_TRUE(eventually([&] { return at.in_flight() == 6; }));
  client.set_max_per_host(8);
  client.set_max_in_flight(100);
  EXPECT_TRUE(eventually([&] { return at.in_flight() == 8; }));
  EXPECT_EQ(client.waiting(), 4u);
  client.set_max_per_host(0);
  EXPECT_TRUE(eventually([&] { return at.in_flight() == 12; }));
  client.set_max_in_flight(1);
  for (auto& each : stuck) each.request_stop();
  for (auto& each : stuck) EXPECT_EQ(each.wait().error(), errc::cancelled);
}

TEST_P(limits, serve_who_came_first) {
  std::mutex mutex;
  std::vector<std::string> order;
  server at(1);
  at.on("/n", [&](server::visit& now) -> coro::task<> {
    {
      const std::lock_guard<std::mutex> exclusive(mutex);
      order.push_back(now.query);
    }
    co_await now.answer(200, "");
  });
  at.on("/half", [](server::visit& now) -> coro::task<> {
    co_await now.send("HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhello");
    co_await now.hang();
  });
  thread_pool pool{config()};
  http::client client(pool, {.max_in_flight = 1});
  sync_wait(pool, [](thread_pool& on, http::client& asks, server& from) -> coro::task<> {
    http::stream first = (co_await asks.open(from.url("/half"))).value();
    coro::async_scope all(on);
    tally good;
    for (int i = 0; i < 20; ++i) {
      all.spawn(gets(asks, from.url("/n?" + std::to_string(i)), good));
      // One after another into the queue, whichever worker takes it.
      while (asks.waiting() != static_cast<std::size_t>(i) + 1) co_await coro::sleep_for(1ms);
    }
    first.close();
    co_await all.join();
  }(pool, client, at));
  const std::lock_guard<std::mutex> exclusive(mutex);
  ASSERT_EQ(order.size(), 20u);
  for (std::size_t i = 0; i < order.size(); ++i) EXPECT_EQ(order[i], std::to_string(i));
}

TEST_P(limits, hold_while_a_body_streams) {
  server at;
  at.on("/half", [](server::visit& now) -> coro::task<> {
    co_await now.send("HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhello");
    co_await now.hang();
  });
  at.on("/slow", answers_slowly);
  thread_pool pool{config()};
  http::client client(pool, {.max_in_flight = 1});
  http::stream half = sync_wait(pool, client.open(at.url("/half"))).value();
  std::array<std::byte, 100> room;
  EXPECT_EQ(sync_wait(pool, half.read(room)).value(), 5u);
  tally good;
  auto next = coro::spawn(pool, gets(client, at.url("/slow"), good));
  EXPECT_TRUE(eventually([&] { return client.waiting() == 1; }));
  std::this_thread::sleep_for(20ms);
  EXPECT_EQ(at.requests(), 1u);
  half.close();
  next.wait();
  EXPECT_EQ(good.get(), 1u);
}

TEST_P(limits, leave_a_request_that_is_asked_to_stop_at_once) {
  tally gone;
  server at;
  at.on("/never", [&](server::visit& now) -> coro::task<> {
    co_await now.see_it_go();
    gone.add();
  });
  thread_pool pool{config()};
  http::client client(pool);
  auto asking = coro::spawn(pool, client.get(at.url("/never")));
  EXPECT_TRUE(eventually([&] { return at.in_flight() == 1; }));
  const auto start = clock::now();
  asking.request_stop();
  EXPECT_EQ(asking.wait().error(), errc::cancelled);
  EXPECT_LT(clock::now() - start, at_once);
  EXPECT_TRUE(gone.reaches(1));  // the connection is closed, not only forgotten
  EXPECT_TRUE(eventually([&] { return client.in_flight() == 0; }));
}

/// Answers for "fast.test" at once, for other names when it is told to.
struct stubborn_resolver {
  coro::event answers;
  tally asked;

  http::resolver_function function() {
    return [this](std::string host, std::string port) -> coro::task<result<std::vector<io::address>>> {
      asked.add();
      if (host != "fast.test") co_await answers.wait();
      std::vector<io::address> found;
      found.push_back(io::address::loopback(static_cast<std::uint16_t>(std::stoi(port))));
      co_return found;
    };
  }
};

TEST_P(limits, are_not_held_up_by_a_resolver_that_hangs) {
  server at;
  at.on("/slow", answers_slowly);
  stubborn_resolver names;
  thread_pool pool{config()};
  {
    http::client client(pool, {.resolver = names.function()});
    std::vector<coro::join_handle<result<http::response>>> stuck;
    for (int i = 0; i < 4; ++i) stuck.push_back(coro::spawn(pool, client.get(at.url("/slow", "slow.test"))));
    EXPECT_TRUE(names.asked.reaches(1));
    // The shard keeps serving.
    for (int i = 0; i < 5; ++i) {
      const auto got = sync_wait(pool, client.get(at.url("/slow", "fast.test")));
      ASSERT_TRUE(got) << got.error().message();
    }
    const auto start = clock::now();
    for (auto& each : stuck) each.request_stop();
    for (auto& each : stuck) EXPECT_EQ(each.wait().error(), errc::cancelled);
    http::failure why;
    EXPECT_EQ(
        sync_wait(pool, client.get(at.url("/slow", "slow.test"), {.connect_timeout = 10ms, .failure = &why})).error(),
        http::errc::connect_timed_out);
    EXPECT_EQ(why.at, http::phase::resolve);
    EXPECT_LT(clock::now() - start, at_once);
    EXPECT_EQ(client.in_flight(), 0u);
    EXPECT_EQ(names.asked.get(), 2u);  // one lookup a name, whoever wants it
  }
  names.answers.set();
}

TEST_P(limits, of_time_end_requests) {
  server at;
  at.on("/never", [](server::visit& now) { return now.hang(); });
  at.on("/half", [](server::visit& now) -> coro::task<> {
    co_await now.send("HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhello");
    co_await now.hang();
  });
  thread_pool pool{config()};
  http::client client(pool);
  http::failure why;
  const auto error_of = [&](const std::string& url, http::request_options options) {
    options.failure = &why;
    const auto start = clock::now();
    const std::error_code error = sync_wait(pool, client.get(url, options)).error();
    EXPECT_GE(clock::now() - start, 30ms);
    EXPECT_LT(clock::now() - start, at_once);
    EXPECT_EQ(error, std::errc::timed_out);
    return error;
  };
  EXPECT_EQ(error_of(at.url("/never"), {.timeout = 30ms}), http::errc::timed_out);
  EXPECT_EQ(why.at, http::phase::head);
  EXPECT_EQ(error_of(at.url("/half"), {.timeout = 30ms}), http::errc::timed_out);
  EXPECT_EQ(why.at, http::phase::body);
  EXPECT_EQ(error_of(at.url("/never"), {.first_byte_timeout = 30ms}), http::errc::first_byte_timed_out);
  EXPECT_EQ(error_of(at.url("/half"), {.stall_timeout = 30ms}), http::errc::stalled);
  // Nobody there speaks TLS.
  EXPECT_EQ(error_of("https" + at.url("/half").substr(4), {.connect_timeout = 30ms}), http::errc::connect_timed_out);
  EXPECT_EQ(why.at, http::phase::connect);
  EXPECT_TRUE(eventually([&] { return client.in_flight() == 0; }));
}

/// Reads some of a body, and closes it wherever it is.
coro::task<> opens(http::client& asks, std::string url, std::size_t most) {
  result<http::stream> from = co_await asks.open(std::move(url), {.timeout = 20s});
  if (!from) co_return;
  std::array<std::byte, 5'000> room;
  for (std::size_t all = 0; all < most;) {
    const result<std::size_t> got = co_await from->read(room);
    if (!got || *got == 0) break;
    all += *got;
  }
}

TEST_P(limits, hold_while_requests_end_in_all_ways_at_any_moment) {
  server at;
  at.on("/slow", answers_slowly);
  at.on("/never", [](server::visit& now) { return now.see_it_go(); });
  at.on("/long", [](server::visit& now) { return now.answer(200, std::string(300'000, 'x')); });
  at.on("/reset", [](server::visit& now) -> coro::task<> {
    co_await now.send("HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nhello");
    now.reset();
  });
  const std::uint64_t seed = run_seed();
  SCOPED_TRACE("TREADLE_TEST_SEED=" + std::to_string(seed));
  random_source random(seed);
  thread_pool pool{config()};
  http::client client(pool, {.max_in_flight = 8, .max_per_host = 6, .shards = 3});
  const std::array<std::string, 4> paths{"/slow", "/never", "/long", "/reset"};
  tally good;
  std::vector<coro::join_handle<void>> asking;
  for (std::size_t i = 0; i < smaller_if_slow(150); ++i) {
    const std::string url = at.url(paths[random.below(paths.size())]);
    asking.push_back(random.one_in(2) ? coro::spawn(pool, opens(client, url, random.below(400'000)))
                                      : coro::spawn(pool, gets(client, url, good)));
    if (random.one_in(4)) std::this_thread::sleep_for(std::chrono::microseconds(random.below(3000)));
    if (random.one_in(2)) asking[random.below(asking.size())].request_stop();
    client.set_max_in_flight(static_cast<unsigned>(1 + random.below(8)));
  }
  for (auto& each : asking) each.request_stop();
  for (auto& each : asking) each.wait();
  EXPECT_TRUE(eventually([&] { return client.in_flight() == 0; }));
  EXPECT_EQ(client.waiting(), 0u);
  const auto last = sync_wait(pool, client.get(at.url("/slow")));
  EXPECT_TRUE(last && last->body == "done");
}

TEST(slow_readers, are_not_out_of_time) {
  static constexpr std::size_t bytes = 4'000'000;
  server at;
  at.on("/long", [](server::visit& now) -> coro::task<> {
    co_await now.send_last("HTTP/1.1 200 OK\r\nContent-Length: 4000000\r\n\r\n" + std::string(bytes, 'x'));
  });
  thread_pool pool;
  http::client client(pool, {.buffer_bytes = 10'000});
  http::stream from = sync_wait(pool, client.open(at.url("/long"), {.stall_timeout = 500ms})).value();
  std::this_thread::sleep_for(900ms);
  std::size_t all = 0;
  std::vector<std::byte> room(100'000);
  while (const std::size_t got = sync_wait(pool, from.read(room)).value()) {
    EXPECT_LE(got, 10'000u + 16'384u);  // no more than a buffer is kept
    all += got;
  }
  EXPECT_EQ(all, bytes);
}

}  // namespace
}  // namespace treadle::test
