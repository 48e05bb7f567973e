#include "../../workload/intrusive.hpp"
#include "seed_pool.hpp"

namespace {

struct adapter {
  using task = seed::task;
  using batch = seed::batch;

  explicit adapter(unsigned workers) : pool(workers) {}

  void schedule(task& only) noexcept {
    only.next = nullptr;
    pool.schedule(batch::of(only));
  }
  void append(batch& list, task& added) noexcept {
    added.next = nullptr;
    list.push(batch::of(added));
  }
  void schedule(batch& list) noexcept { pool.schedule(list); }

  seed::pool pool;
};

}  // namespace

int main(int argc, char** argv) { bench::serve(argc, argv, bench::intrusive::rows<adapter>); }
