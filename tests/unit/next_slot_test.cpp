#include <treadle/detail/next_slot.hpp>
#include <treadle/detail/system_policy.hpp>

#include <gtest/gtest.h>

namespace {

using slot = treadle::detail::next_slot<treadle::detail::system_policy, int>;

bool put(slot& tried, int& what) {
  if (!tried.has_room()) return false;
  tried.put(what);
  return true;
}

/// Puts until that is refused no more, and returns how often it was.
int refusals(slot& tried, int& what) {
  int count = 0;
  while (!put(tried, what)) ++count;
  return count;
}

TEST(next_slot, has_room_for_one) {
  slot one;
  int first = 1, second = 2;
  EXPECT_FALSE(one.is_filled());
  EXPECT_EQ(one.take(), nullptr);
  EXPECT_TRUE(put(one, first));
  EXPECT_TRUE(one.is_filled());
  EXPECT_FALSE(put(one, second));
  EXPECT_EQ(one.take(), &first);
  EXPECT_TRUE(put(one, second));
  EXPECT_EQ(one.take(), &second);
  EXPECT_FALSE(one.is_filled());
}

TEST(next_slot, what_stays_is_ripe_and_can_be_stolen_once) {
  slot one;
  int task = 1;
  EXPECT_FALSE(one.is_ripe());
  EXPECT_EQ(one.steal(), nullptr);
  ASSERT_TRUE(put(one, task));
  EXPECT_FALSE(one.is_empty());
  EXPECT_TRUE(one.is_ripe());
  EXPECT_EQ(one.steal(), &task);
  EXPECT_EQ(one.steal(), nullptr);
  EXPECT_TRUE(one.is_empty());
  EXPECT_EQ(one.take(), nullptr);
}

TEST(next_slot, keeps_nothing_for_a_while_after_a_theft) {
  slot one;
  int task = 1;
  ASSERT_TRUE(put(one, task));
  ASSERT_EQ(one.steal(), &task);
  EXPECT_EQ(refusals(one, task), 32);  // found out by the next put
  ASSERT_EQ(one.steal(), &task);
  EXPECT_EQ(one.take(), nullptr);  // or by the take
  EXPECT_EQ(refusals(one, task), 96);
  int most = 0;
  for (int i = 0; i < 20; ++i) {
    ASSERT_EQ(one.steal(), &task);
    most = refusals(one, task);
  }
  EXPECT_EQ(most, 4'096);
}

TEST(next_slot, forgets_thefts_with_what_its_owner_runs) {
  slot one;
  int task = 1;
  ASSERT_TRUE(put(one, task));
  for (int i = 0; i < 5; ++i) {
    ASSERT_EQ(one.steal(), &task);
    static_cast<void>(refusals(one, task));
  }
  for (int i = 0; i < 5'000; ++i) {
    ASSERT_EQ(one.take(), &task);
    ASSERT_TRUE(put(one, task));
  }
  ASSERT_EQ(one.steal(), &task);
  EXPECT_EQ(refusals(one, task), 32);
}

}  // namespace
