#include "../process/child_process.hpp"

#include <gtest/gtest.h>

#include <csignal>
#include <cstdlib>
#include <string>
#include <tuple>

// A finished program under a worse system: a shim before its C library, filters in the kernel, control groups, stalled
// threads, and ends at random instants.

namespace treadle::test {
namespace {

constexpr const char* victim = "tests/fault/fault_victim";
constexpr int cannot = 77;

void expect_survives(const std::string& scenario) {
  const child_end end = run_program(victim, {scenario}, patience * 2);
  ASSERT_TRUE(end.started);
  if (end.exit_code == cannot) GTEST_SKIP() << "this machine does not allow it";
  EXPECT_FALSE(end.hung) << "it hangs\n" << end.output;
  EXPECT_EQ(end.exit_code, 0) << "signal " << end.signal << "\n" << end.output;
}

class worse_system : public scenario {};
TEST_P(worse_system, is_lived_with) { expect_survives(GetParam()); }
INSTANTIATE_TEST_SUITE_P(all, worse_system,
                         testing::Values("work", "membarrier_EPERM", "membarrier_ENOSYS", "membarrier_later",
                                         "sched_setaffinity_EPERM", "sched_setaffinity_ENOSYS",
                                         "sched_getaffinity_ENOSYS", "io_uring_EPERM", "few_pids", "tenth_of_a_cpu",
                                         "naps_in_handlers", "naps_in_handlers_with_restart", "stopped_and_continued",
                                         "outsiders_come_and_go"),
                         &scenario::name);

// ---- the shim ------------------------------------------------------------------------------------------------------

class shim {
 public:
  explicit shim(const char* what) {
    setenv("LD_PRELOAD", TREADLE_FAULT_SHIM, 1);
    setenv("TREADLE_SHIM", what, 1);
  }
  shim(const shim&) = delete;
  shim& operator=(const shim&) = delete;
  ~shim() {
    unsetenv("LD_PRELOAD");
    unsetenv("TREADLE_SHIM");
  }
};

struct shim_case {
  const char* name;
  const char* what;
  const char* scenario;
};

std::string case_name(const testing::TestParamInfo<shim_case>& info) { return info.param.name; }
void PrintTo(const shim_case& chosen, std::ostream* out) { *out << chosen.what; }

class under_shim : public testing::TestWithParam<shim_case> {};
TEST_P(under_shim, works_on) {
  const shim before(GetParam().what);
  expect_survives(GetParam().scenario);
}
INSTANTIATE_TEST_SUITE_P(all, under_shim,
                         testing::Values(shim_case{"no_threads", "threads=1", "work"},
                                         shim_case{"every_second_thread", "threads=2", "work"},
                                         shim_case{"every_third_thread", "threads=3", "work"},
                                         shim_case{"storm_of_futexes", "futex=1", "work"},
                                         shim_case{"every_second_wait", "futex=2", "work"},
                                         shim_case{"no_membarrier", "membarrier=1", "work"},
                                         shim_case{"membarrier_at_times", "membarrier=7", "work"},
                                         shim_case{"no_affinity", "affinity=1", "work"},
                                         shim_case{"handlers_at_second_try", "atfork=1", "fork_then_work"},
                                         shim_case{"handlers_never", "no_atfork=1", "no_fork_handlers"},
                                         shim_case{"all_at_once", "threads=3,futex=2,membarrier=5,affinity=2", "work"}),
                         &case_name);

#ifdef TREADLE_FAULT_TOOL

/// Short and interrupted reads change no sum.
TEST(hash_under_shim, short_reads_change_nothing) {
  const std::string tree = TREADLE_FAULT_TREE;
  const child_end plain = run_program(TREADLE_FAULT_TOOL, {"hash", tree}, patience * 2);
  ASSERT_EQ(plain.exit_code, 0) << plain.output;
  ASSERT_GT(plain.output.size(), 1'000u);
  for (const char* const what : {"reads=1", "reads=2", "reads=3,threads=2,futex=2"}) {
    const shim before(what);
    const child_end disturbed = run_program(TREADLE_FAULT_TOOL, {"hash", tree}, patience * 2);
    EXPECT_EQ(disturbed.exit_code, 0);
    EXPECT_EQ(disturbed.output, plain.output) << what;
  }
}

#endif

// ---- ends ----------------------------------------------------------------------------------------------------------

using end_parameters = std::tuple<const char*, const char*>;

std::string end_name(const testing::TestParamInfo<end_parameters>& info) {
  return std::string(std::get<0>(info.param)) + "__" + std::get<1>(info.param);
}

class end_at_random : public testing::TestWithParam<end_parameters> {};
TEST_P(end_at_random, is_an_end) {
  const auto& [way, place] = GetParam();
  for (std::size_t round = 0; round < 15 * test_scale(); ++round) {
    const child_end end = run_program(victim, {"end", way, place});
    ASSERT_FALSE(end.hung) << end.output;
    if (std::string(way) == "abort") {
      ASSERT_EQ(end.signal, SIGABRT) << "exit code " << end.exit_code << "\n" << end.output;
    } else {
      ASSERT_EQ(end.exit_code, 0) << "signal " << end.signal << "\n" << end.output;
    }
  }
}
INSTANTIATE_TEST_SUITE_P(all, end_at_random,
                         testing::Combine(testing::Values("exit", "quick_exit", "_exit", "abort", "exec"),
                                          testing::Values("on_main", "in_task")),
                         &end_name);

}  // namespace
}  // namespace treadle::test
