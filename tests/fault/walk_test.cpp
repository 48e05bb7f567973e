#include "injector.hpp"
#include "scenarios.hpp"
#include <limits.hpp>

#include <gtest/gtest.h>

#if defined(TREADLE_FAULTS)

#include <treadle/detail/system_policy.hpp>

#include <fcntl.h>
#include <sys/file.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cstdint>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <map>
#include <set>
#include <sstream>
#include <string>

// Fails the first, the second, ... the last use of each call to the system and of operator new in each scenario, once
// and from then on, each in a process of its own.

namespace treadle::test {
namespace {

/// Uses that are walked of a call whose number is that of the waits, which no two runs have in common.
constexpr std::uint64_t most_uses = 40;

struct outcome {
  bool fired = false;
  std::string fault;
};

std::size_t count_handles() {
  const std::filesystem::directory_iterator handles("/proc/self/fd");
  return static_cast<std::size_t>(std::distance(begin(handles), end(handles)));
}

/// In the child: exit status 0 if the fault struck, 1 if not, anything else is a failure.
[[noreturn]] void run_one(const fault_scenario& chosen, const injector::point& where, std::uint64_t k, bool and_on) {
  std::signal(SIGALRM, SIG_DFL);
  alarm(20);
  const std::size_t handles = count_handles();
  const std::int64_t objects = injector::live_objects();
  injector::arm(where, k, and_on);
  try {
    chosen.run();
  } catch (...) {
    dprintf(2, "an exception got out\n");
    _exit(97);
  }
  const bool fired = injector::has_fired();
  injector::disarm();
  if (chosen.leaves_nothing && injector::live_objects() != objects) {
    dprintf(2, "%lld objects are left\n", static_cast<long long>(injector::live_objects() - objects));
    _exit(98);
  }
  if (count_handles() != handles) {
    dprintf(2, "handles are left\n");
    _exit(98);
  }
  _exit(fired ? 0 : 1);
}

outcome fork_and_run(const fault_scenario& chosen, const injector::point& where, std::uint64_t k, bool and_on) {
  std::array<int, 2> said{};
  if (pipe(said.data()) != 0) return {false, "no pipe"};
  const pid_t child = fork();
  if (child == 0) {
    dup2(said[1], 2);
    close(said[0]);
    close(said[1]);
    run_one(chosen, where, k, and_on);
  }
  close(said[1]);
  outcome result;
  std::array<char, 4096> bytes{};
  for (ssize_t count; (count = read(said[0], bytes.data(), bytes.size())) > 0;) {
    result.fault.append(bytes.data(), static_cast<std::size_t>(count));
  }
  close(said[0]);
  int status = 0;
  if (child < 0 || waitpid(child, &status, 0) != child) return {false, "no child"};
  if (WIFSIGNALED(status)) {
    result.fault += WTERMSIG(status) == SIGALRM ? "hangs" : "signal " + std::to_string(WTERMSIG(status));
    return result;
  }
  result.fired = WEXITSTATUS(status) == 0;
  if (WEXITSTATUS(status) <= 1) return {result.fired, ""};
  result.fault += "status " + std::to_string(WEXITSTATUS(status));
  return result;
}

/// What was walked in one scenario, by point.
struct walked {
  std::uint64_t calls = 0, failures = 0, points = 0;

  walked& operator+=(const walked& more) {
    calls += more.calls;
    failures += more.failures;
    points += more.points;
    return *this;
  }
};

std::string listed(const std::map<std::string, walked>& all, bool with_points) {
  std::ostringstream list;
  for (const auto& [name, each] : all) {
    list << (list.tellp() > 0 ? ",\n" : "") << "    \"" << name << "\": {";
    if (with_points) list << "\"points\": " << each.points << ", ";
    list << "\"calls\": " << each.calls << ", \"failures\": " << each.failures << "}";
  }
  return list.str();
}

/// Held by one process at a time, for the tests of several scenarios run side by side.
class report_lock {
 public:
  explicit report_lock(const std::string& path) : file_(open(path.c_str(), O_CREAT | O_RDWR | O_CLOEXEC, 0644)) {
    EXPECT_TRUE(file_ >= 0 && flock(file_, LOCK_EX) == 0);
  }
  report_lock(const report_lock&) = delete;
  report_lock& operator=(const report_lock&) = delete;
  ~report_lock() { close(file_); }

