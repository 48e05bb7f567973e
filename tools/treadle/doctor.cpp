#include "doctor.hpp"

#include "machine.hpp"
#include "text.hpp"

#include <treadle/version.hpp>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include <cerrno>
#include <cstdio>
#include <system_error>

namespace tool {

namespace {

std::string binary_size(std::uint64_t bytes) {
  if (bytes % (1 << 20) == 0) return fmt::format("{} MiB", bytes >> 20);
  return fmt::format("{} KiB", bytes >> 10);
}

std::string amount(std::uint64_t number, bool is_bytes = false) {
  if (number == UINT64_MAX) return "unlimited";
  return is_bytes ? binary_size(number) : with_commas(number);
}

std::string limit_text(const machine::limit& of, bool is_bytes = false) {
  if (of.now == of.most) return amount(of.now, is_bytes);
  return fmt::format("{} (up to {})", amount(of.now, is_bytes), amount(of.most, is_bytes));
}

std::string plural(std::uint32_t count, const char* one) {
  return fmt::format("{} {}{}", count, one, count == 1 ? "" : "s");
}

std::string topology_text(const machine& seen) {
  std::string text;
  if (!seen.knows_topology) return "topology: unknown, this treadle is built without hwloc\n";
  text += fmt::format("topology: {}, {}, {}, {}\n", plural(seen.packages, "package"), plural(seen.cores, "core"),
                      plural(seen.threads, "hardware thread"), plural(seen.numa_nodes, "NUMA node"));
  text += "caches:";
  for (const machine::cache& each : seen.caches) {
    text += fmt::format("{} L{} {} x {}", &each == seen.caches.data() ? "" : ",", each.level, each.count,
                        binary_size(each.bytes));
  }
  if (seen.caches.empty()) text += " unknown";
  if (seen.line_bytes != 0) text += fmt::format(", lines of {} bytes", seen.line_bytes);
  return text + '\n';
}

std::string as_text(const machine& seen, const std::vector<remark>& remarks) {
  std::string text = fmt::format("treadle {}\n", TREADLE_VERSION_STRING);
  text += fmt::format("system: {}\n", seen.system);
  text += fmt::format("CPUs: {} of {}\n", seen.available, seen.online);
  text += fmt::format("affinity: {}\n", seen.affinity.empty() ? "unknown" : seen.affinity);
  text += fmt::format(
      "quota: {}\n", seen.available < seen.allowed ? fmt::format("about {} CPUs", seen.available) : "none that limits");
  text += topology_text(seen);
  text += fmt::format("I/O: {}\n", seen.io_text);
  text +=
      fmt::format("io_uring: {}\n", seen.ring_features.empty() ? "not given by the system"
                                                               : fmt::format("{}", fmt::join(seen.ring_features, " ")));
  text += fmt::format("clock: {}, {:.0f} ns a look, timers are rounded to {} us\n",
                      seen.clock_source.empty() ? "unknown source" : seen.clock_source, seen.clock_ns,
                      seen.timer_slack_ns / 1000);
  text += fmt::format("barriers: {}\n", seen.has_barriers ? "membarrier" : "fences");
  text += fmt::format("open files: {}\n", limit_text(seen.files));
  text += fmt::format("processes: {}\n", limit_text(seen.processes));
  text += fmt::format("locked memory: {}\n", limit_text(seen.locked_bytes, true));
  text += fmt::format("stack: {}\n", limit_text(seen.stack_bytes, true));
  text += seen.pool_refused.empty() ? fmt::format("pool: {}, first task after {:.0f} us\n",
                                                  plural(seen.pool_width, "worker"), seen.pool_start_us)
                                    : fmt::format("pool: cannot work: {}\n", seen.pool_refused);
  for (const remark& each : remarks) {
    text += fmt::format("{}: {}; {}\n", each.is_problem ? "PROBLEM" : "remark", each.text, each.mend);
  }
  return text;
}

std::string as_json(const machine& seen, const std::vector<remark>& remarks, bool is_well) {
  using json = nlohmann::ordered_json;
  const auto limit = [](const machine::limit& of) {
    const auto number = [](std::uint64_t value) { return value == UINT64_MAX ? json() : json(value); };
    return json{{"now", number(of.now)}, {"most", number(of.most)}};
  };
  json caches = json::array(), notes = json::array();
  for (const machine::cache& each : seen.caches) {
    caches.push_back({{"level", each.level}, {"bytes", each.bytes}, {"count", each.count}});
  }
  for (const remark& each : remarks) {
    notes.push_back({{"problem", each.is_problem}, {"text", each.text}, {"mend", each.mend}});
  }
  json whole{
      {"treadle", TREADLE_VERSION_STRING},
      {"well", is_well},
      {"system", seen.system},
      {"cpus",
       {{"online", seen.online},
        {"affinity", seen.affinity},
        {"allowed", seen.allowed},
        {"available", seen.available}}},
      {"io",
       {{"text", seen.io_text},
        {"rings", seen.io.rings == treadle::io::backend::rings_for::nothing ? "nothing"
                  : seen.io.rings == treadle::io::backend::rings_for::files ? "files"
                                                                            : "everything"},
        {"refused", seen.io.refused ? json(seen.io.refused.message()) : json()},
        {"features", seen.ring_features}}},
      {"clock", {{"source", seen.clock_source}, {"look_ns", seen.clock_ns}, {"timer_slack_ns", seen.timer_slack_ns}}},
      {"membarrier", seen.has_barriers},
      {"limits",
       {{"open_files", limit(seen.files)},
        {"processes", limit(seen.processes)},
        {"locked_bytes", limit(seen.locked_bytes)},
        {"stack_bytes", limit(seen.stack_bytes)}}},
      {"pool",
       {{"workers", seen.pool_width},
        {"first_task_us", seen.pool_start_us},
        {"refused", seen.pool_refused.empty() ? json() : json(seen.pool_refused)}}},
      {"remarks", notes}};
  if (seen.knows_topology) {
    whole["topology"] = {{"packages", seen.packages},     {"cores", seen.cores},           {"threads", seen.threads},
                         {"numa_nodes", seen.numa_nodes}, {"line_bytes", seen.line_bytes}, {"caches", caches}};
  }
  return whole.dump(2, ' ', false, json::error_handler_t::replace) + '\n';
}

}  // namespace

int run_doctor(const doctor_options& options) {
  const machine seen = machine::look();
  const std::vector<remark> remarks = remarks_on(seen);
  bool is_well = !options.is_strict || remarks.empty();
  for (const remark& each : remarks) is_well &= !each.is_problem;
  const std::string text = options.wants_json ? as_json(seen, remarks, is_well) : as_text(seen, remarks);
  if (std::fputs(text.c_str(), stdout) < 0 || std::fflush(stdout) != 0) {
    fmt::print(stderr, "treadle: standard output: {}\n", std::generic_category().message(errno));
    return 1;
  }
  return is_well ? 0 : 1;
}

}  // namespace tool
