#include "../workload/forks.hpp"
#include "../workload/posting.hpp"
#include "../workload/work/rows.hpp"
#include "algorithms.hpp"

#include <omp.h>

namespace {

/// OpenMP has no submission from outside: one thread of the team spawns, the other one runs along.
void empty_spawned(const bench::request& asked, bench::answer& given) {
  const std::uint64_t n = asked.number("n", 1'000'000);
  omp_set_num_threads(static_cast<int>(asked.workers()));
  bench::measure(asked, given, n, [n] {
#pragma omp parallel
#pragma omp single
    for (std::uint64_t i = 0; i < n; ++i) {
#pragma omp task
      bench::tick();
    }
  });
}

void sort_part(std::span<std::int32_t> values) {
  if (values.size() <= bench::insertion_limit) return bench::insertion_sort(values);
  const std::size_t pivot = bench::partition(values);
#pragma omp task firstprivate(values, pivot)
  sort_part(values.first(pivot));
#pragma omp task firstprivate(values, pivot)
  sort_part(values.subspan(pivot + 1));
}

void quicksort(const bench::request& asked, bench::answer& given) {
  std::vector<std::int32_t> values(asked.number("n", 10'000'000));
  omp_set_num_threads(static_cast<int>(asked.workers()));
  bench::posting::measure_sort(asked, given, values, [](std::span<std::int32_t> all) {
#pragma omp parallel
#pragma omp single
    sort_part(all);
  });
}

void idle(const bench::request& asked, bench::answer& given) {
  omp_set_num_threads(static_cast<int>(asked.workers()));
#pragma omp parallel
  bench::tick();
  bench::measure_idle(asked, given);
}

std::uint64_t fib(std::uint64_t n) {
  if (n < 2) return n;
  std::uint64_t first = 0;
#pragma omp task shared(first) firstprivate(n)
  first = fib(n - 1);
  const std::uint64_t second = fib(n - 2);
#pragma omp taskwait
  return first + second;
}

void measure_fib(const bench::request& asked, bench::answer& given) {
  omp_set_num_threads(static_cast<int>(asked.workers()));
  bench::measure_fib(asked, given, [](std::uint64_t n) {
    std::uint64_t result = 0;
#pragma omp parallel
#pragma omp single
    result = fib(n);
    return result;
  });
}

struct task_fork {
  static constexpr bool loops = false;

  template <class F, class G>
  auto fork(F&& f, G&& g) const {
    return bench::fork_and_collect(*this, f, g, [](auto first, auto second) {
#pragma omp task shared(first)
      first();
      second();
#pragma omp taskwait
    });
  }
};

struct team {
  explicit team(unsigned workers) { omp_set_num_threads(static_cast<int>(workers)); }

  template <class F>
  auto enter(F&& f) {
    using value = std::invoke_result_t<F&, task_fork>;
    if constexpr (std::is_void_v<value>) {
#pragma omp parallel
#pragma omp single
      f(task_fork{});
    } else {
      value result{};
#pragma omp parallel
#pragma omp single
      result = f(task_fork{});
      return result;
    }
  }
};

constexpr bench::entry rows[] = {
    {"empty_spawned", empty_spawned}, {"quicksort", quicksort}, {"fib", measure_fib}, {"idle", idle}};

}  // namespace

int main(int argc, char** argv) {
  bench::serve_any(argc, argv, {rows, bench::work_rows<team>, bench::loops_of_peer(), bench::numbers_of_peer()});
}
