#include "install/tarball.hpp"

#include "install/folder.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <cstdlib>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

namespace {

using tool::install::memory_budget;
using tool::install::tarball;

struct tarball_test : ::testing::Test {
  tarball_test() {
    if (::mkdtemp(path.data()) == nullptr) throw std::runtime_error("no folder for the test");
    folder = tool::install::open_folder(path);
  }
  ~tarball_test() override { tool::install::remove_tree(AT_FDCWD, path.c_str()); }

  /// Adds `count` bytes that tell their places.
  static void fill(tarball& to, std::size_t count) {
    std::array<std::byte, 1000> step{};
    for (std::size_t at = 0; at < count; at += step.size()) {
      for (std::size_t i = 0; i < step.size(); ++i) step[i] = byte_at(at + i);
      to.add(std::span(step).first(std::min(step.size(), count - at)));
    }
  }
  static std::byte byte_at(std::size_t place) { return static_cast<std::byte>(place * 31 >> 3); }
  static bool is_filled(tarball& with, std::size_t count) {
    const std::span<const std::byte> bytes = with.bytes();
    for (std::size_t i = 0; i < bytes.size(); ++i) {
      if (bytes[i] != byte_at(i)) return false;
    }
    return bytes.size() == count;
  }
  static bool is_whole(memory_budget& budget, std::size_t bytes) {
    if (!budget.take(bytes)) return false;
    budget.give_back(bytes);
    return true;
  }

  std::string path = "/tmp/treadle-tarball-XXXXXX";
  tool::install::handle folder;
};

TEST_F(tarball_test, small_ones_stay_in_memory) {
  memory_budget budget(1 << 20);
  {
    tarball small(budget, folder.number());
    EXPECT_TRUE(small.bytes().empty());
    fill(small, 100'000);
    EXPECT_TRUE(small.is_in_memory());
    EXPECT_TRUE(is_filled(small, 100'000));
    EXPECT_FALSE(budget.take(1 << 20));
    tarball moved(std::move(small));
    EXPECT_TRUE(is_filled(moved, 100'000));
  }
  EXPECT_TRUE(is_whole(budget, 1 << 20));
}

TEST_F(tarball_test, what_the_budget_lacks_goes_by_a_file_that_nobody_sees) {
  memory_budget budget(300'000);
  tarball large(budget, folder.number());
  fill(large, 1'000'000);
  EXPECT_FALSE(large.is_in_memory());
  EXPECT_TRUE(is_filled(large, 1'000'000));
  EXPECT_TRUE(is_whole(budget, 300'000));
  EXPECT_TRUE(tool::install::names_in(AT_FDCWD, path.c_str()).empty());
  large.add(std::array{byte_at(1'000'000)});
  EXPECT_TRUE(is_filled(large, 1'000'001));
  large.clear();
  EXPECT_TRUE(large.is_in_memory());
  fill(large, 10);
  EXPECT_TRUE(is_filled(large, 10));
}

TEST_F(tarball_test, what_is_announced_takes_no_memory_that_is_not_there) {
  memory_budget budget(100'000);
  for (const std::uint64_t announced : {std::uint64_t{100'000}, std::uint64_t{100'001}, std::uint64_t{1} << 60}) {
    tarball one(budget, folder.number());
    one.expect(announced);
    EXPECT_EQ(one.is_in_memory(), announced == 100'000);
    fill(one, 50'000);
    EXPECT_TRUE(is_filled(one, 50'000));
  }
  EXPECT_TRUE(is_whole(budget, 100'000));
}

TEST_F(tarball_test, many_at_a_time_keep_within_the_budget) {
  constexpr std::size_t most = 500'000;
  memory_budget budget(most);
  std::vector<tarball> all;
  for (int i = 0; i < 20; ++i) {
    all.emplace_back(budget, folder.number());
    fill(all.back(), 60'000);
  }
  const auto in_memory = std::count_if(all.begin(), all.end(), [](const tarball& each) { return each.is_in_memory(); });
  EXPECT_GE(in_memory, 2);
  EXPECT_LE(static_cast<std::size_t>(in_memory) * 60'000, most);
  for (tarball& each : all) EXPECT_TRUE(is_filled(each, 60'000));
}

}  // namespace
