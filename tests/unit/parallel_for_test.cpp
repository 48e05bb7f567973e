#include <tasks.hpp>
#include <waiting.hpp>

#include <treadle/treadle.hpp>

#include <gtest/gtest.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <numeric>
#include <stdexcept>
#include <string>
#include <system_error>
#include <thread>
#include <vector>

namespace treadle::test {
namespace {

using namespace std::chrono_literals;

class parallel_for_test : public with_workers {};
INSTANTIATE_TEST_SUITE_P(widths, parallel_for_test, worker_counts(), worker_count_name);

/// Sizes around those at which a loop begins to fork, and a large one.
std::vector<std::size_t> sizes() { return {0, 1, 2, 3, 7, 64, 65, 1000, 1025, smaller_if_slow(300'000)}; }

TEST_P(parallel_for_test, calls_each_index_once) {
  thread_pool pool{config()};
  for (const std::size_t count : sizes()) {
    std::vector<std::atomic<int>> calls(count);
    parallel_for(pool, std::size_t{0}, count, [&](std::size_t i) { ++calls[i]; });
    EXPECT_TRUE(std::all_of(calls.begin(), calls.end(), [](const auto& each) { return each == 1; })) << count;
    pool.run([&](worker& self) { parallel_for(with(self, grain{10}), 0, count, [&](std::size_t i) { ++calls[i]; }); });
    EXPECT_TRUE(std::all_of(calls.begin(), calls.end(), [](const auto& each) { return each == 2; })) << count;
  }
}

/// Short and long indices side by side: the length of what runs in a row is learnt anew.
TEST_P(parallel_for_test, calls_each_index_once_whatever_they_take) {
  thread_pool pool{config()};
  constexpr int count = 20'000;
  std::vector<std::atomic<int>> calls(count);
  parallel_for(pool, 0, count, [&](int i) {
    ++calls[static_cast<std::size_t>(i)];
    if (i % 1000 == 999) std::this_thread::sleep_for(200us);
  });
  EXPECT_TRUE(std::all_of(calls.begin(), calls.end(), [](const auto& each) { return each == 1; }));
}

TEST_P(parallel_for_test, passes_the_worker_that_calls) {
  thread_pool pool{config()};
  std::atomic<int> wrong{0};
  parallel_for(pool, 0, 10'000, [&](worker& here, int) { wrong += here.index() != this_worker::index(); });
  EXPECT_EQ(wrong, 0);
}

TEST_P(parallel_for_test, nests) {
  thread_pool pool{config()};
  constexpr std::size_t rows = 30, columns = 40;
  std::vector<std::atomic<int>> calls(rows * columns);
  parallel_for(pool, std::size_t{0}, rows, [&](worker& here, std::size_t row) {
    parallel_for(here, std::size_t{0}, columns, [&](std::size_t column) { ++calls[row * columns + column]; });
    parallel_for(pool, std::size_t{0}, columns, [&](std::size_t column) { ++calls[row * columns + column]; });
  });
  EXPECT_TRUE(std::all_of(calls.begin(), calls.end(), [](const auto& each) { return each == 2; }));
}

TEST(parallel_for_order, is_upwards_on_one_worker) {
  thread_pool pool{{.max_threads = 1}};
  std::vector<int> seen;
  parallel_for(pool, 0, 10'000, [&](int i) { seen.push_back(i); });
  std::vector<int> expected(10'000);
  std::iota(expected.begin(), expected.end(), 0);
  EXPECT_EQ(seen, expected);
}

// ---- indices --------------------------------------------------------------------------------------------------------

template <class First, class Last>
std::vector<std::int64_t> visited(First first, Last last) {
  thread_pool pool{{.max_threads = 1}};
  std::vector<std::int64_t> all;
  parallel_for(pool, first, last, [&](auto i) { all.push_back(static_cast<std::int64_t>(i)); });
  return all;
}

TEST(parallel_for_indices, are_of_any_integral_type) {
  EXPECT_EQ(visited(-2, 3), (std::vector<std::int64_t>{-2, -1, 0, 1, 2}));
  EXPECT_EQ(visited(std::int8_t{-128}, std::int8_t{-125}), (std::vector<std::int64_t>{-128, -127, -126}));
  EXPECT_EQ(visited(std::uint8_t{253}, std::uint8_t{255}), (std::vector<std::int64_t>{253, 254}));
  EXPECT_EQ(visited(INT64_MAX - 2, INT64_MAX), (std::vector<std::int64_t>{INT64_MAX - 2, INT64_MAX - 1}));
  EXPECT_EQ(visited(INT64_MIN, INT64_MIN + 1), (std::vector<std::int64_t>{INT64_MIN}));
  EXPECT_EQ(visited(0, std::size_t{2}), (std::vector<std::int64_t>{0, 1}));
  EXPECT_EQ(visited(3, 3), (std::vector<std::int64_t>{}));
  EXPECT_EQ(visited(3, -3), (std::vector<std::int64_t>{}));
  EXPECT_EQ(visited(std::size_t{3}, -3), (std::vector<std::int64_t>{}));
  EXPECT_THROW(visited(-1, 3u), std::out_of_range) << "no unsigned type has it";
}

/// The distance is no number of the indices' own type, and nobody lives long enough to call all.
template <class Index>
void walks_all_numbers() {
  thread_pool pool{{.max_threads = 2}};
  stop_token stop;
  std::atomic<std::uint64_t> called{0};
  EXPECT_THROW(parallel_for(with(pool, stop), std::numeric_limits<Index>::min(), std::numeric_limits<Index>::max(),
                            [&](Index) {
                              if (++called == 100'000) stop.request_stop();
                            }),
               std::system_error);
  EXPECT_GE(called, 100'000u);
}
TEST(parallel_for_indices, may_be_all_numbers_that_there_are) {
  walks_all_numbers<std::int64_t>();
  walks_all_numbers<std::uint64_t>();
}

// ---- exceptions and stopping ----------------------------------------------------------------------------------------

TEST_P(parallel_for_test, rethrows_and_starts_nothing_more) {
  thread_pool pool{config()};
  constexpr std::uint64_t count = 1'000'000'000'000;  // nobody can wait for all of it
  for (const std::uint64_t faulty : {std::uint64_t{0}, std::uint64_t{1}, std::uint64_t{12'345}}) {
    try {
      parallel_for(pool, std::uint64_t{0}, count, [&](std::uint64_t i) {
        if (i == faulty) throw std::runtime_error(std::to_string(i));
      });
      ADD_FAILURE() << "nothing was thrown";
    } catch (const std::runtime_error& error) {
      EXPECT_EQ(error.what(), std::to_string(faulty));
    }
  }
  std::atomic<int> calls{0};
  parallel_for(pool, 0, 1000, [&](int) { ++calls; });
  EXPECT_EQ(calls, 1000) << "the forks are whole afterwards";
}

TEST(parallel_for_exceptions, of_several_that_run_the_lowest_wins) {
  thread_pool pool{{.max_threads = 2}};
  for (int round = 0; round < 20; ++round) {
    gate begun[2];
    try {
      parallel_for(pool, 0, 2, [&](int i) {
        begun[i].open();
        EXPECT_TRUE(begun[1 - i].pass());
        throw i;
      });
      ADD_FAILURE() << "nothing was thrown";
    } catch (int number) {
      EXPECT_EQ(number, 0);
    }
  }
}

TEST_P(parallel_for_test, calls_nothing_after_a_stop) {
  thread_pool pool{config()};
  stop_token stop;
  std::atomic<int> calls{0};
  parallel_for(with(pool, stop), 0, 100, [&](int) { ++calls; });
  EXPECT_EQ(calls, 100);
  stop.request_stop();
  try {
    parallel_for(with(pool, stop, grain{5}), 0, 100, [&](int) { ++calls; });
    ADD_FAILURE() << "nothing was thrown";
  } catch (const std::system_error& error) {
    EXPECT_EQ(error.code(), errc::cancelled);
  }
  EXPECT_EQ(calls, 100);
}

// ---- who runs what --------------------------------------------------------------------------------------------------

/// As many long indices as workers: each worker gets one, for all of them wait for each other.
TEST_P(parallel_for_test, gives_few_long_indices_to_all) {
  thread_pool pool{config()};
  for (int round = 0; round < 3; ++round) {
    tally arrived;
    parallel_for(pool, std::uint32_t{0}, workers(), [&](std::uint32_t) {
      arrived.add();
      EXPECT_TRUE(arrived.reaches(workers()));
    });
  }
}

TEST(parallel_for_grain, is_what_runs_in_a_row_at_least) {
  thread_pool pool{{.max_threads = 2}};
  std::vector<std::thread::id> callers(1000);
  parallel_for(with(pool, grain{100}), 0, 1000, [&](int i) {
    callers[static_cast<std::size_t>(i)] = std::this_thread::get_id();
    if (i % 10 == 0) std::this_thread::sleep_for(10us);
  });
  // The halves of 1,000 that are not above 100 are of 62 or 63 indices.
  std::size_t shortest = callers.size();
  for (auto at = callers.begin(); at != callers.end();) {
    const auto next = std::find_if(at, callers.end(), [&](auto id) { return id != *at; });
    shortest = std::min(shortest, static_cast<std::size_t>(next - at));
    at = next;
  }
  EXPECT_GE(shortest, 62u);
}

TEST(parallel_for_forks, are_none_that_a_single_worker_shares) {
  thread_pool pool{{.max_threads = 1}};
  pool.run([&](worker& self) {
    parallel_for(self, 0, 100'000, [](int) {});
    EXPECT_TRUE(self.forks().is_empty());
  });
  EXPECT_EQ(pool.stats().forks_stolen, 0u);
}

}  // namespace
}  // namespace treadle::test
