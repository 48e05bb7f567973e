#include "waiting.hpp"

#include <treadle/detail/sign_board.hpp>

#include <gtest/gtest.h>

#include <cstddef>
#include <set>
#include <thread>
#include <vector>

namespace treadle::detail {
namespace {

/// How many signs say that they belong to `whose`.
std::size_t count_signs(const void* whose) {
  std::size_t found = 0;
  for (std::size_t i = 0; const wait_sign* const each = sign_at(i); ++i) {
    const sign_text text = each->read();
    if (text.kind != wait_kind::nothing && text.pool == whose) ++found;
  }
  return found;
}

TEST(sign_board, gives_each_sign_to_one) {
  constexpr std::size_t many = 1'000;  // more than a thread keeps, and than a chunk has
  const int whose = 0;
  std::vector<wait_sign*> taken;
  for (std::size_t i = 0; i < many; ++i) {
    taken.push_back(take_sign());
    ASSERT_NE(taken.back(), nullptr);
    taken.back()->name(&whose, 7);
    taken.back()->hang(wait_kind::event, i, 9);
  }
  EXPECT_EQ(std::set<wait_sign*>(taken.begin(), taken.end()).size(), many);
  EXPECT_EQ(count_signs(&whose), many);
  const sign_text text = taken[5]->read();
  EXPECT_EQ(text.kind, wait_kind::event);
  EXPECT_EQ(text.site, 7u);
  EXPECT_EQ(text.detail, 5u);
  EXPECT_EQ(text.since_ns, 9);
  for (wait_sign* const each : taken) give_sign(*each);
  EXPECT_EQ(count_signs(&whose), 0u);
}

TEST(sign_board, gets_back_what_threads_leave_behind) {
  const auto count_all = [] {
    std::size_t all = 0;
    while (sign_at(all) != nullptr) ++all;
    return all;
  };
  const auto take_and_give = [] {
    std::vector<wait_sign*> taken;
    for (int i = 0; i < 50; ++i) taken.push_back(take_sign());
    for (wait_sign* const each : taken) give_sign(*each);
  };
  std::thread(take_and_give).join();
  const std::size_t before = count_all();
  for (int i = 0; i < 100; ++i) std::thread(take_and_give).join();
  EXPECT_EQ(count_all(), before);
}

TEST(sign_board, shows_a_thread_and_a_coroutine_apart) {
  const wait_kind thread = of_thread(wait_kind::join);
  EXPECT_TRUE(is_of_thread(thread));
  EXPECT_FALSE(is_of_thread(wait_kind::join));
  EXPECT_EQ(without_thread(thread), wait_kind::join);
}

}  // namespace
}  // namespace treadle::detail
