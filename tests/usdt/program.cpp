// What the probes are looked for in: a task from outside that makes another, and blocks.
#include <treadle/treadle.hpp>

int main() {
  treadle::thread_pool pool(treadle::pool_config{.max_threads = 1, .name = "probed"});
  pool.submit(
          [&] {
            pool.submit([] { treadle::blocking([] {}); }, treadle::source_site{"inner", 22}).get();
          },
          treadle::source_site{"outer", 11})
      .get();
  return pool.join() ? 1 : 0;
}
