// Runs fio for random reads, and answers with its own figures.
#include "../workload/reading.hpp"

#include <algorithm>
#include <array>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <sstream>
#include <string>
#include <vector>

namespace {

/// Returns what the command prints, or nothing if it cannot be run.
std::string output_of(const std::string& command) {
  std::string text;
  FILE* const out = popen(command.c_str(), "r");
  if (out == nullptr) return text;
  std::array<char, 4096> part;
  while (const std::size_t got = std::fread(part.data(), 1, part.size(), out)) text.append(part.data(), got);
  if (pclose(out) != 0) text.clear();
  return text;
}

/// The numbers of a line with semicolons between.
std::vector<double> fields_of(const std::string& line) {
  std::vector<double> all;
  std::istringstream in(line);
  for (std::string field; std::getline(in, field, ';');) all.push_back(std::strtod(field.c_str(), nullptr));
  return all;
}

struct figures {
  double wall_ns, cpu_ns;
};

void random_reads(const bench::request& asked, bench::answer& given) {
  const bool cached = asked.text("form", "direct") == "cached";
  const std::uint64_t depth = asked.number("depth", 1);
  const std::uint64_t n = asked.number("n", 10'000) / depth * depth;
  const std::string command =
      "fio --minimal --thread --name=reads --rw=randread --bs=4k --size=256M --filename=" +
      bench::file_to_read(cached) + (cached ? " --ioengine=psync" : " --ioengine=io_uring --direct=1") +
      " --invalidate=0 --norandommap --number_ios=" + std::to_string(n) + " --iodepth=" + std::to_string(depth);
  std::vector<figures> runs;
  for (std::uint64_t i = asked.number("reps", 3); i != 0; --i) {
    const std::vector<double> fields = fields_of(output_of(command));
    if (fields.size() < 89 || fields[7] <= 0) std::_Exit(bench::not_offered);
    // Its fields are reads a second, milliseconds, and shares of the processor in percent.
    const double spent_ns = fields[8] * 1e6 * (fields[87] + fields[88]) / 100;
    runs.push_back({1e9 / fields[7], spent_ns / static_cast<double>(n)});
  }
  std::sort(runs.begin(), runs.end(), [](const figures& a, const figures& b) { return a.wall_ns < b.wall_ns; });
  given.add("wall_ns", runs[runs.size() / 2].wall_ns);
  given.add("cpu_ns", runs[runs.size() / 2].cpu_ns);
}

constexpr bench::entry rows[] = {{"random_reads", random_reads}};

}  // namespace

int main(int argc, char** argv) { bench::serve(argc, argv, rows); }
