#include <tasks.hpp>

#include <treadle/treadle.hpp>

#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <cstddef>
#include <deque>
#include <forward_list>
#include <initializer_list>
#include <list>
#include <memory>
#include <numeric>
#include <span>
#include <string>
#include <vector>

namespace treadle::test {
namespace {

class for_each_test : public with_workers {};
INSTANTIATE_TEST_SUITE_P(widths, for_each_test, worker_counts(), worker_count_name);

TEST_P(for_each_test, calls_each_element_once) {
  thread_pool pool{config()};
  for (const std::size_t count : std::initializer_list<std::size_t>{0, 1, 2, 63, 1000, 50'000}) {
    std::vector<int> values(count);
    std::iota(values.begin(), values.end(), 0);
    std::vector<int> expected = values;
    std::for_each(expected.begin(), expected.end(), [](int& each) { each = 2 * each + 1; });
    for_each(pool, values.begin(), values.end(), [](int& each) { each = 2 * each + 1; });
    EXPECT_EQ(values, expected);
    for_each(pool, values, [](worker&, int& each) { each = (each - 1) / 2; });
    for_each(with(pool, grain{7}), std::span(values), [](int& each) { each = 2 * each + 1; });
    EXPECT_EQ(values, expected);
  }
}

TEST_P(for_each_test, takes_what_only_moves_arrays_and_constants) {
  thread_pool pool{config()};
  std::vector<std::unique_ptr<int>> owned;
  for (int i = 0; i < 1000; ++i) owned.push_back(std::make_unique<int>(i));
  for_each(pool, owned, [](std::unique_ptr<int>& each) { ++*each; });
  for (int i = 0; i < 1000; ++i) EXPECT_EQ(*owned[static_cast<std::size_t>(i)], i + 1);

  std::atomic<int> sum{0};
  const std::array<int, 3> constant{1, 2, 3};
  int raw[] = {4, 5};
  for_each(pool, constant, [&](const int& each) { sum += each; });
  for_each(pool, raw, [&](int each) { sum += each; });
  for_each(pool, std::deque<int>{6, 7}, [&](int each) { sum += each; });
  EXPECT_EQ(sum, 28);
}

TEST_P(for_each_test, nests) {
  thread_pool pool{config()};
  std::vector<std::vector<int>> rows(40);
  for (std::size_t i = 0; i < rows.size(); ++i) rows[i].resize(i * 10);
  for_each(pool, rows, [](worker& here, std::vector<int>& row) {
    for_each(here, row, [&](int& each) { each = static_cast<int>(row.size()); });
  });
  for (const auto& row : rows) {
    EXPECT_TRUE(std::all_of(row.begin(), row.end(), [&](int each) { return each == static_cast<int>(row.size()); }));
  }
}

TEST_P(for_each_test, rethrows) {
  thread_pool pool{config()};
  std::vector<int> values(10'000);
  std::iota(values.begin(), values.end(), 0);
  try {
    for_each(pool, values, [](int each) {
      if (each == 777) throw std::string("seven");
    });
    ADD_FAILURE() << "nothing was thrown";
  } catch (const std::string& thrown) {
    EXPECT_EQ(thrown, "seven");
  }
}

template <class Range>
constexpr bool is_taken = requires(thread_pool pool, Range range, void (*body)(int)) {
  for_each(pool, range, body);
};
static_assert(is_taken<std::vector<int>> && is_taken<std::deque<int>>);
static_assert(!is_taken<std::list<int>> && !is_taken<std::forward_list<int>>, "they cannot be halved");

}  // namespace
}  // namespace treadle::test
