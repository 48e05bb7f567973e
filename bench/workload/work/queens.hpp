#pragma once

#include "../forking.hpp"

#include <array>

namespace bench {

/// All ways to put n queens on a board of n by n, by trying every field of a row that no queen above threatens. Boards
/// are copied, and checked queen by queen, as in the benchmark that other runtimes publish.
struct queens {
  using board = std::array<std::int8_t, 16>;
  static constexpr std::array<std::uint64_t, 16> known{1,  1,   0,   0,    2,     10,    4,      40,
                                                       92, 352, 724, 2680, 14200, 73712, 365596, 2279184};

  explicit queens(const request& asked) : n(static_cast<unsigned>(asked.number("n", 13))) {}

  [[nodiscard]] std::uint64_t units() const { return 1; }
  void prepare() {}

  static bool fits(const board& queen, unsigned row, unsigned column) {
    for (unsigned above = 0; above < row; ++above) {
      const int across = queen[above] - static_cast<int>(column);
      const int down = static_cast<int>(row - above);
      if (across == 0 || across == down || across == -down) return false;
    }
    return true;
  }

  template <class Fork>
  static std::uint64_t place(Fork here, unsigned n, unsigned row, const board& queen) {
    if (row == n) return 1;
    std::array<std::int8_t, 16> columns;
    unsigned count = 0;
    for (unsigned column = 0; column < n; ++column) {
      if (fits(queen, row, column)) columns[count++] = static_cast<std::int8_t>(column);
    }
    if (count == 0) return 0;
    return sum_over(here, 0, count, [&](Fork to, std::uint64_t i) {
      board next = queen;
      next[row] = columns[i];
      return place(to, n, row + 1, next);
    });
  }

  template <class Fork>
  void run(Fork here) {
    found = place(here, n, 0, board{});
  }
  [[nodiscard]] bool right() const { return found == known[n]; }

  unsigned n;
  std::uint64_t found = 0;
};

}  // namespace bench
