#include <limits.hpp>

#include <treadle/errc.hpp>

#include <gtest/gtest.h>

#include <array>
#include <set>
#include <string>
#include <system_error>
#include <type_traits>

namespace treadle::test {
namespace {

constexpr std::array all_codes{errc::shut_down,        errc::queue_full,        errc::would_deadlock,
                               errc::cancelled,        errc::inherited_by_fork, errc::bad_stack_size,
                               errc::too_many_threads, errc::bad_cpu,           errc::bad_name,
                               errc::out_of_memory,    errc::graph_cycle,       errc::graph_has_no_source,
                               errc::graph_is_running, errc::foreign_node,      errc::timed_out};

TEST(errc, each_code_has_a_message_of_its_own) {
  std::set<std::string> messages;
  for (const errc code : all_codes) {
    const std::error_code error = code;
    EXPECT_TRUE(static_cast<bool>(error));
    EXPECT_EQ(&error.category(), &error_category());
    EXPECT_EQ(error, make_error_code(code));
    EXPECT_EQ(error.value(), static_cast<int>(code));
    EXPECT_TRUE(messages.insert(error.message()).second) << error.message();
    EXPECT_EQ(error.message().find("unknown"), std::string::npos);
  }
  EXPECT_STREQ(error_category().name(), "treadle");
  EXPECT_NE(error_category().message(12'345).find("12345"), std::string::npos);
}

TEST(errc, compares_with_what_the_standard_has) {
  static_assert(std::is_error_code_enum_v<errc>);
  EXPECT_EQ(std::error_code(errc::would_deadlock), std::errc::resource_deadlock_would_occur);
  EXPECT_EQ(std::error_code(errc::cancelled), std::errc::operation_canceled);
  EXPECT_EQ(std::error_code(errc::queue_full), std::errc::resource_unavailable_try_again);
  EXPECT_EQ(std::error_code(errc::out_of_memory), std::errc::not_enough_memory);
  EXPECT_EQ(std::error_code(errc::timed_out), std::errc::timed_out);
  EXPECT_EQ(std::error_code(errc::bad_cpu), std::errc::invalid_argument);
  EXPECT_NE(std::error_code(errc::shut_down), std::errc::invalid_argument);
  EXPECT_NE(std::error_code(errc::cancelled), errc::shut_down);
}

}  // namespace
}  // namespace treadle::test
