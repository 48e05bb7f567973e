#include <tasks.hpp>

#include <treadle/treadle.hpp>

#include <gtest/gtest.h>

#include <atomic>
#include <thread>
#include <vector>

namespace treadle::test {
namespace {

TEST(default_pool, is_one_for_the_process) {
  thread_pool* seen = nullptr;
  std::thread([&seen] { seen = &default_pool(); }).join();
  EXPECT_EQ(seen, &default_pool());
  EXPECT_EQ(default_pool().run([] { return this_worker::pool(); }), &default_pool());
}

TEST(default_pool, has_the_default_width_and_is_shared) {
  EXPECT_EQ(default_pool().worker_limit(), available_parallelism());
  std::vector<std::thread> users;
  tally right;
  for (int t = 0; t < 4; ++t) {
    users.emplace_back([&, t] {
      for (int i = 0; i < 200; ++i) {
        if (default_pool().submit([i, t] { return i * t; }).get() == i * t) right.add();
      }
    });
  }
  for (std::thread& user : users) user.join();
  EXPECT_EQ(right.get(), 800u);
}

}  // namespace
}  // namespace treadle::test
