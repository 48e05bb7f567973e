#include "child_process.hpp"

namespace treadle::test {
namespace {

class signals : public scenario {};

TEST_P(signals, disturb_nothing) { expect_exit("signals", {GetParam()}); }

INSTANTIATE_TEST_SUITE_P(all, signals,
                         testing::Values("parked_workers", "parked_workers_with_restart", "waiters",
                                         "waiters_with_restart", "everything", "everything_with_restart",
                                         "nothing_is_changed"),
                         &scenario::name);

}  // namespace
}  // namespace treadle::test
