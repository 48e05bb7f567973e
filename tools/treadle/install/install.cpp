#include "install.hpp"

#include "../output.hpp"
#include "../text.hpp"
#include "installer.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <nlohmann/json.hpp>

#include <cerrno>
#include <chrono>
#include <cstdio>
#include <system_error>

namespace tool::install {

namespace {

using json = nlohmann::ordered_json;

json as_list(const std::vector<std::pair<std::string, std::string>>& pairs, const char* first, const char* second) {
  json list = json::array();
  for (const auto& [one, other] : pairs) list.push_back({{first, one}, {second, other}});
  return list;
}

std::string as_json(const outcome& done, double seconds) {
  json text;
  text["ok"] = done.failed.empty();
  text["packages"] = done.packages;
  text["downloaded"] = done.downloaded;
  text["downloaded_bytes"] = done.downloaded_bytes;
  text["seconds"] = seconds;
  text["files_are"] = name_of(done.way);
  text["left_out"] = as_list(done.left_out, "path", "why");
  text["links_not_unpacked"] = as_list(done.skipped_links, "package", "path");
  text["scripts_not_run"] = done.scripts;
  text["failed"] = as_list(done.failed, "package", "why");
  return text.dump(2, ' ', true, json::error_handler_t::replace) + '\n';
}

const char* plural(std::size_t count) noexcept { return count == 1 ? "" : "s"; }

std::string as_text(const outcome& done, const options& asked, double seconds) {
  if (!done.failed.empty()) {
    return fmt::format("nothing was installed: {} package{} failed\n", done.failed.size(), plural(done.failed.size()));
  }
  std::string text =
      fmt::format("{} package{} installed in {:.2f} s, {} of them fetched ({})\n", done.packages, plural(done.packages),
                  seconds, done.downloaded, human_bytes(static_cast<double>(done.downloaded_bytes)));
  if (!done.left_out.empty()) {
    text += fmt::format("{} left out: other systems' packages, or omitted (--json names them)\n", done.left_out.size());
  }
  if (!done.skipped_links.empty()) {
    text += fmt::format("{} link{} in packages not unpacked, as npm does (--json names them)\n",
                        done.skipped_links.size(), plural(done.skipped_links.size()));
  }
  if (asked.way == link_way::reflink && done.way == link_way::hardlink && done.packages > 0) {
    text +=
        "files are hard links into the store, for this file system has no reflinks: who edits one in node_modules "
        "edits the store's; --link copy makes copies\n";
  } else if (asked.way != done.way && done.packages > 0) {
    text += fmt::format("files are {}, for this file system cannot do better\n", name_of(done.way));
  }
  if (!done.scripts.empty()) {
    text += fmt::format("install scripts were not run: {}; `npm rebuild` runs them\n", fmt::join(done.scripts, ", "));
  }
  return text;
}

}  // namespace

int run(const options& asked) {
  const auto start = std::chrono::steady_clock::now();
  complaints faults(false);
  try {
    treadle::pool_config config;
    config.name = "treadle-install";
    treadle::thread_pool pool(config);
    if (const std::error_code error = pool.start()) {
      faults.note("the thread pool cannot start: " + error.message());
      return 1;
    }
    installer installation(pool, asked, faults);
    const outcome done = installation.run();
    const double seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
    for (const auto& [name, why] : done.failed) faults.note(name + ": " + why);
    const std::string text = asked.wants_json ? as_json(done, seconds) : as_text(done, asked, seconds);
    fmt::print(stdout, "{}", text);
    if (std::fflush(stdout) != 0) {
      faults.note("standard output: " + std::generic_category().message(errno));
      return 1;
    }
    return done.failed.empty() ? 0 : 1;
  } catch (const std::exception& error) {
    faults.show_bar("");
    faults.note(error.what());
    return 1;
  }
}

}  // namespace tool::install
