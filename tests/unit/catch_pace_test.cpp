#include <treadle/detail/catch_pace.hpp>

#include <gtest/gtest.h>

#include <cstdint>

namespace {

using treadle::detail::catch_pace;

TEST(catch_pace, waits_for_nothing_if_nothing_came_or_more_is_there) {
  catch_pace pace;
  EXPECT_EQ(pace.next_wait_ns(), 0);
  pace.caught(60, true);
  EXPECT_EQ(pace.next_wait_ns(), 0);
}

TEST(catch_pace, waits_shortly_for_single_tasks_however_often) {
  catch_pace pace;
  for (int i = 0; i < 100; ++i) {
    pace.caught(1, false);
    EXPECT_EQ(pace.next_wait_ns(), 250);
  }
}

TEST(catch_pace, doubles_its_wait_as_long_as_tasks_come_thick) {
  catch_pace pace;
  std::int64_t before = 250;
  for (int i = 0; i < 6; ++i) {
    pace.caught(static_cast<std::size_t>(before / 125), false);
    EXPECT_EQ(pace.next_wait_ns(), 2 * before);
    before *= 2;
  }
  EXPECT_EQ(before, 16'000);
  pace.caught(1'000, false);
  EXPECT_EQ(pace.next_wait_ns(), 16'000) << "no longer than it takes to wake a worker";
}

TEST(catch_pace, is_short_again_once_they_do_not) {
  catch_pace pace;
  for (int i = 0; i < 6; ++i) {
    pace.caught(1'000, false);
    static_cast<void>(pace.next_wait_ns());
  }
  pace.caught(127, false);
  EXPECT_EQ(pace.next_wait_ns(), 250);
}

TEST(catch_pace, counts_all_that_came_since_the_last_wait) {
  catch_pace pace;
  pace.caught(1, true);
  EXPECT_EQ(pace.next_wait_ns(), 0);
  pace.caught(1, false);
  EXPECT_EQ(pace.next_wait_ns(), 500);
}

}  // namespace
