#include "child_process.hpp"

namespace treadle::test {
namespace {

class bad_config : public scenario {};

TEST_P(bad_config, is_no_hang) { expect_exit("bad_config", {GetParam()}); }

INSTANTIATE_TEST_SUITE_P(all, bad_config,
                         testing::Values("stack_too_small", "stack_too_large", "stack_odd", "stack_least",
                                         "too_many_threads", "zero_threads_means_the_default",
                                         "as_many_threads_as_possible", "no_spares", "no_such_cpu", "some_cpus",
                                         "pinned_worker_passes_nothing_on", "names", "durations", "queue_bounds"),
                         &scenario::name);

}  // namespace
}  // namespace treadle::test
