#include "../workload/algorithms.hpp"
#include "algorithms.hpp"

#include <omp.h>

#include <parallel/algorithm>

namespace {

/// Loops in equal parts, one a thread; the sort is that of libstdc++'s parallel mode. The team is that of the caller.
struct team {
  explicit team(unsigned workers) { omp_set_num_threads(static_cast<int>(workers)); }

  template <class F>
  void inside(F f) {
    f();
  }
  template <class Body>
  void for_each_index(std::uint64_t n, Body body) {
#pragma omp parallel for schedule(static)
    for (std::uint64_t i = 0; i < n; ++i) body(i);
  }
  template <class T>
  T sum(const std::vector<T>& values) {
    T total{};
#pragma omp parallel for schedule(static) reduction(+ : total)
    for (std::size_t i = 0; i < values.size(); ++i) total += values[i];
    return total;
  }
  template <class T>
  void scan(std::vector<T>& values) {
#if defined(__clang__)
    static_cast<void>(values);
    std::_Exit(bench::not_offered);  // clang 14 breaks on the directive
#else
    T total{};
#pragma omp parallel for reduction(inscan, + : total)
    for (std::size_t i = 0; i < values.size(); ++i) {
      total += values[i];
#pragma omp scan inclusive(total)
      values[i] = total;
    }
#endif
  }
  template <class T>
  void sort(std::vector<T>& values) {
    __gnu_parallel::sort(values.begin(), values.end());
  }
};

}  // namespace

std::span<const bench::entry> bench::loops_of_peer() { return loop_rows<team>; }
std::span<const bench::entry> bench::numbers_of_peer() { return number_rows<team>; }
