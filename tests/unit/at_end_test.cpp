// TREADLE_TRACE: pools that end leave their traces, without a change to the program.
#include "traces.hpp"

#include <treadle/treadle.hpp>

#include <gtest/gtest.h>

#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <sstream>
#include <string>

namespace treadle {
namespace {

std::string read(const std::string& path) {
  const std::ifstream from(path);
  std::ostringstream all;
  all << from.rdbuf();
  return all.str();
}

TEST(at_end, pools_leave_their_traces_where_the_environment_says) {
  const std::string path = testing::TempDir() + "treadle_at_end.json";
  std::remove(path.c_str());
  std::remove((path + ".2").c_str());
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
  const std::string one = read(path), two = read(path + ".2");
  EXPECT_TRUE(test::json_reader::is_whole(one)) << one;
  EXPECT_TRUE(test::json_reader::is_whole(two));
  EXPECT_NE(one.find("\"pool\":\"first\""), std::string::npos) << one;
  EXPECT_NE(two.find("\"pool\":\"second\""), std::string::npos);
  EXPECT_TRUE(!detail::keeps_records || two.find("\"overwritten\":0") != std::string::npos);
  EXPECT_EQ(read(path + ".3"), "");
  std::remove(path.c_str());
  std::remove((path + ".2").c_str());
}

}  // namespace
}  // namespace treadle
