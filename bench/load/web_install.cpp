#include "web_install.hpp"

#include "web.hpp"

#include <filesystem>
#include <fstream>
#include <stdexcept>
#include <string>
#include <vector>

namespace load {

namespace {

namespace fs = std::filesystem;
using words = std::vector<std::string>;

/// What the lock file has in place of the registry.
constexpr std::string_view origin_mark = "@ORIGIN@";

void prepare(const std::string& folder, const std::string& bun) {
  const run_costs made = run_to_end({"python3", "-B", TREADLE_BENCH_DIR "/load/registry.py", folder, bun}, -1);
  if (made.status == bench::not_offered) throw not_here("no npm");
  if (made.status != 0) throw std::runtime_error("cannot make a registry in " + folder + ": registry.py has failed");
}

void write_project(const fs::path& from, const fs::path& to, const std::string& origin) {
  fs::create_directory(to);
  fs::copy_file(from / "package.json", to / "package.json");
  std::ifstream in(from / "package-lock.json");
  std::ofstream out(to / "package-lock.json");
  for (std::string line; std::getline(in, line);) {
    if (const std::size_t at = line.find(origin_mark); at != line.npos) line.replace(at, origin_mark.size(), origin);
    out << line << '\n';
  }
}

/// The command, in the project and with the cache and configuration of the scratch folder alone.
words command_of(const bench::request& asked, const fs::path& scratch, const std::string& origin, bool is_offline) {
  const std::string client = asked.text("client", "treadle"), cache = scratch / "cache";
  words all{"env",
            "-C",
            scratch / "project",
            "HOME=" + scratch.string(),
            "XDG_CACHE_HOME=" + cache,
            "BUN_INSTALL_CACHE_DIR=" + cache,
            "npm_config_registry=" + origin,
            "npm_config_cache=" + cache};
  words more;
  if (client == "bun") {
    more = {asked.text("registry", "") + "/bin/bun", "install", "--frozen-lockfile", "--ignore-scripts"};
  } else if (client == "npm") {
    more = {"npm", "ci", "--ignore-scripts", "--no-audit", "--no-fund"};
    if (is_offline) more.push_back("--offline");
  } else {
    more = asked.command();
    more.insert(more.end(), {"install", "--registry", origin, "--cache", cache});
    if (is_offline) more.push_back("--offline");
  }
  all.insert(all.end(), more.begin(), more.end());
  return all;
}

run_costs run_once(const words& command, const fs::path& scratch) {
  const run_costs costs = run_to_end(command, -1, scratch / "output");
  if (costs.status == 127) throw not_here("no " + command[8]);
  const bool is_there = fs::exists(scratch / "project/node_modules/typescript/lib/typescript.js");
  if (costs.status != 0 || !is_there) {
    throw std::runtime_error(command[8] + " ended with " + std::to_string(costs.status) +
                             (is_there ? "" : ", and typescript is not installed") + "\n" + costs.output);
  }
  return costs;
}

}  // namespace

void install(const bench::request& asked, bench::answer& given) {
  const fs::path registry = asked.text("registry", "");
  prepare(registry, asked.text("bun", ""));
  const scratch_folder scratch(scratch_folder::place::disk);
  web_server served(scratch.path(), false, "root " + (registry / "registry").string() + ";\n", -1);
  write_project(registry, scratch.path() / "project", served.origin());
  if (asked.text("client", "") == "bun") {  // it takes over the lock file once, without the registry
    const words migrate{"env",     "-C", scratch.path() / "project", registry / "bin/bun", "install", "--lockfile-only",
                        "--silent"};
    if (run_to_end(migrate, -1).status != 0) throw not_here("no bun");
  }
  const std::string origin = served.origin();
  run_costs costs = run_once(command_of(asked, scratch.path(), origin, false), scratch.path());
  const web_seen seen = served.stop();
  given.add("requests", static_cast<double>(seen.answers));
  if (asked.number("warm", 0) != 0) {
    fs::remove_all(scratch.path() / "project/node_modules");
    costs = run_once(command_of(asked, scratch.path(), origin, true), scratch.path());
  }
  given.add("wall_ns", costs.wall_ns);
  given.add("cpu_ns", costs.cpu_ns);
  given.add("peak_kib", costs.peak_kib);
}

}  // namespace load
