// Sorts the lines of a file, or of a made-up text, by length and then by content, and prints the first ones.
#include <treadle/treadle.hpp>

#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <fstream>
#include <functional>
#include <string>
#include <vector>

namespace {

std::vector<std::string> lines_of(const char* path) {
  std::vector<std::string> lines;
  std::ifstream file(path);
  for (std::string line; std::getline(file, line);) lines.push_back(line);
  return lines;
}

std::vector<std::string> made_up_lines(std::size_t count) {
  std::vector<std::string> lines;
  std::uint64_t state = 42;
  for (std::size_t i = 0; i < count; ++i) {
    state = state * 6364136223846793005u + 1442695040888963407u;
    lines.push_back(std::to_string(state >> (state >> 59)));
  }
  return lines;
}

}  // namespace

int main(int argc, char** argv) {
  std::vector<std::string> lines = argc > 1 ? lines_of(argv[1]) : made_up_lines(100'000);
  treadle::thread_pool pool;
  treadle::sort(pool, lines);
  // Those of one length stay in their order.
  treadle::stable_sort(pool, lines, std::less<>{}, [](const std::string& line) { return line.size(); });
  for (std::size_t i = 1; i < lines.size(); ++i) {
    const std::string &a = lines[i - 1], &b = lines[i];
    if (a.size() < b.size() || (a.size() == b.size() && a <= b)) continue;
    std::fprintf(stderr, "line %zu is out of order\n", i);
    return 1;
  }
  for (std::size_t i = 0; i < lines.size() && i < 10; ++i) std::printf("%s\n", lines[i].c_str());
  return 0;
}
