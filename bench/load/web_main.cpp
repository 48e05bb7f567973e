// The rows with HTTP: starts nginx on one processor, then a client on another, and says what that has cost. In the rows
// with installations both run anywhere.
#include "../workload/contender.hpp"
#include "web.hpp"
#include "web_clients.hpp"
#include "web_install.hpp"

#include <cstdio>
#include <cstdlib>
#include <exception>
#include <fstream>
#include <stdexcept>
#include <string>

namespace {

using bench::answer;
using bench::request;

constexpr int server_processor = 0;
constexpr int client_processor = 1;

void write_file(const std::filesystem::path& name, std::uint64_t bytes) {
  std::string text(bytes, '\0');
  std::uint32_t state = 1;
  for (char& each : text) each = static_cast<char>((state = state * 1'664'525 + 1'013'904'223) >> 24);
  std::ofstream(name, std::ios::binary) << text;
}

/// The line `N requests in ...` that wrk writes.
std::uint64_t requests_of_wrk(const std::string& output) {
  const std::size_t end = output.find(" requests in ");
  if (end == output.npos) return 0;
  return std::strtoull(output.c_str() + output.rfind('\n', end) + 1, nullptr, 10);
}

void fetch(const request& asked, answer& given) {
  const load::scratch_folder scratch(load::scratch_folder::place::memory);
  load::fetch_job job;
  job.count = asked.number("n", 1000);
  job.bytes = asked.number("bytes", 4096);
  job.cap = asked.number("cap", 64);
  job.seconds = asked.number("seconds", 2);
  write_file(scratch.path() / "file", job.bytes);
  const bool has_tls = asked.number("tls", 0) != 0;
  // Each URL is another one, because some clients fetch none twice.
  const std::string locations = "root " + scratch.path().string() + ";\nlocation /files/ { try_files /file =404; }\n";
  load::web_server served(scratch.path(), has_tls, locations, server_processor);
  job.origin = served.origin();
  if (has_tls) job.certificate = served.certificate();
  const std::string client = asked.text("client", "own");
  const auto command = load::client_command(client, asked.command(), job, scratch.path());
  if (command.empty()) throw load::not_here("no client " + client);
  const load::run_costs costs = load::run_to_end(command, client_processor, scratch.path() / "output");
  const load::web_seen seen = served.stop();
  const bool counts_by_time = client == "wrk";
  const std::uint64_t done = counts_by_time ? requests_of_wrk(costs.output) : job.count;
  if (costs.status == 127) throw load::not_here("no " + client);
  if (costs.status != 0 || done == 0 || seen.answers < done) {
    throw std::runtime_error(client + " ended with " + std::to_string(costs.status) + ", and nginx has answered " +
                             std::to_string(seen.answers) + " of " + std::to_string(done) + " requests");
  }
  const double wall_ns = counts_by_time ? static_cast<double>(job.seconds) * 1e9 : costs.wall_ns;
  given.add("wall_ns", wall_ns / static_cast<double>(done));
  given.add("cpu_ns", costs.cpu_ns / static_cast<double>(done));
  given.add("in_flight", static_cast<double>(seen.most_connections));
  given.add("peak_kib", costs.peak_kib);
}

constexpr bench::entry rows[] = {{"fetch", fetch}, {"install", load::install}};

}  // namespace

int main(int argc, char** argv) try {
  const request asked(argc, argv);
  for (const bench::entry& offered : rows) {
    if (offered.row != asked.row()) continue;
    answer given;
    offered.run(asked, given);
    return 0;
  }
  return bench::not_offered;
} catch (const load::not_here& error) {
  std::fprintf(stderr, "peer_web: %s\n", error.what());
  return bench::not_offered;
} catch (const std::exception& error) {
  std::fprintf(stderr, "peer_web: %s\n", error.what());
  return 2;
}
