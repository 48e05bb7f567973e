#include <tasks.hpp>

#include <treadle/treadle.hpp>

#include <gtest/gtest.h>

#include <algorithm>
#include <atomic>
#include <compare>
#include <cstddef>
#include <cstdint>
#include <initializer_list>
#include <iterator>
#include <numeric>
#include <stdexcept>
#include <system_error>
#include <vector>

namespace treadle::test {
namespace {

class find_if_test : public with_workers {};
INSTANTIATE_TEST_SUITE_P(widths, find_if_test, worker_counts(), worker_count_name);

TEST_P(find_if_test, finds_the_first_as_serial_code_does) {
  thread_pool pool{config()};
  for (const std::size_t count : std::initializer_list<std::size_t>{0, 1, 2, 1000, 70'001}) {
    std::vector<std::size_t> numbers(count);
    std::iota(numbers.begin(), numbers.end(), std::size_t{0});
    for (const std::size_t from : {std::size_t{0}, count / 3, count / 2 + 1, count - 1, count}) {
      // Many match: the lowest is asked for, not the one that is found first.
      const auto matches = [from](std::size_t x) { return x >= from; };
      const auto expected = std::find_if(numbers.begin(), numbers.end(), matches);
      EXPECT_EQ(find_if(pool, numbers.begin(), numbers.end(), matches), expected);
      EXPECT_EQ(find_if(with(pool, grain{5}), numbers, matches), expected);
    }
  }
}

/// All numbers, from the first on.
struct endless {
  using value_type = long;
  using difference_type = std::ptrdiff_t;
  using iterator_category = std::random_access_iterator_tag;
  using reference = long;
  using pointer = const long*;
  std::ptrdiff_t at = 0;
  long operator*() const { return at; }
  long operator[](std::ptrdiff_t by) const { return at + by; }
  endless& operator++() { return ++at, *this; }
  endless operator++(int) { return {at++}; }
  endless& operator--() { return --at, *this; }
  endless operator--(int) { return {at--}; }
  endless& operator+=(std::ptrdiff_t by) { return at += by, *this; }
  endless& operator-=(std::ptrdiff_t by) { return at -= by, *this; }
  [[maybe_unused]] friend endless operator+(endless from, std::ptrdiff_t by) { return {from.at + by}; }
  [[maybe_unused]] friend endless operator+(std::ptrdiff_t by, endless from) { return {from.at + by}; }
  [[maybe_unused]] friend endless operator-(endless from, std::ptrdiff_t by) { return {from.at - by}; }
  friend std::ptrdiff_t operator-(endless a, endless b) { return a.at - b.at; }
  auto operator<=>(const endless&) const = default;
};
static_assert(std::random_access_iterator<endless>);

/// Nobody lives long enough to look at all.
TEST_P(find_if_test, ends_early) {
  thread_pool pool{config()};
  for (const long goal : {0L, 1L, 50L, 123'456L}) {
    EXPECT_EQ(*find_if(pool, endless{0}, endless{PTRDIFF_MAX}, [&](long x) { return x >= goal; }), goal);
  }
}

TEST_P(find_if_test, rethrows_and_stops) {
  thread_pool pool{config()};
  const std::vector<int> numbers(5000, 1);
  EXPECT_THROW(find_if(pool, numbers, [](int) -> bool { throw std::domain_error("no"); }), std::domain_error);
  stop_token stop;
  stop.request_stop();
  EXPECT_THROW(find_if(with(pool, stop), numbers, [](int) { return true; }), std::system_error);
}

}  // namespace
}  // namespace treadle::test
