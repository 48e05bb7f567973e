// Sorts by halves, each half a branch: the recursion of the textbook, without a grain size for the parallel part.
#include <treadle/treadle.hpp>

#include <algorithm>
#include <cstddef>
#include <cstdio>
#include <random>
#include <span>
#include <vector>

void sort_halves(treadle::worker& self, std::span<int> values) {
  if (values.size() <= 64) return std::sort(values.begin(), values.end());
  const std::size_t half = values.size() / 2;
  std::nth_element(values.begin(), values.begin() + static_cast<std::ptrdiff_t>(half), values.end());
  treadle::fork_join(
      self, [&](treadle::worker& here) { sort_halves(here, values.first(half)); },
      [&](treadle::worker& here) { sort_halves(here, values.subspan(half)); });
}

int main() {
  std::vector<int> values(100'000);
  std::mt19937 random(1);
  std::generate(values.begin(), values.end(), [&] { return static_cast<int>(random() % 1'000'000); });
  treadle::default_pool().run([&](treadle::worker& self) { sort_halves(self, values); });
  const bool sorted = std::is_sorted(values.begin(), values.end());
  std::puts(sorted ? "sorted" : "not sorted");
  return sorted ? 0 : 1;
}
