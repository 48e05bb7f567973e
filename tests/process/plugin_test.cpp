#include "child_process.hpp"

namespace treadle::test {
namespace {

class plugin : public scenario {};

TEST_P(plugin, that_holds_a_pool_can_be_unloaded) { expect_exit("plugin_host", {GetParam()}); }

INSTANTIATE_TEST_SUITE_P(all, plugin,
                         testing::Values("cancel_at_unload", "drain_at_unload", "fork_after_unload", "unload_in_child"),
                         &scenario::name);

}  // namespace
}  // namespace treadle::test
