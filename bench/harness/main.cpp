#include "data.hpp"
#include "engine.hpp"
#include "machine.hpp"
#include "report.hpp"

#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <regex>
#include <string>
#include <string_view>
#include <thread>

namespace {

struct settings {
  std::string filter;
  std::string contenders;
  std::string json;
  bool list = false;
  bench::engine_options engine;
  bench::row_options rows;
};

constexpr const char* usage = R"(treadle_bench: treadle against others, in interleaved rounds

  --filter REGEX      only rows whose name matches
  --contenders REGEX  only contenders whose name matches (treadle always takes part)
  --rounds N          rounds to keep a row (31)
  --json FILE         write every sample there (of all rows, not quick: bench.json beside this program)
  --workers N         workers of every pool (what this process may use)
  --data DIR          where the trees for the hash rows are made and kept
  --tool FILE         the treadle command
  --max-load PERCENT  drop rounds in which other programs used more of the machine (100)
  --quick             a tenth of the work and 5 rounds: to see that everything runs
  --list              name the rows and leave
)";

std::string own_directory() { return std::filesystem::read_symlink("/proc/self/exe").parent_path().string(); }

std::string find_tool(const std::string& directory) {
  for (const char* place : {"/../bin/treadle", "/../tools/treadle", "/treadle"}) {
    std::string path = directory + place;
    if (access(path.c_str(), X_OK) == 0 && std::filesystem::is_regular_file(path)) return path;
  }
  return {};
}

[[noreturn]] void refuse(std::string_view why) {
  std::fprintf(stderr, "treadle_bench: %.*s\n%s", static_cast<int>(why.size()), why.data(), usage);
  std::exit(2);
}

settings parse(int argc, char** argv) {
  settings result;
  bool rounds_given = false;
  result.engine.directory = own_directory();
  result.rows.tool = find_tool(result.engine.directory);
  result.rows.data = (std::filesystem::temp_directory_path() / "treadle_bench_data").string();
  result.rows.workers = std::max(1u, std::thread::hardware_concurrency());
  for (int i = 1; i < argc; ++i) {
    const std::string_view option = argv[i];
    const auto value = [&]() -> std::string {
      if (++i == argc) refuse(std::string(option) + " needs a value");
      return argv[i];
    };
    const auto number = [&] { return static_cast<unsigned>(std::strtoul(value().c_str(), nullptr, 10)); };
    if (option == "--filter")
      result.filter = value();
    else if (option == "--contenders")
      result.contenders = value();
    else if (option == "--json")
      result.json = value();
    else if (option == "--data")
      result.rows.data = value();
    else if (option == "--tool")
      result.rows.tool = value();
    else if (option == "--quick")
      result.rows.quick = true;
    else if (option == "--list")
      result.list = true;
    else if (option == "--max-load")
      result.engine.load_limit = number() / 100.0;
    else if (option == "--workers")
      result.rows.workers = number();
    else if (option == "--rounds") {
      result.engine.rounds = number();
      rounds_given = true;
    } else if (option == "--help") {
      std::fputs(usage, stdout);
      std::exit(0);
    } else
      refuse("unknown option " + std::string(option));
  }
  if (result.rows.quick && !rounds_given) result.engine.rounds = 5;
  if (result.json.empty() && result.filter.empty() && !result.rows.quick) {
    result.json = result.engine.directory + "/bench.json";
  }
  if (result.rows.quick) result.rows.data += "_quick";
  if (result.engine.rounds == 0 || result.rows.workers == 0) refuse("numbers must be positive");
  return result;
}

std::string joined(int argc, char** argv) {
  std::string line = "treadle_bench";
  for (int i = 1; i < argc; ++i) line += " " + std::string(argv[i]);
  return line;
}

std::vector<bench::row> choose_rows(const settings& chosen) {
  std::vector<bench::row> rows = bench::make_rows(chosen.rows);
  const std::regex filter(chosen.filter);
  std::erase_if(rows, [&](const bench::row& each) { return !std::regex_search(each.name, filter); });
  if (chosen.contenders.empty()) return rows;
  const std::regex wanted(chosen.contenders);
  for (bench::row& each : rows) {
    std::erase_if(each.contenders, [&](const bench::contender& who) {
      const bool needed = who.name == "treadle" || who.name == "inline";
      return !needed && !std::regex_search(who.name, wanted);
    });
  }
  std::erase_if(rows, [](const bench::row& each) { return each.contenders.empty(); });
  return rows;
}

}  // namespace

int main(int argc, char** argv) try {
  const settings chosen = parse(argc, argv);
  std::vector<bench::row> rows = choose_rows(chosen);
  if (rows.empty()) refuse("no row matches");
  const std::string machine = bench::describe_machine();
  if (!chosen.list) std::printf("%s\n", machine.c_str());
  std::vector<bench::row_result> results;
  std::string trees;
  for (bench::row& each : rows) {
    if (chosen.list) {
      std::printf("%-22s %s\n", each.name.c_str(), each.title.c_str());
      continue;
    }
    if (each.needs_files) {
      if (trees.empty()) trees = bench::make_trees(chosen.rows.data, chosen.rows.quick);
      if (trees.empty()) continue;
      each.title += " (of " + trees + ")";
    }
    results.push_back(bench::run_row(each, chosen.engine));
    bench::print_row(results.back());
    if (!chosen.json.empty()) bench::write_json(chosen.json, machine, joined(argc, argv), results);
  }
  if (!chosen.json.empty() && !chosen.list) std::printf("\nevery sample: %s\n", chosen.json.c_str());
  return 0;
} catch (const std::exception& error) {
  std::fprintf(stderr, "treadle_bench: %s\n", error.what());
  return 2;
}
