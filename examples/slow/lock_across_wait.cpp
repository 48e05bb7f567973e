// A planted problem: each request holds the lock while it waits, so the requests go one after another and nobody works.
#include <treadle/coro.hpp>
#include <treadle/treadle.hpp>

#include <unistd.h>

#include <chrono>
#include <cstdio>
#include <thread>

using namespace std::chrono_literals;
namespace coro = treadle::coro;

void compute(std::chrono::microseconds length) {
  const auto end = std::chrono::steady_clock::now() + length;
  while (std::chrono::steady_clock::now() < end) {
  }
}

coro::task<> serve(coro::mutex& lock, int& served) {
  const coro::mutex::guard held = co_await lock.lock();
  co_await coro::sleep_for(10ms);  // a disk, a server, a timer; the mend: lock behind it
  compute(200us);
  ++served;
}

coro::task<> serve_all(treadle::thread_pool& pool, coro::mutex& lock, int& served) {
  coro::async_scope requests(pool);
  for (int i = 0; i < 30; ++i) requests.spawn(serve(lock, served));
  co_await requests.join();
}

int main() {
  treadle::thread_pool pool{{.max_threads = 2}};
  coro::mutex lock;
  int served = 0;
  auto all = coro::spawn(pool, serve_all(pool, lock, served));
  std::this_thread::sleep_for(100ms);
  static_cast<void>(pool.dump(STDERR_FILENO));
  all.wait();
  std::printf("%d requests served\n", served);
  return served == 30 ? 0 : 1;
}
