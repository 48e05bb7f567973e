// Prints the lines of a file, or of a made-up log, that hold a word, with their numbers: reads in blocks, searches the
// blocks side by side, writes in order.
#include <treadle/treadle.hpp>

#include <cstddef>
#include <cstdio>
#include <fstream>
#include <istream>
#include <optional>
#include <sstream>
#include <string>
#include <utility>
#include <vector>

namespace {

struct block {
  std::size_t first_number;
  std::vector<std::string> lines;
};

struct found {
  std::size_t count = 0;
  std::string text;
};

found search(const block& lines, const std::string& word) {
  found result;
  for (std::size_t i = 0; i < lines.lines.size(); ++i) {
    if (lines.lines[i].find(word) == std::string::npos) continue;
    ++result.count;
    result.text += std::to_string(lines.first_number + i) + ": " + lines.lines[i] + "\n";
  }
  return result;
}

std::string made_up_log() {
  std::string log;
  for (int i = 0; i < 20'000; ++i) log += i % 1000 == 999 ? "error in request\n" : "request served\n";
  return log;
}

std::size_t filter(treadle::thread_pool& pool, std::istream& in, const std::string& word) {
  constexpr std::size_t block_lines = 500, tokens = 16;
  std::size_t next_number = 1, count = 0;
  treadle::pipeline(
      pool, tokens,
      [&]() -> std::optional<block> {
        block read{next_number, {}};
        for (std::string line; read.lines.size() < block_lines && std::getline(in, line);) {
          read.lines.push_back(std::move(line));
        }
        next_number += read.lines.size();
        if (read.lines.empty()) return std::nullopt;
        return read;
      },
      [&](const block& lines) { return search(lines, word); }, treadle::in_order([&](const found& result) {
        count += result.count;
        std::fputs(result.text.c_str(), stdout);
      }));
  return count;
}

}  // namespace

int main(int argc, char** argv) {
  treadle::thread_pool pool;
  if (argc > 2) {
    std::ifstream file(argv[2]);
    std::printf("%zu lines\n", filter(pool, file, argv[1]));
    return file.bad() ? 1 : 0;
  }
  std::istringstream log(made_up_log());
  const std::size_t count = filter(pool, log, "error");
  std::printf("%zu lines\n", count);
  return count == 20 ? 0 : 1;
}
