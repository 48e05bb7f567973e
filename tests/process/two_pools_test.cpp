#include "child_process.hpp"

namespace treadle::test {
namespace {

class two_pools : public scenario {};

TEST_P(two_pools, do_not_deadlock) { expect_exit("two_pools", {GetParam()}); }

INSTANTIATE_TEST_SUITE_P(all, two_pools,
                         testing::Values("wait_on_each_other", "deep_chain_on_one_worker_each",
                                         "wait_on_each_other_without_spares", "run_on_each_other",
                                         "schedule_on_each_other", "drain_and_shut_down_from_the_other",
                                         "pool_inside_a_task", "end_while_they_use_each_other"),
                         &scenario::name);

}  // namespace
}  // namespace treadle::test
