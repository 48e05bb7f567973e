// A program that stops in the midst of something, for a debugger to look at: one worker blocks, one runs, one is parked.
#include <treadle/treadle.hpp>

#include <atomic>
#include <chrono>
#include <csignal>
#include <thread>

int main() {
  treadle::thread_pool pool(treadle::pool_config{.max_threads = 3, .name = "weaver"});
  std::atomic<int> inside{0};
  const auto stay = [&] {
    inside.fetch_add(1);
    std::this_thread::sleep_for(std::chrono::minutes(1));
  };
  if (pool.post([&] { treadle::blocking(stay); }, {"blocks_at", 11}) || pool.post(stay, {"runs_at", 22})) return 1;
  while (inside.load() != 2) std::this_thread::yield();
  for (int i = 0; i < 2; ++i) pool.run([] {});
  while (pool.stats().parked == 0) std::this_thread::yield();
  return std::raise(SIGABRT);
}
