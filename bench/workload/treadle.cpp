#include "forks.hpp"
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

std::uint64_t fib(treadle::worker& self, std::uint64_t n) {
  if (n < 2) return n;
  const auto [first, second] = treadle::fork_join(
      self, [n](treadle::worker& here) { return fib(here, n - 1); },
      [n](treadle::worker& here) { return fib(here, n - 2); });
  return first + second;
}

/// Without the worker at hand.
std::uint64_t fib_asking(std::uint64_t n) {
  if (n < 2) return n;
  const auto [first, second] = treadle::fork_join([n] { return fib_asking(n - 1); }, [n] { return fib_asking(n - 2); });
  return first + second;
}

std::uint64_t count_tree(treadle::worker& self, unsigned depth) {
  if (depth == 0) return 1;
  const auto [left, right] = treadle::fork_join(
      self, [depth](treadle::worker& here) { return count_tree(here, depth - 1); },
      [depth](treadle::worker& here) { return count_tree(here, depth - 1); });
  return left + right + 1;
}

void measure_fib(const bench::request& asked, bench::answer& given) {
  adapter& made = bench::posting::make<adapter>(asked);
  bench::measure_fib(asked, given, [&](std::uint64_t n) {
    return made.pool.run([n](treadle::worker& self) { return fib(self, n); });
  });
}

void measure_fib_asking(const bench::request& asked, bench::answer& given) {
  adapter& made = bench::posting::make<adapter>(asked);
  bench::measure_fib(asked, given, [&](std::uint64_t n) { return made.pool.run([n] { return fib_asking(n); }); });
}

void sort_part(treadle::worker& self, std::span<std::int32_t> values) {
  if (values.size() <= bench::insertion_limit) return bench::insertion_sort(values);
  const std::size_t pivot = bench::partition(values);
  treadle::fork_join(
      self, [left = values.first(pivot)](treadle::worker& here) { sort_part(here, left); },
      [right = values.subspan(pivot + 1)](treadle::worker& here) { sort_part(here, right); });
}

void quicksort(const bench::request& asked, bench::answer& given) {
  adapter& made = bench::posting::make<adapter>(asked);
  std::vector<std::int32_t> values(asked.number("n", 10'000'000));
  bench::posting::measure_sort(asked, given, values, [&](std::span<std::int32_t> all) {
    made.pool.run([all](treadle::worker& self) { sort_part(self, all); });
  });
}

/// Called on a worker, with all others parked.
void measure_trees(const bench::request& asked, bench::answer& given) {
  adapter& made = bench::posting::make<adapter>(asked);
  made.pool.run([&](treadle::worker& self) {
    const std::uint64_t before = made.pool.stats().wakes;
    bench::measure_small_trees(asked, given, [&](std::uint64_t n, unsigned depth) {
      for (std::uint64_t i = 0; i < n; ++i) bench::keep(count_tree(self, depth));
    });
    given.add("wakes", static_cast<double>(made.pool.stats().wakes - before));
  });
}

constexpr bench::entry forks[] = {{"fib", measure_fib},
                                  {"fib_asking", measure_fib_asking},
                                  {"small_trees", measure_trees},
                                  {"quicksort", quicksort},
                                  {"quicksort_scheduled", bench::intrusive::quicksort<adapter>}};

}  // namespace

/// A sort is forked, as a user would; its form with tasks, first in first out, stands beside it.
int main(int argc, char** argv) { bench::serve_any(argc, argv, {forks, bench::intrusive::rows<adapter>}); }
