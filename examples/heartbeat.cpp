// A timer that ticks, and time limits of which most are cancelled: what a server does with timers, without the server.
#include <treadle/treadle.hpp>

#include <atomic>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <system_error>
#include <thread>

namespace {

using namespace std::chrono_literals;
using clock = std::chrono::steady_clock;

/// Ticks at the multiples of its period, however long a tick takes.
struct heartbeat : treadle::timer {
  heartbeat(treadle::thread_pool& pool, clock::duration every) : timer(pool, &tick), period(every) {}

  static void tick(treadle::timer& expired) noexcept {
    auto& self = static_cast<heartbeat&>(expired);
    if (self.beats.fetch_add(1) == 9) return;
    do {
      self.next += self.period;
    } while (self.next < clock::now());  // a beat that was missed is not made up for
    if (const std::error_code refused = self.arm(self.next)) {
      std::printf("no more beats: %s\n", refused.message().c_str());
    }
  }

  clock::duration period;
  clock::time_point next = clock::now() + period;
  std::atomic<int> beats{0};
};

/// The time limit of a request.
struct limit : treadle::timer {
  explicit limit(treadle::thread_pool& pool) : timer(pool, &over) {}
  static void over(treadle::timer& expired) noexcept { static_cast<limit&>(expired).missed.store(true); }
  std::atomic<bool> missed{false};
};

}  // namespace

int main() {
  treadle::thread_pool pool;
  heartbeat heart(pool, 2ms);
  if (heart.arm(heart.next)) return EXIT_FAILURE;

  limit quick(pool), slow(pool);
  if (quick.arm(10s) || slow.arm(5ms)) return EXIT_FAILURE;
  const bool in_time = quick.cancel();  // the request is over: true, so `over` is never called

  while (heart.beats.load() < 10 || !slow.missed.load()) std::this_thread::sleep_for(1ms);
  std::printf("10 beats; the quick request was %s, the slow one too slow\n", in_time ? "in time" : "too slow");
  return in_time ? EXIT_SUCCESS : EXIT_FAILURE;
}
