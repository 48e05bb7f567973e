// Says which TCP ports of this machine accept connections, with a limit on how many it asks at a time.
// Usage: port_scanner [FIRST LAST [LIMIT]]. Without arguments it opens three ports and looks whether it finds them.
#include <treadle/coro.hpp>
#include <treadle/io.hpp>
#include <treadle/treadle.hpp>

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <system_error>
#include <vector>

namespace {

using treadle::coro::task;
namespace io = treadle::io;

struct scan {
  treadle::thread_pool& pool;
  io::limiter limit;
  treadle::coro::mutex lock{};
  std::vector<int> open{};
};

task<> look_at(scan& all, std::uint16_t port) {
  {
    const auto permit = co_await all.limit.acquire();
    const auto there = co_await treadle::coro::with_timeout(std::chrono::seconds(1),
                                                            io::stream::connect(all.pool, io::address::loopback(port)));
    if (!there) co_return;
  }
  const auto guard = co_await all.lock.lock();
  all.open.push_back(port);
}

task<> look_at_all(scan& all, int first, int last) {
  treadle::coro::async_scope scope(all.pool);
  for (int port = first; port <= last; ++port) scope.spawn(look_at(all, static_cast<std::uint16_t>(port)));
  co_await scope.join();
  std::sort(all.open.begin(), all.open.end());
}

std::vector<int> find_open(treadle::thread_pool& pool, int first, int last, std::size_t limit) {
  scan all{pool, io::limiter(limit)};
  treadle::coro::sync_wait(pool, look_at_all(all, first, last));
  return all.open;
}

/// Opens three ports, and returns whether a scan around each of them finds it.
bool finds_its_own(treadle::thread_pool& pool) {
  std::vector<io::listener> listening;
  for (int i = 0; i < 3; ++i) listening.push_back(io::listener::listen(pool, io::address::loopback(0)).value());
  return std::all_of(listening.begin(), listening.end(), [&](io::listener& each) {
    const int port = each.local_address().value().port();
    const auto open = find_open(pool, std::max(port - 100, 1), std::min(port + 100, 65535), 20);
    return std::find(open.begin(), open.end(), port) != open.end();
  });
}

}  // namespace

int main(int count, char** arguments) {
  treadle::thread_pool pool;
  if (count < 3) return finds_its_own(pool) ? 0 : 1;
  const int first = std::atoi(arguments[1]), last = std::atoi(arguments[2]);
  const int limit = count > 3 ? std::atoi(arguments[3]) : 100;
  if (first < 1 || last > 65535 || limit < 1) {
    std::fprintf(stderr, "usage: port_scanner [FIRST LAST [LIMIT]]\n");
    return 2;
  }
  for (const int port : find_open(pool, first, last, static_cast<std::size_t>(limit))) std::printf("%d\n", port);
}
