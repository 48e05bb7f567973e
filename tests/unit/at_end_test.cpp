// TREADLE_TRACE: pools that end leave their traces, without a change to the program.
#include "scratch.hpp"
#include "traces.hpp"

#include <treadle/treadle.hpp>

#include <gtest/gtest.h>

#include <cstdlib>
#include <string>

namespace treadle {
namespace {

TEST(at_end, pools_leave_their_traces_where_the_environment_says) {
  const test::scratch_folder folder;
  const std::string path = folder.file("trace.json");
  ASSERT_EQ(setenv("TREADLE_TRACE", path.c_str(), 1), 0);
  {
    thread_pool never_started;
    thread_pool first(pool_config{.max_threads = 1, .name = "first"});
    first.run([] {});
  }
  {
    thread_pool second(pool_config{.max_threads = 1, .name = "second"});
    for (int i = 0; i < 5'000; ++i) ASSERT_FALSE(second.post([] {}));  // more than is kept otherwise
    ASSERT_FALSE(second.drain());
  }
  ASSERT_EQ(unsetenv("TREADLE_TRACE"), 0);
  {
    thread_pool third(pool_config{.max_threads = 1, .name = "third"});
    third.run([] {});
  }
  const std::string one = test::text_of_file(path), two = test::text_of_file(path + ".2");
  EXPECT_TRUE(test::json_reader::is_whole(one)) << one;
  EXPECT_TRUE(test::json_reader::is_whole(two));
  EXPECT_NE(one.find("\"pool\":\"first\""), std::string::npos) << one;
  EXPECT_NE(two.find("\"pool\":\"second\""), std::string::npos);
  EXPECT_TRUE(!detail::keeps_records || two.find("\"overwritten\":0") != std::string::npos);
  EXPECT_EQ(test::text_of_file(path + ".3"), "");
}

}  // namespace
}  // namespace treadle
