// A planted problem: tasks wait on their workers for one result, and no worker is left to run what is ready.
#include <treadle/treadle.hpp>

#include <unistd.h>

#include <atomic>
#include <chrono>
#include <cstdio>
#include <thread>

using namespace std::chrono_literals;

void compute(std::chrono::milliseconds length) {
  const auto end = std::chrono::steady_clock::now() + length;
  while (std::chrono::steady_clock::now() < end) {
  }
}

int main() {
  treadle::thread_pool pool{{.max_threads = 2, .max_spare_threads = treadle::pool_config::no_spares}};
  std::atomic<bool> begun{false};
  std::atomic<int> sum{0};
  treadle::future<int> table = pool.submit([&] {
    begun = true;
    compute(200ms);
    return 42;
  });
  while (!begun) std::this_thread::sleep_for(1ms);
  // The mend: do it in a coroutine that awaits the table, which holds no worker.
  static_cast<void>(pool.post([&] { sum += table.get(); }));
  std::this_thread::sleep_for(10ms);
  for (int i = 0; i < 50; ++i) static_cast<void>(pool.post([&] { sum += 1; }));
  std::this_thread::sleep_for(100ms);
  static_cast<void>(pool.dump(STDERR_FILENO));
  static_cast<void>(pool.drain());
  std::printf("the sum is %d\n", sum.load());
  return sum == 92 ? 0 : 1;
}
