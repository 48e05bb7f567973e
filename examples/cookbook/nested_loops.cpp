// A loop in a loop: the inner one gets the worker that the outer one's body runs on.
#include <treadle/treadle.hpp>

#include <cstddef>
#include <cstdio>
#include <numeric>
#include <vector>

int main() {
  // A triangle: rows of very different length, so that neither loop alone would share the work well.
  std::vector<std::vector<double>> rows(500);
  treadle::parallel_for(
      treadle::default_pool(), std::size_t{0}, rows.size(), [&](treadle::worker& here, std::size_t row) {
        rows[row].resize(row * 10);
        treadle::parallel_for(here, std::size_t{0}, rows[row].size(),
                              [&](std::size_t column) { rows[row][column] = static_cast<double>(row + column); });
      });

  const auto sum_of_row = [](const std::vector<double>& row) { return std::accumulate(row.begin(), row.end(), 0.0); };
  const double all = treadle::transform_reduce(
      treadle::default_pool(), rows, 0.0, [](double a, double b) { return a + b; }, sum_of_row);
  double expected = 0;
  for (const auto& row : rows) expected += sum_of_row(row);
  std::printf("the triangle's sum is %.0f\n", all);
  return all == expected ? 0 : 1;  // whole numbers of less than 53 bits: any grouping gives the same
}
