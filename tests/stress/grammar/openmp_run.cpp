#include "program.hpp"

namespace treadle::test::grammar {

#ifdef _OPENMP

namespace {

std::uint64_t visit(const program& meant, std::uint32_t index, std::vector<std::uint64_t>& results) {
  for (std::uint32_t child = meant.nodes[index].first_child; child != node::none;
       child = meant.nodes[child].next_sibling) {
#pragma omp task default(none) firstprivate(child) shared(meant, results)
    visit(meant, child, results);
  }
#pragma omp taskwait
  std::uint64_t value = meant.nodes[index].seed;
  for (std::uint32_t child = meant.nodes[index].first_child; child != node::none;
       child = meant.nodes[child].next_sibling) {
    if (is_awaited(meant.nodes[child].how)) value = mix(value, results[child]);
  }
  return results[index] = value;
}

}  // namespace

std::vector<std::uint64_t> evaluate_with_openmp(const program& meant, int threads) {
  std::vector<std::uint64_t> results(meant.nodes.size());
#pragma omp parallel num_threads(threads) default(none) shared(meant, results)
#pragma omp single
  for (std::uint32_t root = meant.first_root; root != node::none; root = meant.nodes[root].next_sibling) {
#pragma omp task default(none) firstprivate(root) shared(meant, results)
    visit(meant, root, results);
  }
  return results;
}

#else

std::vector<std::uint64_t> evaluate_with_openmp(const program&, int) { return {}; }

#endif

}  // namespace treadle::test::grammar
