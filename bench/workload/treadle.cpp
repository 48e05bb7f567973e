#include "intrusive.hpp"

#include <treadle/treadle.hpp>

namespace {

/// One default configuration for all rows; only the width is said, as for every other contender.
struct adapter {
  using task = treadle::task;
  using batch = treadle::batch;

  explicit adapter(unsigned workers) : pool(treadle::pool_config{.max_threads = workers}) {}

  void schedule(task& only) noexcept { require(pool.schedule(only)); }
  void append(batch& list, task& added) noexcept { list.push(added); }
  void schedule(batch& list) noexcept { require(pool.schedule(list)); }

  static void require(const std::error_code& error) noexcept {
    if (error) [[unlikely]]
      std::abort();
  }

  treadle::thread_pool pool;
};

}  // namespace

int main(int argc, char** argv) { bench::serve(argc, argv, bench::intrusive::rows<adapter>); }
