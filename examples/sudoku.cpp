// Solves Sudokus by a parallel search: a fork for each choice, and no more choices once a solution is found.
// Reads puzzles, one a line: 81 cells, anything but 1 to 9 for an empty one. Without a file, hard ones of its own.
#include <treadle/treadle.hpp>

#include <array>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <fstream>
#include <optional>
#include <string>
#include <vector>

namespace {

using digits = std::uint16_t;  ///< a set of digits: bit 0 is the one
constexpr std::size_t cells = 81;

/// A partly filled grid. Copied at each choice: it is small, and so no branch sees what another one tries.
class grid {
 public:
  /// Returns nothing if `text` is no puzzle, or breaks the rules as it stands.
  static std::optional<grid> read(const std::string& text) {
    if (text.size() != cells) return std::nullopt;
    grid made;
    for (std::size_t cell = 0; cell < cells; ++cell) {
      if (text[cell] < '1' || text[cell] > '9') continue;
      const auto digit = static_cast<digits>(1U << (text[cell] - '1'));
      if ((made.candidates(cell) & digit) == 0) return std::nullopt;
      made.place(cell, digit);
    }
    return made;
  }

  [[nodiscard]] bool is_empty(std::size_t cell) const { return placed_[cell] == 0; }
  [[nodiscard]] digits candidates(std::size_t cell) const {
    return static_cast<digits>(all & ~(rows_[cell / 9] | columns_[cell % 9] | boxes_[box(cell)]));
  }
  void place(std::size_t cell, digits digit) {
    placed_[cell] = digit;
    rows_[cell / 9] |= digit;
    columns_[cell % 9] |= digit;
    boxes_[box(cell)] |= digit;
  }
  [[nodiscard]] std::string text() const {
    std::string result;
    for (const digits each : placed_) result += each != 0 ? static_cast<char>('1' + std::countr_zero(each)) : '.';
    return result;
  }

 private:
  static constexpr digits all = 0x1FF;
  static std::size_t box(std::size_t cell) { return cell / 27 * 3 + cell % 9 / 3; }

  std::array<digits, 9> rows_{}, columns_{}, boxes_{};
  std::array<digits, cells> placed_{};
};

class search {
 public:
  std::optional<grid> run(treadle::worker& self, const grid& puzzle) {
    fill(self, puzzle);
    return solution_;
  }

 private:
  /// Fills cells that allow one digit only, then chooses for the one that allows the fewest.
  void fill(treadle::worker& self, grid at) {
    while (!found_.stop_requested()) {
      std::size_t chosen = cells;
      int fewest = 10;
      for (std::size_t cell = 0; cell < cells && fewest > 1; ++cell) {
        const int count = at.is_empty(cell) ? std::popcount(at.candidates(cell)) : 10;
        if (count < fewest) {
          fewest = count;
          chosen = cell;
        }
      }
      if (fewest == 0) return;
      if (chosen == cells) {
        // The first to ask for the stop is the only one to write.
        if (found_.request_stop()) solution_ = at;
        return;
      }
      if (fewest > 1) return choose(self, at, chosen, at.candidates(chosen));
      at.place(chosen, at.candidates(chosen));
    }
  }

  /// Tries each of `choices` in `cell`: a half here, and the other half wherever somebody has time.
  void choose(treadle::worker& self, const grid& at, std::size_t cell, digits choices) {
    if (std::has_single_bit(choices)) {
      grid next = at;
      next.place(cell, choices);
      return fill(self, next);
    }
    digits first = choices;
    while (std::popcount(first) > std::popcount(choices) / 2) first &= static_cast<digits>(first - 1);
    treadle::fork_join(
        self, [&](treadle::worker& here) { choose(here, at, cell, first); },
        [&](treadle::worker& here) { choose(here, at, cell, static_cast<digits>(choices & ~first)); });
  }

  treadle::stop_token found_;
  std::optional<grid> solution_;
};

bool solves(const std::string& puzzle, const std::string& solution) {
  const auto filled = grid::read(solution);
  for (std::size_t cell = 0; cell < cells; ++cell) {
    const bool given = puzzle[cell] >= '1' && puzzle[cell] <= '9';
    if (given && puzzle[cell] != solution[cell]) return false;
  }
  return filled && solution.find('.') == std::string::npos;
}

const std::vector<std::string> hard_ones = {
    "1....7.9..3..2...8..96..5....53..9...1..8...26....4...3......1..4......7..7...3..",
    "8..........36......7..9.2...5...7.......457.....1...3...1....68..85...1..9....4..",
    "1.......2.9.4...5...6...7...5.9.3.......7.......85..4.7.....6...3...9.8...2.....1",
    ".......39.....1..5..3.5.8....8.9...6.7...2...1..4.......9.8..5..2....6..4..7.....",
    ".......1.4.........2...........5.4.7..8...3....1.9....3..4..2...5.1........8.6...",
    "..............3.85..1.2.......5.7.....4...1...9.......5......73..2.1........4...9"};

}  // namespace

int main(int argc, char** argv) {
  std::vector<std::string> puzzles = hard_ones;
  if (argc > 1) {
    puzzles.clear();
    std::ifstream file(argv[1]);
    if (!file) return std::fprintf(stderr, "sudoku: cannot read %s\n", argv[1]), 1;
    for (std::string line; std::getline(file, line);) puzzles.push_back(line);
  }
  treadle::thread_pool pool;
  int unsolved = 0;
  for (const std::string& each : puzzles) {
    const auto start = grid::read(each);
    const auto solved =
        start ? pool.run([&](treadle::worker& self) { return search().run(self, *start); }) : std::nullopt;
    const bool right = solved && solves(each, solved->text());
    std::printf("%s\n%s\n", each.c_str(), right ? solved->text().c_str() : "no solution");
    unsolved += right ? 0 : 1;
  }
  return unsolved == 0 ? 0 : 1;
}
