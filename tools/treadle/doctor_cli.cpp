#include "doctor_cli.hpp"

#include "hash_cli.hpp"
#include "text.hpp"

#include <fmt/format.h>

namespace tool {

namespace {

constexpr const char* footer =
    R"(What is looked up: CPUs by affinity and quota, caches and NUMA nodes, io_uring and why not, the clock, limits,
and whether a pool starts and runs a task. Each remark says what to do about it.

Exit status: 0 treadle works here; 1 it does not, or with --strict not as well as it could; 2 bad options.

Examples:
  treadle doctor
  treadle doctor --strict || echo "this machine is not set up"
  treadle doctor --json | jq .remarks
)";

}  // namespace

doctor_cli::doctor_cli(CLI::App& app)
    : command_(app.add_subcommand("doctor", "Say what treadle finds on this machine")) {
  command_->footer(footer);
  command_->add_flag("--json", asked_.wants_json, "print one JSON object");
  command_->add_flag("--strict", asked_.is_strict, "let remarks count as problems");
}

doctor_options doctor_cli::options(const std::vector<std::string>& paths) const {
  if (!paths.empty()) throw bad_option(fmt::format("doctor takes no '{}'", readable(paths.front())));
  return asked_;
}

}  // namespace tool