 private:
  const int file_;
};

/// One file a scenario, for each test is a process of its own; together they are build/<preset>/tests/fault_report.json.
void write_report(const std::string& scenario, const std::map<std::string, walked>& points) {
  namespace fs = std::filesystem;
  const fs::path folder(TREADLE_FAULT_REPORT_DIR);
  fs::create_directories(folder / "fault_report");
  const report_lock held(folder / "fault_report.lock");
  {
    std::ofstream part(folder / "fault_report" / scenario);
    for (const auto& [name, each] : points) part << name << ' ' << each.calls << ' ' << each.failures << '\n';
  }
  std::map<std::string, walked> by_point, by_scenario;
  walked all;
  for (const auto& part : fs::directory_iterator(folder / "fault_report")) {
    std::ifstream in(part.path());
    std::string name;
    for (walked each; in >> name >> each.calls >> each.failures;) {
      each.points = 1;
      all += each;
      by_point[name] += each;
      by_scenario[part.path().filename().string()] += each;
    }
  }
  std::ofstream(folder / "fault_report.json")
      << "{\n  \"scenarios\": " << by_scenario.size() << ",\n  \"points\": " << by_point.size()
      << ",\n  \"calls\": " << all.calls << ",\n  \"failures\": " << all.failures << ",\n  \"by_scenario\": {\n"
      << listed(by_scenario, true) << "\n  },\n  \"by_point\": {\n"
      << listed(by_point, false) << "\n  }\n}\n";
}

class fault_walk : public testing::TestWithParam<fault_scenario> {
 protected:
  /// Walks one point until a use of that number does not come up any more.
  walked walk(const injector::point& where, bool and_on) {
    walked done;
    for (std::uint64_t k = 1; k <= most_uses; ++k) {
      const outcome result = fork_and_run(GetParam(), where, k, and_on);
      if (!result.fault.empty()) {
        ++done.failures;
        ADD_FAILURE() << where.name << " number " << k << (and_on ? " and on: " : ": ") << result.fault;
      }
      if (!result.fired) break;
      ++done.calls;
    }
    return done;
  }
};

TEST_P(fault_walk, each_call_fails_in_turn) {
  alarm(static_cast<unsigned>(1'200 * test_scale()));
#if defined(TREADLE_CHAOS)
  detail::chaos_one_in = 0;
#endif
  std::map<std::string, walked> points;
  for (const injector::point& where : injector::all_points()) {
    if (where.io_only && !GetParam().does_io) continue;
    for (const bool and_on : {false, true}) {
      if (and_on && !where.lasts) continue;
      const walked done = walk(where, and_on);
      if (done.calls + done.failures == 0) continue;
      points[where.name] += done;
    }
  }
  EXPECT_GE(points.size(), 3u) << "the scenario uses nothing that can fail";
  write_report(GetParam().name, points);
}

std::string scenario_name(const testing::TestParamInfo<fault_scenario>& info) { return info.param.name; }

INSTANTIATE_TEST_SUITE_P(all, fault_walk, testing::ValuesIn(fault_scenarios()), &scenario_name);
INSTANTIATE_TEST_SUITE_P(coro, fault_walk, testing::ValuesIn(coro_fault_scenarios()), &scenario_name);
INSTANTIATE_TEST_SUITE_P(io, fault_walk, testing::ValuesIn(io_fault_scenarios()), &scenario_name);
INSTANTIATE_TEST_SUITE_P(files, fault_walk, testing::ValuesIn(file_fault_scenarios()), &scenario_name);

/// The walk itself must notice: a scenario that hangs, leaks or loses something is a failure.
TEST(fault_walk_itself, notices_what_is_wrong) {
  const injector::point& where = injector::all_points().back();
  const fault_scenario leaks{"leaks", [] { static_cast<void>(*new int(1)); }};
  EXPECT_NE(fork_and_run(leaks, where, 100, false).fault, "");
  const fault_scenario crashes{"crashes", [] { std::abort(); }};
  EXPECT_NE(fork_and_run(crashes, where, 100, false).fault, "");
  const fault_scenario hangs{"hangs", [] {
                               alarm(1);
                               pause();
                             }};
  EXPECT_EQ(fork_and_run(hangs, where, 100, false).fault, "hangs");
  const fault_scenario harmless{"harmless", [] { delete new int(1); }};
  EXPECT_EQ(fork_and_run(harmless, where, 100, false).fault, "");
  EXPECT_FALSE(fork_and_run(harmless, where, 100, false).fired);
}

}  // namespace

void PrintTo(const fault_scenario& scenario, std::ostream* out) { *out << scenario.name; }

}  // namespace treadle::test

#endif
