#include <treadle/detail/spin_time.hpp>

#include <gtest/gtest.h>

#include <cstdint>

namespace {

using treadle::detail::spin_time;

TEST(spin_time, halves_with_each_look_in_vain_and_ends) {
  spin_time spin;
  spin.set(2'000);
  std::int64_t before = spin.ns();
  EXPECT_EQ(before, 2'000);
  for (int i = 0; i < 3; ++i) {
    spin.was_in_vain();
    EXPECT_EQ(spin.ns(), before / 2);
    before = spin.ns();
  }
  spin.was_in_vain();
  EXPECT_EQ(spin.ns(), 0);
}

TEST(spin_time, is_whole_again_once_it_brought_work) {
  spin_time spin;
  spin.set(2'000);
  for (int i = 0; i < 3; ++i) spin.was_in_vain();
  spin.brought_work();
  EXPECT_EQ(spin.ns(), 2'000);
}

TEST(spin_time, is_whole_every_sixteenth_time_to_notice_that_work_comes_thick) {
  spin_time spin;
  spin.set(2'000);
  int whole = 0;
  for (int i = 0; i < 1'600; ++i) {
    spin.was_in_vain();
    whole += spin.ns() == 2'000 ? 1 : 0;
  }
  EXPECT_EQ(whole, 100);
}

TEST(spin_time, of_a_pool_that_does_not_spin_is_never_any) {
  for (const std::int64_t none : {std::int64_t{0}, std::int64_t{-1}}) {
    spin_time spin;
    spin.set(none);
    for (int i = 0; i < 100; ++i) {
      EXPECT_LE(spin.ns(), 0);
      spin.was_in_vain();
    }
    spin.brought_work();
    EXPECT_LE(spin.ns(), 0);
  }
}

}  // namespace
