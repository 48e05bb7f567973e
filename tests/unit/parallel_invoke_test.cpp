#include <tasks.hpp>

#include <treadle/treadle.hpp>

#include <gtest/gtest.h>

#include <atomic>
#include <string>
#include <system_error>

namespace treadle::test {
namespace {

class parallel_invoke_test : public with_workers {};
INSTANTIATE_TEST_SUITE_P(widths, parallel_invoke_test, worker_counts(), worker_count_name);

TEST_P(parallel_invoke_test, calls_all) {
  thread_pool pool{config()};
  int first = 0, second = 0, third = 0;
  parallel_invoke(
      pool, [&] { first = 1; }, [&](worker& here) { second = here.index() == this_worker::index(); });
  pool.run([&](worker& self) {
    parallel_invoke(
        self, [&] { return first = 2; }, [&] { second = 2; }, [&] { third = 2; });
  });
  EXPECT_EQ(first + second + third, 6);
}

TEST_P(parallel_invoke_test, nests) {
  thread_pool pool{config()};
  std::atomic<int> leaves{0};
  struct tree {
    static void grow(worker& self, std::atomic<int>& leaves, int depth) {
      if (depth == 0) {
        ++leaves;
        return;
      }
      const auto half = [&, depth](worker& here) { grow(here, leaves, depth - 1); };
      parallel_invoke(self, half, half);
    }
  };
  pool.run([&](worker& self) { tree::grow(self, leaves, 8); });
  EXPECT_EQ(leaves, 256);
}

TEST_P(parallel_invoke_test, rethrows_and_stops) {
  thread_pool pool{config()};
  try {
    parallel_invoke(
        pool, [] {}, [] { throw std::string("second"); });
    ADD_FAILURE() << "nothing was thrown";
  } catch (const std::string& thrown) {
    EXPECT_EQ(thrown, "second");
  }
  stop_token stop;
  stop.request_stop();
  std::atomic<int> calls{0};
  EXPECT_THROW(parallel_invoke(
                   with(pool, stop), [&] { ++calls; }, [&] { ++calls; }),
               std::system_error);
  EXPECT_EQ(calls, 0);
}

}  // namespace
}  // namespace treadle::test
