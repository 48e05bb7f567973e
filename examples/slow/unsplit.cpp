// A planted problem: a list is worked off one element after another, so there is nothing that others could take.
#include <treadle/treadle.hpp>

#include <unistd.h>

#include <chrono>
#include <cstdio>

using namespace std::chrono_literals;

long work_on(int element) {
  const auto end = std::chrono::steady_clock::now() + 2ms;
  while (std::chrono::steady_clock::now() < end) {
  }
  return element;
}

// Looks like a tree, but is a list: one side of each fork is a single element. The mend: halves.
long sum(treadle::worker& self, int first, int last) {
  if (first == last) return 0;
  const long here = work_on(first);
  const auto [rest, none] = treadle::fork_join(
      self, [&](treadle::worker& next) { return sum(next, first + 1, last); }, [] { return 0L; });
  return here + rest + none;
}

int main() {
  treadle::thread_pool pool{{.max_threads = 4}};
  // Everybody is awake at the beginning.
  for (int i = 0; i < 8; ++i) static_cast<void>(pool.post([] { work_on(0); }));
  static_cast<void>(pool.drain());
  const long all = pool.run([&](treadle::worker& self) {
    const long most = sum(self, 0, 100);
    static_cast<void>(pool.dump(STDERR_FILENO));
    return most;
  });
  std::printf("the sum is %ld\n", all);
  return all == 4950 ? 0 : 1;
}
