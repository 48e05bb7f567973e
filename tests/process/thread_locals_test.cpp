#include "child_process.hpp"

namespace treadle::test {
namespace {

class thread_locals : public scenario {};

TEST_P(thread_locals, may_use_a_pool) { expect_exit("thread_locals", {GetParam()}); }

INSTANTIATE_TEST_SUITE_P(all, thread_locals,
                         testing::Values("schedule_at_retire", "wait_at_retire", "chain_over_retired_threads",
                                         "schedule_at_join", "use_other_pool_at_join", "pool_in_thread_local",
                                         "on_outside_thread", "on_main", "on_main_with_running_pool", "wait_on_main"),
                         &scenario::name);

}  // namespace
}  // namespace treadle::test
