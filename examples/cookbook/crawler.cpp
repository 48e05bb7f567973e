// Follows links from page to page, each page once, and never more than two at a time from one host, however many hosts
// there are. Without a URL it crawls two small sites of its own.
#include <treadle/coro.hpp>
#include <treadle/http.hpp>
#include <treadle/io.hpp>
#include <treadle/treadle.hpp>

#include <array>
#include <chrono>
#include <cstddef>
#include <cstdio>
#include <mutex>
#include <set>
#include <string>

namespace io = treadle::io;
namespace http = treadle::http;
using treadle::coro::async_scope;
using treadle::coro::task;

class crawler {
 public:
  crawler(treadle::thread_pool& pool, std::size_t most_pages)
      : client_(pool, {.max_in_flight = 16, .max_per_host = 2}), visits_(pool), most_pages_(most_pages) {}

  task<std::size_t> crawl(std::string from) {
    follow(std::move(from));
    co_await visits_.join();
    co_return seen_.size();
  }

 private:
  void follow(std::string url) {
    {
      const std::lock_guard<std::mutex> exclusive(mutex_);
      if (seen_.size() == most_pages_ || !seen_.insert(url).second) return;
    }
    visits_.spawn(visit(std::move(url)));  // as many as there are links: the client lets them start in turn
  }

  task<> visit(std::string url) {
    http::failure why;
    const http::request_options how{
        .timeout = std::chrono::seconds(10), .max_body_bytes = 1 << 20, .retries = 2, .failure = &why};
    const treadle::result<http::response> page = co_await client_.get(std::move(url), how);
    if (!page) {
      std::printf("%s\n", why.message().c_str());
      co_return;
    }
    static const std::string mark = "href=\"http";
    for (std::size_t at = 0; (at = page->body.find(mark, at)) != std::string::npos;) {
      const std::size_t start = at + mark.size() - 4;
      at = page->body.find('"', start);
      if (at == std::string::npos) break;
      follow(page->body.substr(start, at - start));
    }
  }

  http::client client_;
  async_scope visits_;
  const std::size_t most_pages_;
  std::mutex mutex_;
  std::set<std::string> seen_;
};

/// A site of pages /0 to /99, of which each links to the next two of the other site. From /0 of the first one there is
/// no way to /0 of the second, nor to /1 of the first.
task<> serve(treadle::thread_pool& pool, io::listener& at, std::string other) {
  const auto answer = [](io::stream peer, std::string to) -> task<> {
    std::array<std::byte, 4096> room;
    const std::size_t bytes = (co_await peer.recv(room)).value();
    const std::string request(reinterpret_cast<const char*>(room.data()), bytes);
    const int page = std::atoi(request.c_str() + request.find('/') + 1);
    std::string body;
    for (int next = page + 1; next <= page + 2 && next < 100; ++next) {
      body += "<a href=\"" + to + std::to_string(next) + "\">next</a>\n";
    }
    const std::string head = "HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: " + std::to_string(body.size());
    const std::string whole = head + "\r\n\r\n" + body;
    static_cast<void>(co_await peer.send_all(std::as_bytes(std::span(whole))));
  };
  async_scope visitors(pool);
  while (auto peer = co_await at.accept()) visitors.spawn(answer(*std::move(peer), other));
  visitors.request_stop();
  co_await visitors.join();
}

int main(int argc, char** argv) {
  treadle::thread_pool pool;
  if (argc > 1) {
    crawler crawls(pool, 1000);
    std::printf("%zu pages\n", treadle::coro::sync_wait(pool, crawls.crawl(argv[1])));
    return 0;
  }
  std::array<io::listener, 2> sites;
  std::array<std::string, 2> urls;
  for (std::size_t i = 0; i < sites.size(); ++i) {
    sites[i] = io::listener::listen(pool, io::address::loopback(0)).value();
    urls[i] = "http://" + sites[i].local_address().value().text() + "/";
  }
  auto one = treadle::coro::spawn(pool, serve(pool, sites[0], urls[1]));
  auto other = treadle::coro::spawn(pool, serve(pool, sites[1], urls[0]));
  crawler crawls(pool, 1000);
  const std::size_t pages = treadle::coro::sync_wait(pool, crawls.crawl(urls[0] + "0"));
  std::printf("%zu pages\n", pages);
  one.request_stop();
  other.request_stop();
  one.wait();
  other.wait();
  return pages == 198 ? 0 : 1;
}
