// The README's program.
#include <treadle/treadle.hpp>

#include <cstdio>

constinit treadle::thread_pool pool;  // starts no thread, allocates nothing

struct greeting : treadle::task {
  greeting() : task([](task* self) noexcept { std::printf("task %d\n", static_cast<greeting*>(self)->number); }) {}
  int number = 0;
};

int main() {
  greeting a, b;
  b.number = 1;
  if (const std::error_code refused = pool.schedule(treadle::batch::of(a, b))) return refused.value();
  auto answer = pool.submit([] { return 6 * 7; });
  std::printf("answer %d\n", answer.get());
  return pool.drain().value();
}
