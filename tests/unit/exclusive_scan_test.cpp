#include <tasks.hpp>

#include <treadle/treadle.hpp>

#include <gtest/gtest.h>

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <numeric>
#include <string>
#include <thread>
#include <vector>

namespace treadle::test {
namespace {

class exclusive_scan_test : public with_workers {};
INSTANTIATE_TEST_SUITE_P(widths, exclusive_scan_test, worker_counts(), worker_count_name);

using namespace std::chrono_literals;

TEST_P(exclusive_scan_test, stores_what_serial_code_does) {
  thread_pool pool{config()};
  for (const std::size_t count :
       {std::size_t{0}, std::size_t{1}, std::size_t{2}, std::size_t{1000}, smaller_if_slow(2'000'003)}) {
    std::vector<std::uint32_t> numbers(count);
    for (std::size_t i = 0; i < count; ++i) numbers[i] = static_cast<std::uint32_t>(i * 2654435761u);
    std::vector<std::uint64_t> expected(count), made(count);
    std::exclusive_scan(numbers.begin(), numbers.end(), expected.begin(), std::uint64_t{9});
    EXPECT_EQ(exclusive_scan(pool, numbers.begin(), numbers.end(), made.begin(), std::uint64_t{9}), made.end());
    EXPECT_EQ(made, expected);
    made.assign(count, 0);
    exclusive_scan(with(pool, grain{100}), numbers, made.begin(), std::uint64_t{9}, std::plus<>());
    EXPECT_EQ(made, expected);
    std::vector<std::uint32_t> narrow(count);
    std::exclusive_scan(numbers.begin(), numbers.end(), narrow.begin(), 9u, std::bit_xor<>());
    exclusive_scan(pool, numbers, numbers.begin(), 9u, std::bit_xor<>());
    EXPECT_EQ(numbers, narrow) << "in place";
  }
}

TEST_P(exclusive_scan_test, keeps_the_order) {
  thread_pool pool{config()};
  std::vector<std::string> words(500), expected(500), made(500);
  for (std::size_t i = 0; i < words.size(); ++i) words[i] = static_cast<char>('a' + i % 26);
  std::exclusive_scan(words.begin(), words.end(), expected.begin(), std::string("+"));
  exclusive_scan(pool, words, made.begin(), std::string("+"), [](const std::string& a, const std::string& b) {
    std::this_thread::sleep_for(50us);
    return a + b;
  });
  EXPECT_EQ(made, expected);
}

}  // namespace
}  // namespace treadle::test
