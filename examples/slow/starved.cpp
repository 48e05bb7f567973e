// A planted problem: two long computations hold both workers, and the messages that come meanwhile wait for them.
#include <treadle/treadle.hpp>

#include <unistd.h>

#include <atomic>
#include <chrono>
#include <cstdio>
#include <thread>

using namespace std::chrono_literals;

void crunch(std::chrono::milliseconds length) {
  const auto end = std::chrono::steady_clock::now() + length;
  while (std::chrono::steady_clock::now() < end) {
  }
}

int main() {
  treadle::thread_pool pool{{.max_threads = 2}};
  std::atomic<int> answered{0};
  const auto answer = [&] { answered.fetch_add(1, std::memory_order_relaxed); };
  for (int second = 0; second < 2; ++second) {
    for (int i = 0; i < 2; ++i) static_cast<void>(pool.post([] { crunch(150ms); }));  // the mend: parts of 1 ms each
    for (int i = 0; i < 20; ++i) {
      std::this_thread::sleep_for(5ms);
      static_cast<void>(pool.post(answer));
      if (second == 1 && i == 10) static_cast<void>(pool.dump(STDERR_FILENO));
    }
    while (answered.load(std::memory_order_relaxed) < 20 * (second + 1)) std::this_thread::sleep_for(1ms);
  }
  std::printf("%d messages answered\n", answered.load());
  return 0;
}
