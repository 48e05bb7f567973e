#include <tasks.hpp>

#include <treadle/treadle.hpp>

#include <gtest/gtest.h>

#include <algorithm>
#include <cstddef>
#include <functional>
#include <initializer_list>
#include <numeric>
#include <stdexcept>
#include <string>
#include <vector>

namespace treadle::test {
namespace {

class transform_reduce_test : public with_workers {};
INSTANTIATE_TEST_SUITE_P(widths, transform_reduce_test, worker_counts(), worker_count_name);

TEST_P(transform_reduce_test, folds_what_it_maps) {
  thread_pool pool{config()};
  for (const std::size_t count : std::initializer_list<std::size_t>{0, 1, 2, 100, 70'001}) {
    std::vector<long> numbers(count);
    std::iota(numbers.begin(), numbers.end(), 1);
    const auto square = [](long x) { return x * x; };
    const long expected = std::transform_reduce(numbers.begin(), numbers.end(), 7L, std::plus<>(), square);
    EXPECT_EQ(transform_reduce(pool, numbers.begin(), numbers.end(), 7L, std::plus<>(), square), expected);
    EXPECT_EQ(transform_reduce(with(pool, grain{9}), numbers, 7L, std::plus<>(), square), expected);
    EXPECT_EQ(transform_reduce(deterministic, pool, numbers.begin(), numbers.end(), 7L, std::plus<>(), square),
              expected);
    EXPECT_EQ(transform_reduce(deterministic, pool, numbers, 7L, std::plus<>(), square), expected);
  }
}

TEST_P(transform_reduce_test, multiplies_pairs) {
  thread_pool pool{config()};
  std::vector<long> a(10'000), b(10'000);
  std::iota(a.begin(), a.end(), 1);
  std::iota(b.begin(), b.end(), -5000);
  EXPECT_EQ(transform_reduce(pool, a.begin(), a.end(), b.begin(), 3L),
            std::inner_product(a.begin(), a.end(), b.begin(), 3L));
  const auto larger = [](long x, long y) { return std::max(x, y); };
  EXPECT_EQ(transform_reduce(pool, a.begin(), a.end(), b.begin(), 0L, larger, std::minus<>()), 5001L);
}

TEST_P(transform_reduce_test, folds_into_another_type) {
  thread_pool pool{config()};
  std::vector<int> numbers(500);
  std::iota(numbers.begin(), numbers.end(), 0);
  const auto text = [](int x) { return std::to_string(x); };
  std::string expected;
  for (const int each : numbers) expected += text(each);
  EXPECT_EQ(transform_reduce(pool, numbers, std::string(), std::plus<>(), text), expected);
}

TEST_P(transform_reduce_test, rethrows_what_the_map_throws) {
  thread_pool pool{config()};
  std::vector<int> numbers(5000, 1);
  numbers[4321] = 0;
  const auto fails = [](int x) { return x != 0 ? x : throw std::domain_error("zero"); };
  EXPECT_THROW(transform_reduce(pool, numbers, 0, std::plus<>(), fails), std::domain_error);
  EXPECT_THROW(transform_reduce(deterministic, pool, numbers, 0, std::plus<>(), fails), std::domain_error);
}

}  // namespace
}  // namespace treadle::test
