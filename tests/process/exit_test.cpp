#include "child_process.hpp"

#include <csignal>
#include <string>
#include <tuple>

namespace treadle::test {
namespace {

constexpr int exit_code = 7;

using parameters = std::tuple<const char*, const char*, const char*>;

std::string join_names(const testing::TestParamInfo<parameters>& info) {
  return std::string(std::get<0>(info.param)) + "__" + std::get<1>(info.param) + "__" + std::get<2>(info.param);
}

class exit_path : public testing::TestWithParam<parameters> {
 protected:
  static child_end run() {
    const auto& [state, way, mode] = GetParam();
    return run_program("exit_paths", {state, way, mode});
  }
};

/// A pool with static storage; main ends the process while the pool is in some state.
class orderly_exit : public exit_path {};
TEST_P(orderly_exit, runs_what_the_mode_promises) {
  const child_end end = run();
  ASSERT_FALSE(end.hung) << end.output;
  EXPECT_EQ(end.exit_code, exit_code) << "signal " << end.signal << "\n" << end.output;
}
INSTANTIATE_TEST_SUITE_P(all, orderly_exit,
                         testing::Combine(testing::Values("unused", "idle", "busy", "full", "chain"),
                                          testing::Values("return", "exit"), testing::Values("drain", "cancel")),
                         &join_names);

/// Ways that destroy nothing.
class sudden_exit : public exit_path {};
TEST_P(sudden_exit, is_not_held_up) {
  const child_end end = run();
  ASSERT_FALSE(end.hung) << end.output;
  EXPECT_EQ(end.exit_code, exit_code) << "signal " << end.signal << "\n" << end.output;
}
INSTANTIATE_TEST_SUITE_P(all, sudden_exit,
                         testing::Combine(testing::Values("idle", "busy", "full"),
                                          testing::Values("quick_exit", "_exit", "exec"), testing::Values("drain")),
                         &join_names);

class abnormal_exit : public exit_path {};
TEST_P(abnormal_exit, is_not_held_up) {
  const child_end end = run();
  ASSERT_FALSE(end.hung) << end.output;
  EXPECT_EQ(end.signal, SIGABRT) << "exit code " << end.exit_code << "\n" << end.output;
}
INSTANTIATE_TEST_SUITE_P(all, abnormal_exit,
                         testing::Combine(testing::Values("idle", "busy", "full"),
                                          testing::Values("abort", "terminate"), testing::Values("drain")),
                         &join_names);

/// exit() is called by a task: the pool is destroyed on its own worker.
class exit_in_task : public exit_path {};
TEST_P(exit_in_task, ends_the_process) {
  // Some of these are races, and each run is short.
  for (int round = 0; round < 5; ++round) {
    const child_end end = run();
    ASSERT_FALSE(end.hung) << end.output;
    ASSERT_EQ(end.exit_code, exit_code) << "signal " << end.signal << "\n" << end.output;
  }
}
INSTANTIATE_TEST_SUITE_P(all, exit_in_task,
                         testing::Combine(testing::Values("in_task", "in_only_task", "in_awaited_task",
                                                          "while_main_drains", "while_worker_waits",
                                                          "beside_endless_task", "beside_other_pool", "in_blocking",
                                                          "beside_blocked_worker", "in_default_pool"),
                                          testing::Values("exit"), testing::Values("drain", "cancel")),
                         &join_names);

}  // namespace
}  // namespace treadle::test
