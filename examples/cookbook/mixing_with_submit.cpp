// Tasks, futures, forks and scopes share the workers of one pool, and each may wait for any other.
#include <treadle/treadle.hpp>

#include <atomic>
#include <cstdio>

int main() {
  treadle::thread_pool pool;
  treadle::future<int> answer = pool.submit([] { return 6 * 7; });  // goes on beside what follows

  std::atomic<int> sum{0};
  pool.run([&](treadle::worker& self) {
    treadle::scope s(self);
    for (int i = 0; i < 4; ++i) {
      s.spawn([&, i](treadle::worker& here) {
        const auto [a, b] = treadle::fork_join(
            here, [&] { return i; }, [&] { return 10 * i; });
        treadle::future<int> more = pool.submit([&] { return 100 * i; });
        sum += a + b + more.get();  // run right here if nobody has begun it
      });
    }
    s.wait();
  });
  std::printf("%d and %d\n", sum.load(), answer.get());
  return sum.load() == 666 ? 0 : 1;
}
