// Asks several services at a steady beat whether they are well, and waits a few milliseconds for each at most: what a
// load balancer does. One worker does for all of them, since nobody blocks; the services are coroutines that sleep.
#include <treadle/coro.hpp>
#include <treadle/thread_pool.hpp>

#include <array>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <system_error>

namespace coro = treadle::coro;

namespace {

using namespace std::chrono_literals;

struct service {
  const char* name;
  std::chrono::milliseconds answers_after;
  int well = 0;
  int slow = 0;
};

coro::task<bool> ask(const service& asked) {
  co_await coro::sleep_for(asked.answers_after);
  co_return true;
}

/// Looks after one service until it is stopped.
coro::task<> watch(service& watched) {
  coro::ticker beat = coro::every(10ms);
  for (;;) {
    static_cast<void>(co_await beat.next());
    try {
      if (co_await coro::with_timeout(20ms, ask(watched))) ++watched.well;
    } catch (const std::system_error& error) {
      if (error.code() != treadle::errc::timed_out) throw;
      ++watched.slow;
    }
  }
}

template <std::size_t count>
coro::task<> watch_all(treadle::thread_pool& pool, std::array<service, count>& services) {
  coro::async_scope scope(pool);
  for (service& each : services) scope.spawn(watch(each));
  co_await coro::sleep_for(200ms);
  scope.request_stop();
  co_await scope.join();
}

}  // namespace

int main() {
  treadle::thread_pool pool(treadle::pool_config{.max_threads = 1});
  std::array<service, 3> services{{{"quick", 1ms}, {"busy", 5ms}, {"stuck", 10s}}};
  coro::sync_wait(pool, watch_all(pool, services));
  for (const service& each : services) {
    std::printf("%s: %s\n", each.name, each.well != 0 ? "well" : "does not answer");
  }
  const bool as_expected = services[0].well != 0 && services[2].well == 0 && services[2].slow != 0;
  return as_expected ? EXIT_SUCCESS : EXIT_FAILURE;
}
