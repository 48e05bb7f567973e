#include "../workload/forks.hpp"
#include "../workload/posting.hpp"
#include "../workload/work/rows.hpp"
#include "algorithms.hpp"

#include <oneapi/tbb/global_control.h>
#include <oneapi/tbb/parallel_invoke.h>
#include <oneapi/tbb/task_arena.h>
#include <oneapi/tbb/task_group.h>

namespace {

struct adapter {
  // The submitter is no worker in any contender, so it gets a place of its own beside the workers.
  explicit adapter(unsigned workers)
      : limit(tbb::global_control::max_allowed_parallelism, workers + 1), arena(static_cast<int>(workers), 0) {}

  template <class F>
  void post(F f) {
    arena.enqueue(std::move(f));
  }
  template <class F>
  void spawn(F f) {
    group.run(std::move(f));
  }

  tbb::global_control limit;
  tbb::task_arena arena;
  tbb::task_group group;
};

void sort_part(std::span<std::int32_t> values) {
  if (values.size() <= bench::insertion_limit) return bench::insertion_sort(values);
  const std::size_t pivot = bench::partition(values);
  tbb::task_group halves;
  halves.run([left = values.first(pivot)] { sort_part(left); });
  halves.run_and_wait([right = values.subspan(pivot + 1)] { sort_part(right); });
}

/// With `task_group` and its wait, as its guide shows; `execute` makes the caller one of the two.
void quicksort(const bench::request& asked, bench::answer& given) {
  std::vector<std::int32_t> values(asked.number("n", 10'000'000));
  tbb::global_control limit(tbb::global_control::max_allowed_parallelism, asked.workers());
  tbb::task_arena arena(static_cast<int>(asked.workers()));
  bench::posting::measure_sort(asked, given, values,
                               [&](std::span<std::int32_t> all) { arena.execute([all] { sort_part(all); }); });
}

std::uint64_t fib(std::uint64_t n) {
  if (n < 2) return n;
  std::uint64_t first = 0, second = 0;
  tbb::parallel_invoke([&] { first = fib(n - 1); }, [&] { second = fib(n - 2); });
  return first + second;
}

void measure_fib(const bench::request& asked, bench::answer& given) {
  tbb::global_control limit(tbb::global_control::max_allowed_parallelism, asked.workers());
  tbb::task_arena arena(static_cast<int>(asked.workers()));
  bench::measure_fib(asked, given, [&](std::uint64_t n) { return arena.execute([n] { return fib(n); }); });
}

struct invoking_fork {
  static constexpr bool loops = false;

  template <class F, class G>
  auto fork(F&& f, G&& g) const {
    return bench::fork_and_collect(*this, f, g, [](auto first, auto second) { tbb::parallel_invoke(first, second); });
  }
};

/// The caller is one of the workers while it is inside. Who waits runs whatever there is on top of what waits: with the
/// stacks that threads have by default, the deepest of the trees ends in a fault.
struct arena {
  explicit arena(unsigned workers)
      : limit(tbb::global_control::max_allowed_parallelism, workers),
        stacks(tbb::global_control::thread_stack_size, stack_bytes),
        entered(static_cast<int>(workers)) {
    bench::allow_main_stack(stack_bytes);
  }

  template <class F>
  auto enter(F&& f) {
    return entered.execute([&] { return f(invoking_fork{}); });
  }

  static constexpr std::size_t stack_bytes = 64 << 20;
  tbb::global_control limit, stacks;
  tbb::task_arena entered;
};

constexpr bench::entry rows[] = {
    {"fib", measure_fib},
    {"empty_outside", bench::posting::empty_outside<adapter>},
    {"empty_spawned", bench::posting::empty_spawned<adapter>},
    {"wake", bench::posting::wake<adapter>},
    {"trickle", bench::posting::trickle<adapter>},
    {"quicksort", quicksort},
    {"idle", bench::posting::idle<adapter>},
};

}  // namespace

int main(int argc, char** argv) {
  bench::serve_any(argc, argv, {rows, bench::work_rows<arena>, bench::loops_of_peer(), bench::numbers_of_peer()});
}
