#pragma once

#include "contender.hpp"

#include <unistd.h>

#include <filesystem>

namespace bench {

struct thread_costs {
  std::uint64_t cpu_ns = 0;
  std::uint64_t switches = 0;
};

/// What all threads but the calling one have cost so far; the calling one only sleeps.
inline thread_costs costs_of_others() {
  thread_costs sum;
  const std::string self = std::to_string(gettid());
  for (const auto& thread : std::filesystem::directory_iterator("/proc/self/task")) {
    if (thread.path().filename() == self) continue;
    std::uint64_t ran = 0;
    if (std::ifstream(thread.path() / "schedstat") >> ran) sum.cpu_ns += ran;
    std::ifstream status(thread.path() / "status");
    for (std::string line; std::getline(status, line);) {
      const std::size_t colon = line.find("ctxt_switches:");
      if (colon != line.npos) sum.switches += std::strtoull(line.c_str() + colon + 14, nullptr, 10);
    }
  }
  return sum;
}

/// CPU time and context switches of a pool that has worked and has nothing to do any more.
inline void measure_idle(const request& asked, answer& given) {
  sleep_ns(asked.number("settle_ms", 100) * 1'000'000);
  const thread_costs before = costs_of_others();
  sleep_ns(asked.number("ms", 10'000) * 1'000'000);
  const thread_costs after = costs_of_others();
  given.add("idle_cpu_ms", static_cast<double>(after.cpu_ns - before.cpu_ns) / 1e6);
  given.add("switches", static_cast<double>(after.switches - before.switches));
}

}  // namespace bench
