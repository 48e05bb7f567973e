// The client of all rows with a server: starts the one that stands behind `--`, puts load on it, says what it used.
#include "../workload/contender.hpp"
#include "clients.hpp"
#include "server.hpp"

#include <sched.h>

#include <algorithm>
#include <vector>

namespace {

using bench::answer;
using bench::request;

constexpr int server_processor = 0;
constexpr std::size_t client_processor = 1;

std::uint64_t ms(const request& asked, const char* key, std::uint64_t otherwise) {
  return asked.number(key, otherwise) * 1'000'000;
}

/// Every connection sends again as soon as its answer is there; the server has a processor to itself.
void echo(const request& asked, answer& given) {
  const load::server served(asked.command(), server_processor);
  bench::pin_to(client_processor);
  load::clients all(served.port(), asked.number("connections", 1), asked.number("bytes", 64));
  all.round_trip();
  std::uint64_t done = 0;
  for (std::size_t i = 0; i < all.size(); ++i) all.send(i);
  const auto run_until = [&](std::uint64_t end) {
    std::uint64_t now = bench::wall_ns();
    for (; now < end; now = bench::wall_ns()) {
      all.receive(end, [&](std::size_t index) {
        ++done;
        all.send(index);
      });
    }
    return now;
  };
  const std::uint64_t begin = run_until(bench::wall_ns() + ms(asked, "warm_ms", 100));
  const load::server_costs before = served.costs();
  done = 0;
  const std::uint64_t end = run_until(begin + ms(asked, "ms", 500));
  const load::server_costs after = served.costs();
  const auto requests = static_cast<double>(done);
  given.add("cpu_ns", (after.cpu_ns - before.cpu_ns) / requests);
  given.add("user_ns", (after.user_ns - before.user_ns) / requests);
  given.add("wall_ns", static_cast<double>(end - begin) / requests);
  given.add("switches", (after.switches - before.switches) / requests);
}

/// A message each `period_us`, on schedule whether the last one is back or not: the times are counted from when a
/// message was due. The server computes beside.
void bound(const request& asked, answer& given) {
  const load::server served(asked.command(), load::server::anywhere);
  // So that it is the server's delay that is measured. Without the right to, the figures are those of both.
  const sched_param first{1};
  sched_setscheduler(0, SCHED_FIFO, &first);
  prctl(PR_SET_TIMERSLACK, 1UL);
  load::clients all(served.port(), asked.number("connections", 32), asked.number("bytes", 64));
  all.round_trip();
  const std::uint64_t period = asked.number("period_us", 250) * 1000;
  const std::uint64_t begin = bench::wall_ns() + 1'000'000;
  const std::uint64_t counted = begin + ms(asked, "warm_ms", 200);
  const std::uint64_t end = counted + ms(asked, "ms", 1000);
  std::vector<std::uint64_t> due(all.size(), 0);  // 0: this connection waits for nothing
  std::vector<double> delays;
  delays.reserve((end - counted) / period + 1);
  std::size_t waiting = 0, free = 0;
  for (std::uint64_t next = begin; next < end || waiting != 0;) {
    for (const std::uint64_t now = bench::wall_ns(); next <= now && next < end && waiting < all.size();
         next += period) {
      while (due[free] != 0) free = (free + 1) % all.size();
      due[free] = next;
      ++waiting;
      all.send(free);
    }
    // With all connections waiting, what is due is sent late, and its time counts from when it was due.
    all.receive(next < end && waiting < all.size() ? next : UINT64_MAX, [&](std::size_t index) {
      if (due[index] >= counted) delays.push_back(static_cast<double>(bench::wall_ns() - due[index]));
      due[index] = 0;
      --waiting;
    });
  }
  std::sort(delays.begin(), delays.end());
  const auto at = [&](double part) {
    return delays[static_cast<std::size_t>(part * static_cast<double>(delays.size()))];
  };
  given.add("p50_ns", at(0.5));
  given.add("p99_ns", at(0.99));
  given.add("p999_ns", at(0.999));
}

/// Connections that say nothing, after one message each.
void idle(const request& asked, answer& given) {
  const load::server served(asked.command(), load::server::anywhere);
  const std::uint64_t count = asked.number("connections", 10'000);
  load::clients first(served.port(), 1, asked.number("bytes", 64));
  first.round_trip();
  const load::server_costs alone = served.costs();
  load::clients all(served.port(), count, asked.number("bytes", 64));
  all.round_trip();
  bench::sleep_ns(ms(asked, "settle_ms", 300));
  const load::server_costs before = served.costs();
  bench::sleep_ns(ms(asked, "ms", 3000));
  const load::server_costs after = served.costs();
  given.add("memory_bytes", (before.memory_bytes - alone.memory_bytes) / static_cast<double>(count));
  given.add("idle_cpu_ms", (after.cpu_ns - before.cpu_ns) / 1e6);
  given.add("switches", after.switches - before.switches);
}

constexpr bench::entry rows[] = {{"echo", echo}, {"bound", bound}, {"idle", idle}};

}  // namespace

int main(int argc, char** argv) {
  const request asked(argc, argv);
  for (const bench::entry& offered : rows) {
    if (offered.row != asked.row()) continue;
    answer given;
    offered.run(asked, given);
    return 0;
  }
  return bench::not_offered;
}
