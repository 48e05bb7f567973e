#include "child_process.hpp"

namespace treadle::test {
namespace {

class fork_child : public scenario {};

TEST_P(fork_child, behaves) { expect_exit("fork_child", {GetParam()}); }

INSTANTIATE_TEST_SUITE_P(all, fork_child,
                         testing::Values("started_pool_is_refused", "shut_down_pool_is_refused",
                                         "default_pool_is_refused", "strand_is_refused", "unstarted_pool_works",
                                         "destructor_does_nothing", "wait_for_inherited_future", "fork_in_task",
                                         "return_from_task_in_child", "child_of_child", "fork_storm",
                                         "fork_while_starting"),
                         &scenario::name);

}  // namespace
}  // namespace treadle::test
