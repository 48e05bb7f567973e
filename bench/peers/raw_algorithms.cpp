#include "../workload/algorithms.hpp"
#include "algorithms.hpp"

namespace {

/// One thread and the standard library.
struct no_pool {
  explicit no_pool(unsigned) {}

  template <class F>
  void inside(F f) {
    f();
  }
  template <class Body>
  void for_each_index(std::uint64_t n, Body body) {
    for (std::uint64_t i = 0; i < n; ++i) body(i);
  }
  template <class T>
  T sum(const std::vector<T>& values) {
    return std::reduce(values.begin(), values.end(), T{});
  }
  template <class T>
  void scan(std::vector<T>& values) {
    std::inclusive_scan(values.begin(), values.end(), values.begin());
  }
  template <class T>
  void sort(std::vector<T>& values) {
    std::sort(values.begin(), values.end());
  }
};

}  // namespace

std::span<const bench::entry> bench::loops_of_peer() { return loop_rows<no_pool>; }
std::span<const bench::entry> bench::numbers_of_peer() { return number_rows<no_pool>; }
