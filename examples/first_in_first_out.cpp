// Appends to a log from many tasks through a strand: in order, never two at once, without a lock in sight.
#include <treadle/treadle.hpp>

#include <cstdio>
#include <string>

int main() {
  treadle::thread_pool pool;
  std::string log;
  treadle::strand writer(pool);
  for (int line = 0; line < 10; ++line) {
    const std::error_code refused = pool.post([&, line] {
      // Computed by any worker at any time; written one after another.
      std::string text = "square of " + std::to_string(line) + " is " + std::to_string(line * line) + "\n";
      if (const std::error_code late = writer.post([&log, text = std::move(text)] { log += text; })) {
        std::fprintf(stderr, "not logged: %s\n", late.message().c_str());
      }
    });
    if (refused) return refused.value();
  }
  if (const std::error_code error = pool.drain()) return error.value();
  std::fputs(log.c_str(), stdout);
  return 0;
}
