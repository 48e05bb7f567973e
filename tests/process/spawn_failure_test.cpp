#include "child_process.hpp"

namespace treadle::test {
namespace {

class spawn_failure : public scenario {};

TEST_P(spawn_failure, loses_nothing) { expect_exit("spawn_failure", {GetParam()}); }

INSTANTIATE_TEST_SUITE_P(all, spawn_failure,
                         testing::Values("drain_without_threads", "run_without_threads", "wait_without_threads",
                                         "nest_without_threads", "end_without_threads", "cancel_without_threads",
                                         "many_waiters_without_threads", "exit_without_threads", "first_is_refused",
                                         "nth_is_refused", "refused_for_a_while", "one_worker_carries_all",
                                         "spare_is_refused", "spare_never_comes", "refused_at_random"),
                         &scenario::name);

}  // namespace
}  // namespace treadle::test
