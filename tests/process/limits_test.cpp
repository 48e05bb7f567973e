#include "child_process.hpp"

#include <treadle/config.hpp>

namespace treadle::test {
namespace {

class limits : public scenario {};

TEST_P(limits, are_lived_with) { expect_exit("limits", {GetParam()}); }

INSTANTIATE_TEST_SUITE_P(all, limits,
                         testing::Values("one_cpu", "no_files", "no_standard_streams", "no_processes",
                                         "no_address_space", "vast_stack"),
                         &scenario::name);

#if !(TREADLE_THREAD_SANITIZER && defined(__clang__))  // which lets nobody replace operator new
INSTANTIATE_TEST_SUITE_P(memory, limits, testing::Values("no_memory_to_start", "no_memory_for_a_worker"),
                         &scenario::name);
#endif

}  // namespace
}  // namespace treadle::test
