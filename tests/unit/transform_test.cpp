#include <tasks.hpp>

#include <treadle/treadle.hpp>

#include <gtest/gtest.h>

#include <cstddef>
#include <initializer_list>
#include <list>
#include <memory>
#include <numeric>
#include <stdexcept>
#include <string>
#include <system_error>
#include <vector>

namespace treadle::test {
namespace {

class transform_test : public with_workers {};
INSTANTIATE_TEST_SUITE_P(widths, transform_test, worker_counts(), worker_count_name);

TEST_P(transform_test, stores_what_it_maps) {
  thread_pool pool{config()};
  for (const std::size_t count : std::initializer_list<std::size_t>{0, 1, 2, 1000, 70'001}) {
    std::vector<int> numbers(count), made(count + 1, -1);
    std::iota(numbers.begin(), numbers.end(), 1);
    const auto twice = [](int x) { return 2 * x; };
    EXPECT_EQ(transform(pool, numbers.begin(), numbers.end(), made.begin(), twice) - made.begin(),
              static_cast<std::ptrdiff_t>(count));
    for (std::size_t i = 0; i < count; ++i) ASSERT_EQ(made[i], 2 * numbers[i]);
    EXPECT_EQ(made[count], -1) << "nothing is stored behind the end";
    transform(with(pool, grain{9}), numbers, numbers.begin(), twice);
    for (std::size_t i = 0; i < count; ++i) ASSERT_EQ(made[i], numbers[i]) << "in place";
  }
}

TEST_P(transform_test, maps_pairs) {
  thread_pool pool{config()};
  std::vector<int> a(5000), b(5000), made(5000);
  std::iota(a.begin(), a.end(), 0);
  std::iota(b.rbegin(), b.rend(), 0);
  transform(pool, a.begin(), a.end(), b.begin(), made.begin(), [](int x, int y) { return x + y; });
  EXPECT_EQ(made, std::vector<int>(5000, 4999));
}

TEST_P(transform_test, stores_what_only_moves) {
  thread_pool pool{config()};
  std::vector<int> numbers(2000);
  std::iota(numbers.begin(), numbers.end(), 0);
  std::vector<std::unique_ptr<int>> made(2000);
  transform(pool, numbers, made.begin(), [](int x) { return std::make_unique<int>(x); });
  for (int i = 0; i < 2000; ++i) ASSERT_EQ(*made[static_cast<std::size_t>(i)], i);
}

TEST_P(transform_test, rethrows_and_stops) {
  thread_pool pool{config()};
  std::vector<int> numbers(5000, 1);
  EXPECT_THROW(transform(pool, numbers, numbers.begin(), [](int) -> int { throw std::domain_error("no"); }),
               std::domain_error);
  stop_token stop;
  stop.request_stop();
  EXPECT_THROW(transform(with(pool, stop), numbers, numbers.begin(), [](int x) { return x; }), std::system_error);
}

}  // namespace
}  // namespace treadle::test
