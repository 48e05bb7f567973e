// A stop that comes from outside, here after a time: it reaches a scope, the scope inside it, and the loops of both.
#include <treadle/treadle.hpp>

#include <atomic>
#include <chrono>
#include <cstdio>
#include <system_error>
#include <thread>

int main() {
  treadle::stop_token stop;
  std::jthread alarm([&] {
    std::this_thread::sleep_for(std::chrono::milliseconds(20));
    stop.request_stop();
  });
  std::atomic<long> steps{0};
  try {
    treadle::scope outer(treadle::default_pool(), stop);
    outer.spawn([&](treadle::worker& self, const treadle::stop_token& stop_outer) {
      treadle::scope inner(self, stop_outer);
      for (int i = 0; i < 1'000; ++i) {
        inner.spawn([&](const treadle::stop_token& stop_inner) {
          while (!stop_inner.stop_requested()) steps.fetch_add(1, std::memory_order_relaxed);  // looks now and then
        });
      }
      inner.wait();  // most have not started: that is an error, unless this scope itself had asked
    });
    outer.wait();
  } catch (const std::system_error& error) {
    std::printf("%s after some steps: %s\n", error.code().message().c_str(), steps.load() > 0 ? "yes" : "no");
    return error.code() == treadle::errc::cancelled ? 0 : 1;
  }
  return 1;
}
