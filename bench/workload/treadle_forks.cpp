#include "posting.hpp"
#include "treadle_pool.hpp"
#include "work/rows.hpp"

#include <vector>

namespace {

/// The worker is passed down.
struct passing_fork {
  static constexpr bool loops = false;
  treadle::worker* self;

  template <class F, class G>
  [[gnu::always_inline]] auto fork(F&& f, G&& g) const {
    return treadle::fork_join(
        *self, [&](treadle::worker& here) { return f(passing_fork{&here}); },
        [&](treadle::worker& here) { return g(passing_fork{&here}); });
  }
};

struct forking_pool : bench::treadle_pool {
  using treadle_pool::treadle_pool;

  template <class F>
  auto enter(F&& f) {
    return pool.run([&](treadle::worker& self) { return f(passing_fork{&self}); });
  }

  void report(bench::answer& given) const {
    const treadle::pool_stats counted = pool.stats();
    given.add("wakes", static_cast<double>(counted.wakes));
    given.add("steals", static_cast<double>(counted.steals + counted.forks_stolen));
    given.add("failed_steals", static_cast<double>(counted.failed_steals));
  }
};

void sort_part(treadle::worker& self, std::span<std::int32_t> values) {
  if (values.size() <= bench::insertion_limit) return bench::insertion_sort(values);
  const std::size_t pivot = bench::partition(values);
  treadle::fork_join(
      self, [left = values.first(pivot)](treadle::worker& here) { sort_part(here, left); },
      [right = values.subspan(pivot + 1)](treadle::worker& here) { sort_part(here, right); });
}

void quicksort(const bench::request& asked, bench::answer& given) {
  forking_pool& made = bench::posting::make<forking_pool>(asked);
  std::vector<std::int32_t> values(asked.number("n", 10'000'000));
  bench::posting::measure_sort(asked, given, values, [&](std::span<std::int32_t> all) {
    made.pool.run([all](treadle::worker& self) { sort_part(self, all); });
  });
}

/// Called on a worker, with all others parked.
void small_trees(const bench::request& asked, bench::answer& given) {
  forking_pool& made = bench::posting::make<forking_pool>(asked);
  made.enter([&](passing_fork here) {
    const std::uint64_t before = made.pool.stats().wakes;
    bench::measure_small_trees(asked, given, [&](std::uint64_t n, unsigned depth) {
      for (std::uint64_t i = 0; i < n; ++i) bench::keep(bench::count_tree(here, depth));
    });
    given.add("wakes", static_cast<double>(made.pool.stats().wakes - before));
  });
}

constexpr bench::entry own_rows[] = {{"quicksort", quicksort}, {"small_trees", small_trees}};

}  // namespace

std::span<const bench::entry> bench::treadle_fork_rows() {
  static const std::vector<entry> all = [] {
    std::vector<entry> rows(std::begin(own_rows), std::end(own_rows));
    rows.insert(rows.end(), std::begin(work_rows<forking_pool>), std::end(work_rows<forking_pool>));
    return rows;
  }();
  return all;
}
