#include "http_rows.hpp"

#include "row_parts.hpp"

#include <unistd.h>

#include <cstdlib>
#include <sstream>

namespace bench {

namespace {

/// Whether a program of that name is installed.
bool is_installed(const std::string& name) {
  const char* const path = std::getenv("PATH");
  std::istringstream folders(path == nullptr ? "" : path);
  for (std::string folder; std::getline(folders, folder, ':');) {
    if (access((folder + "/" + name).c_str(), X_OK) == 0) return true;
  }
  return false;
}

class http_row_maker {
 public:
  http_row_maker(const row_options& options, std::vector<row>& rows) : options_(options), rows_(rows) {}

  void make() {
    small();
    bulk("64KiB", 64 << 10, 2000, 500, {"us", 1e-3});
    bulk("50MiB", 50 << 20, 50, 5, {"ms", 1e-6});
    installs("cold", "warm=0", "with nothing in the cache");
    installs("warm", "warm=1", "from the cache, without a network");
  }

 private:
  struct unit {
    const char* name;
    double scale;
  };

  /// Each client by its name, with nginx before it; those that are ours stand behind `--`.
  static std::vector<contender> clients(const words& names, const words& arguments) {
    std::vector<contender> result;
    for (const std::string& name : names) {
      words command{"peer_web"};
      command.insert(command.end(), arguments.begin(), arguments.end());
      if (name == "treadle") {
        command.insert(command.end(), {"--", "peer_treadle_http"});
      } else if (name == "go" || name == "hyper") {
        command.insert(command.end(), {"--", "peer_" + name});
      } else if (is_installed(name == "curl_single" ? "curl" : name)) {
        command.push_back("client=" + name);
      } else {
        command.front().clear();
      }
      result.push_back({name, std::move(command), true});
    }
    return result;
  }

  [[nodiscard]] std::string number(const char* key, unsigned long full, unsigned long quick) const {
    return std::string(key) + "=" + std::to_string(options_.quick ? quick : full);
  }

  static std::vector<metric> figures(const unit& in) {
    return {{"wall_ns", "wall", in.name, in.scale, ""},
            {"cpu_ns", "CPU of the client", in.name, in.scale, ""},
            {"in_flight", "most in flight", "", 1, ""},
            peak};
  }

  void small() {
    const words arguments{"fetch", number("n", 20'000, 2'000), "bytes=4096", "cap=64", number("seconds", 2, 1)};
    rows_.push_back({"http/small/4KiB",
                     "20,000 x 4 KiB over HTTP, 64 in flight, from one nginx worker, a request",
                     figures({"us", 1e-3}),
                     clients({"treadle", "curl", "aria2c", "wget2", "go", "hyper", "wrk"}, arguments),
                     {{"wall_ns", 1 / 0.7, "wrk"},
                      {"wall_ns", 1 / 1.15, "go"},
                      {"wall_ns", 1 / 1.8, "curl"},
                      {"in_flight", 64, ""}}});
  }

  void bulk(const std::string& size, unsigned long bytes, unsigned long full, unsigned long quick, const unit& in) {
    const words arguments{"fetch", number("n", full, quick), "bytes=" + std::to_string(bytes), "cap=64", "tls=1"};
    std::vector<bar> bars{{"cpu_ns", 1.1, "curl_single"}, {"in_flight", 64, ""}};
    for (const char* rival : {"curl", "aria2c", "wget2", "go"}) bars.push_back({"wall_ns", 1, rival});
    rows_.push_back({"http/bulk/" + size,
                     std::to_string(full) + " x " + size.substr(0, 2) + " " + size.substr(2) +
                         " over HTTPS, 64 in flight, from one nginx worker, a request",
                     figures(in), clients({"treadle", "curl", "aria2c", "wget2", "go", "curl_single"}, arguments),
                     std::move(bars)});
  }

  void installs(const std::string& name, const std::string& form, const std::string& how) {
    const std::string bun = "1.4.5";  // pinned: others differ
    std::vector<contender> all;
    for (const char* client : {"treadle", "bun", "npm"}) {
      words command{"peer_web", "install",    std::string("client=") + client,
                    form,       "bun=" + bun, "registry=" + options_.data + "_registry"};
      if (client == std::string("treadle")) command.insert(command.end(), {"--", options_.tool});
      if (!is_installed("npm") || (client == std::string("treadle") && options_.tool.empty())) command.front().clear();
      all.push_back({client, std::move(command), true});
    }
    std::vector<bar> bars{{"wall_ns", 1, "bun"}, {"cpu_ns", 1, "bun"}, {"peak_kib", 1, "bun"}};
    if (name == "cold") bars.push_back({"wall_ns", 0.2, "npm"});
    rows_.push_back(
        {"install/" + name,
         "a lock file of react, typescript, eslint, webpack, express and lodash is installed " + how + ", bun " + bun,
         {wall_ms, cpu_ms, peak, {"requests", "requests", "", 1, ""}},
         std::move(all),
         std::move(bars)});
  }

  const row_options& options_;
  std::vector<row>& rows_;
};

}  // namespace

void add_http_rows(const row_options& options, std::vector<row>& rows) { http_row_maker(options, rows).make(); }

}  // namespace bench
