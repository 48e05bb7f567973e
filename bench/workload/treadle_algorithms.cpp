#include "algorithms.hpp"
#include "treadle_pool.hpp"

namespace {

/// Called on a worker, which the loops get.
struct algorithm_pool : bench::treadle_pool {
  using treadle_pool::treadle_pool;

  template <class F>
  void inside(F f) {
    pool.run([&](treadle::worker& here) {
      self = &here;
      f();
    });
  }
  template <class Body>
  void for_each_index(std::uint64_t n, Body body) {
    treadle::parallel_for(*self, std::uint64_t{0}, n, body);
  }
  template <class T>
  T sum(const std::vector<T>& values) {
    return treadle::reduce(*self, values.begin(), values.end(), T{});
  }
  template <class T>
  void scan(std::vector<T>& values) {
    treadle::inclusive_scan(*self, values.begin(), values.end(), values.begin());
  }
  template <class T>
  void sort(std::vector<T>& values) {
    treadle::sort(*self, values.begin(), values.end());
  }

  treadle::worker* self = nullptr;
};

}  // namespace

std::span<const bench::entry> bench::treadle_loop_rows() { return loop_rows<algorithm_pool>; }
std::span<const bench::entry> bench::treadle_number_rows() { return number_rows<algorithm_pool>; }
