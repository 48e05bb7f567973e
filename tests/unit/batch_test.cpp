#include <limits.hpp>

#include <treadle/batch.hpp>
#include <treadle/task.hpp>

#include <gtest/gtest.h>

#include <array>
#include <cstddef>
#include <iterator>
#include <type_traits>
#include <utility>
#include <vector>

namespace treadle::test {
namespace {

static_assert(std::is_nothrow_move_constructible_v<batch> && std::is_nothrow_move_assignable_v<batch>);
static_assert(!std::is_copy_constructible_v<batch> && !std::is_copy_assignable_v<batch>);
static_assert(std::forward_iterator<batch::iterator>);
static_assert(std::is_nothrow_default_constructible_v<task>);

/// The places in `tasks` of what `group` holds, by iteration.
std::vector<std::ptrdiff_t> places(const batch& group, const std::array<task, 8>& tasks) {
  std::vector<std::ptrdiff_t> found;
  for (const task& each : group) found.push_back(&each - tasks.data());
  return found;
}

TEST(batch, keeps_the_order_of_the_pushes) {
  std::array<task, 8> tasks;
  batch group;
  EXPECT_TRUE(group.empty());
  EXPECT_EQ(group.size(), 0u);
  EXPECT_EQ(group.pop(), nullptr);
  EXPECT_EQ(group.begin(), group.end());
  for (task& each : tasks) group.push(each);
  EXPECT_EQ(group.size(), tasks.size());
  EXPECT_EQ(places(group, tasks), (std::vector<std::ptrdiff_t>{0, 1, 2, 3, 4, 5, 6, 7}));
  for (task& each : tasks) EXPECT_EQ(group.pop(), &each);
  EXPECT_EQ(group.pop(), nullptr);
  EXPECT_TRUE(group.empty());
}

TEST(batch, joins_others_in_order) {
  std::array<task, 8> tasks;
  batch left = batch::of(tasks[0], tasks[1]);
  batch middle{tasks[2]};
  batch right = batch::of(tasks[3], tasks[4]);
  batch none;
  left.push(std::move(none));
  left.push(std::move(middle));
  left.push(std::move(right));
  EXPECT_EQ(left.size(), 5u);
  EXPECT_EQ(places(left, tasks), (std::vector<std::ptrdiff_t>{0, 1, 2, 3, 4}));
  EXPECT_TRUE(middle.empty());  // NOLINT(bugprone-use-after-move): a joined batch is empty
  EXPECT_EQ(right.size(), 0u);  // NOLINT(bugprone-use-after-move)
  EXPECT_EQ(right.pop(), nullptr);
  middle.push(std::move(left));
  EXPECT_EQ(middle.size(), 5u);
  middle.push(tasks[5]);
  EXPECT_EQ(places(middle, tasks), (std::vector<std::ptrdiff_t>{0, 1, 2, 3, 4, 5}));
  batch& same = middle;
  middle.push(std::move(same));
  EXPECT_EQ(middle.size(), 6u);
  EXPECT_EQ(places(middle, tasks), (std::vector<std::ptrdiff_t>{0, 1, 2, 3, 4, 5}));
}

TEST(batch, moves) {
  std::array<task, 8> tasks;
  batch first = batch::of(tasks[0], tasks[1]);
  batch second = std::move(first);
  EXPECT_TRUE(first.empty());  // NOLINT(bugprone-use-after-move)
  EXPECT_EQ(first.size(), 0u);
  EXPECT_EQ(second.size(), 2u);
  first = batch::of(tasks[2]);
  second = std::move(first);
  EXPECT_EQ(places(second, tasks), (std::vector<std::ptrdiff_t>{2}));
  batch& same = second;
  second = std::move(same);
  EXPECT_EQ(places(second, tasks), (std::vector<std::ptrdiff_t>{2}));
}

TEST(batch, destroyed_only_unlinks) {
  std::array<task, 8> tasks;
  static const auto callback = +[](task*) noexcept {};
  for (task& each : tasks) each.callback = callback;
  { [[maybe_unused]] const batch dropped = batch::of(tasks[0], tasks[1], tasks[2]); }
  batch cleared = batch::of(tasks[3]);
  cleared.clear();
  EXPECT_TRUE(cleared.empty());
  batch again = batch::of(tasks[2], tasks[0], tasks[3]);
  EXPECT_EQ(places(again, tasks), (std::vector<std::ptrdiff_t>{2, 0, 3}));
  for (const task& each : again) EXPECT_EQ(each.callback, callback);
}

TEST(batch, can_grow_while_it_is_walked) {
  std::array<task, 8> tasks;
  batch group{tasks[0]};
  std::size_t next = 1;
  std::size_t walked = 0;
  for (const task& each : group) {
    EXPECT_EQ(&each, &tasks[walked++]);
    if (next < tasks.size()) group.push(tasks[next++]);
  }
  EXPECT_EQ(walked, tasks.size());
}

/// Taking tasks out had its books fixed twice upstream: the size, and a tail that led to a task taken out before.
TEST(batch, seed_defect_16) {
  std::array<task, 8> tasks;
  batch group;
  for (int round = 0; round < 3; ++round) {
    group.push(tasks[0]);
    EXPECT_EQ(group.pop(), &tasks[0]);
    EXPECT_EQ(group.size(), 0u);
    EXPECT_TRUE(group.empty());
    // A stale tail would lose these two behind the task that is gone.
    group.push(tasks[1]);
    group.push(tasks[2]);
    EXPECT_EQ(group.size(), 2u);
    EXPECT_EQ(group.pop(), &tasks[1]);
    group.push(batch::of(tasks[3], tasks[4]));
    EXPECT_EQ(places(group, tasks), (std::vector<std::ptrdiff_t>{2, 3, 4}));
    EXPECT_EQ(group.pop(), &tasks[2]);
    EXPECT_EQ(group.pop(), &tasks[3]);
    EXPECT_EQ(group.size(), 1u);
    EXPECT_EQ(group.pop(), &tasks[4]);
    EXPECT_EQ(group.pop(), nullptr);
    EXPECT_EQ(group.size(), 0u) << "an empty pop must not count";
  }
  // What was taken out is free: its link leads nowhere.
  group.push(tasks[0]);
  group.push(tasks[1]);
  batch other;
  other.push(*group.pop());
  EXPECT_EQ(places(other, tasks), (std::vector<std::ptrdiff_t>{0}));
}

}  // namespace
}  // namespace treadle::test
