#include <treadle/treadle.hpp>

#include <cstdio>

constinit treadle::thread_pool pool;  // starts no thread, allocates nothing
void greet(treadle::task*) noexcept { std::puts("hello"); }
int main() {
  treadle::task first(greet), second(greet);  // derive from it to add your own fields
  if (auto refused = pool.schedule(treadle::batch::of(first, second))) return refused.value();
  std::printf("answer %d\n", pool.submit([] { return 6 * 7; }).get());
  return pool.drain().value();
}
