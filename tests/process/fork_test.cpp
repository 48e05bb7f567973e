#include "child_process.hpp"
#include <limits.hpp>

namespace treadle::test {
namespace {

class fork_child : public scenario {};

TEST_P(fork_child, behaves) { expect_exit("fork_child", {GetParam()}); }

INSTANTIATE_TEST_SUITE_P(all, fork_child,
                         testing::Values("started_pool_is_refused", "shut_down_pool_is_refused",
                                         "default_pool_is_refused", "strand_is_refused", "unstarted_pool_works",
                                         "destructor_does_nothing", "wait_for_inherited_future", "sleeping_coroutine",
                                         "fork_in_task", "return_from_task_in_child", "child_of_child",
                                         "fork_while_starting"),
                         &scenario::name);

#if TREADLE_TEST_SLOW_FACTOR == 1
// A child inherits the locks of a sanitizer's allocator as they are, which those of the C library survive: only there can
// other threads be as wild as can be.
INSTANTIATE_TEST_SUITE_P(wild, fork_child, testing::Values("fork_storm"), &scenario::name);
#endif

}  // namespace
}  // namespace treadle::test
