#include "../workload/algorithms.hpp"
#include "algorithms.hpp"

#include <oneapi/tbb/global_control.h>
#include <oneapi/tbb/parallel_for.h>
#include <oneapi/tbb/task_arena.h>

#include <execution>

namespace {

/// The algorithms of the standard library with `std::execution::par`, which is TBB inside; the loops are TBB's own.
struct standard_pool {
  explicit standard_pool(unsigned workers)
      : limit(tbb::global_control::max_allowed_parallelism, workers), arena(static_cast<int>(workers)) {}

  template <class F>
  void inside(F f) {
    arena.execute(f);
  }
  template <class Body>
  void for_each_index(std::uint64_t n, Body body) {
    tbb::parallel_for(std::uint64_t{0}, n, body);
  }
  template <class T>
  T sum(const std::vector<T>& values) {
    return std::reduce(std::execution::par, values.begin(), values.end(), T{});
  }
  template <class T>
  void scan(std::vector<T>& values) {
    std::inclusive_scan(std::execution::par, values.begin(), values.end(), values.begin());
  }
  template <class T>
  void sort(std::vector<T>& values) {
    std::sort(std::execution::par, values.begin(), values.end());
  }

  tbb::global_control limit;
  tbb::task_arena arena;
};

}  // namespace

std::span<const bench::entry> bench::loops_of_peer() { return loop_rows<standard_pool>; }
std::span<const bench::entry> bench::numbers_of_peer() { return number_rows<standard_pool>; }
