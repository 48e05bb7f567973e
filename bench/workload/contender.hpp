#pragma once

#include "clock.hpp"

#include <sched.h>
#include <sys/prctl.h>

#include <algorithm>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <initializer_list>
#include <map>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace bench {

/// What a contender is asked for on its command line: `ROW key=value ... [-- COMMAND...]`.
class request {
 public:
  request(int argc, char** argv) : row_(argc > 1 ? argv[1] : "") {
    for (int i = 2; i < argc; ++i) {
      const std::string_view word = argv[i];
      if (word == "--") {
        command_.assign(argv + i + 1, argv + argc);
        break;
      }
      const std::size_t equals = word.find('=');
      if (equals != word.npos) values_[std::string(word.substr(0, equals))] = word.substr(equals + 1);
    }
  }

  [[nodiscard]] const std::string& row() const { return row_; }
  [[nodiscard]] std::uint64_t number(const std::string& key, std::uint64_t otherwise) const {
    const auto found = values_.find(key);
    return found == values_.end() ? otherwise : std::strtoull(found->second.c_str(), nullptr, 10);
  }
  [[nodiscard]] std::string text(const std::string& key, const std::string& otherwise) const {
    const auto found = values_.find(key);
    return found == values_.end() ? otherwise : found->second;
  }
  [[nodiscard]] unsigned workers() const { return static_cast<unsigned>(number("workers", 2)); }
  /// The command of another program that takes part, if there is one.
  [[nodiscard]] const std::vector<std::string>& command() const { return command_; }

 private:
  std::string row_;
  std::vector<std::string> command_;
  std::map<std::string, std::string> values_;
};

/// What it answers: lines of `name value` on its standard output.
class answer {
 public:
  void add(const char* name, double value) { std::printf("%s %.3f\n", name, value); }
};

/// One row that a contender offers.
struct entry {
  std::string_view row;
  void (*run)(const request&, answer&);
};

/// Exit status that tells the harness that this contender does not offer the row.
inline constexpr int not_offered = 3;

/// Peak resident set of this process, from its own /proc entry: what getrusage says may stem from the parent.
inline double peak_kib() {
  std::ifstream status("/proc/self/status");
  for (std::string line; std::getline(status, line);) {
    if (line.starts_with("VmHWM:")) return std::strtod(line.c_str() + 6, nullptr);
  }
  return 0;
}

/// Finds the asked row in the tables, runs it and leaves at once: how a pool shuts down belongs to no row.
[[noreturn]] inline void serve_any(int argc, char** argv, std::initializer_list<std::span<const entry>> tables) {
  const request asked(argc, argv);
  for (const std::span<const entry>& table : tables) {
    for (const entry& offered : table) {
      if (offered.row != asked.row()) continue;
      answer given;
      offered.run(asked, given);
      given.add("peak_kib", peak_kib());
      std::fflush(stdout);
      std::_Exit(0);
    }
  }
  std::_Exit(not_offered);
}
[[noreturn]] inline void serve(int argc, char** argv, std::span<const entry> table) { serve_any(argc, argv, {table}); }

/// Makes the compiler believe that `value` is needed.
template <class T>
void keep(const T& value) {
  asm volatile("" : : "g"(value) : "memory");
}

/// Runs `once` as warm-up, then `reps` times, and answers the median wall and CPU time of an operation.
/// `before` prepares each run outside the clock.
template <class Before, class Once>
void measure(const request& asked, answer& given, std::uint64_t operations, Before before, Once once) {
  const std::uint64_t reps = asked.number("reps", 3);
  std::vector<double> walls;
  std::vector<double> cpus;
  for (std::uint64_t i = 0; i <= reps; ++i) {
    before();
    const std::uint64_t cpu = cpu_ns();
    const std::uint64_t wall = wall_ns();
    once();
    const std::uint64_t wall_spent = wall_ns() - wall;
    const std::uint64_t cpu_spent = cpu_ns() - cpu;
    if (i == 0 && reps != 0) continue;
    walls.push_back(static_cast<double>(wall_spent) / static_cast<double>(operations));
    cpus.push_back(static_cast<double>(cpu_spent) / static_cast<double>(operations));
  }
  const auto median = [](std::vector<double>& values) {
    std::sort(values.begin(), values.end());
    return values[values.size() / 2];
  };
  given.add("wall_ns", median(walls));
  given.add("cpu_ns", median(cpus));
}

template <class Once>
void measure(const request& asked, answer& given, std::uint64_t operations, Once once) {
  measure(
      asked, given, operations, [] {}, once);
}

/// Processors of a pinning: `same` puts submitter and workers on the first, `across` the workers on the second.
inline void pin_to(std::size_t processor) noexcept {
  cpu_set_t set;
  CPU_ZERO(&set);
  CPU_SET(processor, &set);
  sched_setaffinity(0, sizeof set, &set);
}

/// Pins the calling thread as the workers shall be, because threads inherit the mask of the one that starts them.
inline void pin_as_worker(const request& asked) {
  const std::string pin = asked.text("pin", "none");
  if (pin == "same") pin_to(0);
  if (pin == "across") pin_to(1);
}

/// Pins the calling thread as the submitter shall be, once the workers exist; its sleeps become exact to 1 ns.
inline void pin_as_submitter(const request& asked) {
  if (asked.text("pin", "none") != "none") pin_to(0);
  prctl(PR_SET_TIMERSLACK, 1UL);
}

}  // namespace bench
