#include <tasks.hpp>

#include <treadle/treadle.hpp>

#include <gtest/gtest.h>

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <numeric>
#include <stdexcept>
#include <string>
#include <system_error>
#include <thread>
#include <vector>

namespace treadle::test {
namespace {

class inclusive_scan_test : public with_workers {};
INSTANTIATE_TEST_SUITE_P(widths, inclusive_scan_test, worker_counts(), worker_count_name);

using namespace std::chrono_literals;

TEST_P(inclusive_scan_test, stores_what_serial_code_does) {
  thread_pool pool{config()};
  for (const std::size_t count :
       {std::size_t{0}, std::size_t{1}, std::size_t{2}, std::size_t{1000}, smaller_if_slow(2'000'003)}) {
    std::vector<std::uint32_t> numbers(count), expected(count), made(count);
    for (std::size_t i = 0; i < count; ++i) numbers[i] = static_cast<std::uint32_t>(i * 2654435761u);
    std::inclusive_scan(numbers.begin(), numbers.end(), expected.begin());
    EXPECT_EQ(inclusive_scan(pool, numbers.begin(), numbers.end(), made.begin()), made.end());
    EXPECT_EQ(made, expected);
    std::inclusive_scan(numbers.begin(), numbers.end(), expected.begin(), std::bit_xor<>(), 77u);
    inclusive_scan(with(pool, grain{100}), numbers, made.begin(), std::bit_xor<>(), 77u);
    EXPECT_EQ(made, expected);
    inclusive_scan(pool, numbers, numbers.begin(), std::bit_xor<>(), 77u);
    EXPECT_EQ(numbers, expected) << "in place";
  }
}

/// Long enough for others to help, with an operation that does not commute and has no neutral element.
TEST_P(inclusive_scan_test, keeps_the_order) {
  thread_pool pool{config()};
  std::vector<std::string> words(500), expected(500), made(500);
  for (std::size_t i = 0; i < words.size(); ++i) words[i] = static_cast<char>('a' + i % 26);
  std::inclusive_scan(words.begin(), words.end(), expected.begin());
  const auto slowly = [](const std::string& a, const std::string& b) {
    std::this_thread::sleep_for(50us);
    return a + b;
  };
  inclusive_scan(pool, words, made.begin(), slowly);
  EXPECT_EQ(made, expected);
  inclusive_scan(pool, words, made.begin(), slowly, std::string("+"));
  EXPECT_EQ(made[499], "+" + expected[499]);
}

TEST_P(inclusive_scan_test, rethrows_and_stops) {
  thread_pool pool{config()};
  std::vector<int> numbers(5000, 1);
  const auto fails = [](int a, int b) { return a < 4000 ? a + b : throw std::domain_error("large"); };
  EXPECT_THROW(inclusive_scan(pool, numbers, numbers.begin(), fails), std::domain_error);
  stop_token stop;
  stop.request_stop();
  EXPECT_THROW(inclusive_scan(with(pool, stop), numbers, numbers.begin()), std::system_error);
}

}  // namespace
}  // namespace treadle::test
