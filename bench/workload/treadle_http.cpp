// The rows with HTTP. bench/load starts the server, and measures this process from its start to its end.
#include "contender.hpp"

#include <treadle/coro.hpp>
#include <treadle/http.hpp>
#include <treadle/treadle.hpp>

#include <cstddef>
#include <cstdio>
#include <cstdlib>
#include <span>
#include <string>
#include <vector>

namespace {

using treadle::coro::task;

[[noreturn]] void give_up(const treadle::http::failure& why) {
  std::fprintf(stderr, "peer_treadle_http: %s\n", why.message().c_str());
  std::_Exit(2);
}

/// As most programs do it: the response as a string.
task<> gets(treadle::http::client& client, std::string url, std::uint64_t bytes) {
  treadle::http::failure why;
  const auto got = co_await client.get(std::move(url), {.failure = &why});
  if (!got || got->status != 200 || got->body.size() != bytes) give_up(why);
}

/// What is too long for that is read in pieces.
task<> reads(treadle::http::client& client, std::string url, std::uint64_t bytes) {
  treadle::http::failure why;
  auto from = co_await client.open(std::move(url), {.failure = &why});
  if (!from) give_up(why);
  std::vector<std::byte> room(64 * 1024);
  std::uint64_t all = 0;
  for (;;) {
    const auto got = co_await from->read(room);
    if (!got) give_up(from->failure());
    if (*got == 0) break;
    all += *got;
  }
  if (all != bytes) give_up(why);
}

task<> fetch_all(treadle::thread_pool& pool, treadle::http::client& client, const bench::request& asked) {
  const std::uint64_t bytes = asked.number("bytes", 0);
  const std::string url = asked.text("url", "");
  treadle::coro::async_scope all(pool);
  for (std::uint64_t i = 0; i < asked.number("n", 0); ++i) {
    all.spawn(bytes > 1 << 20 ? reads(client, url + std::to_string(i), bytes)
                              : gets(client, url + std::to_string(i), bytes));
  }
  co_await all.join();
}

void http_fetch(const bench::request& asked, bench::answer&) {
  treadle::thread_pool pool({.max_threads = 1});
  treadle::http::client client(
      pool, {.max_in_flight = static_cast<unsigned>(asked.number("cap", 64)), .ca_file = asked.text("ca", "")});
  treadle::coro::sync_wait(pool, fetch_all(pool, client, asked));
}

constexpr bench::entry rows[] = {{"http_fetch", http_fetch}};

}  // namespace

int main(int argc, char** argv) { bench::serve(argc, argv, rows); }
