#include <tasks.hpp>

#include <treadle/treadle.hpp>

#include <gtest/gtest.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstddef>
#include <iterator>
#include <numeric>
#include <stdexcept>
#include <string>
#include <system_error>
#include <thread>
#include <vector>

namespace treadle::test {
namespace {

class copy_if_test : public with_workers {};
INSTANTIATE_TEST_SUITE_P(widths, copy_if_test, worker_counts(), worker_count_name);

using namespace std::chrono_literals;

TEST_P(copy_if_test, copies_what_serial_code_does) {
  thread_pool pool{config()};
  for (const std::size_t count : {std::size_t{0}, std::size_t{1}, std::size_t{1000}, smaller_if_slow(1'000'003)}) {
    std::vector<unsigned> numbers(count);
    std::iota(numbers.begin(), numbers.end(), 0u);
    for (const unsigned one_in : {1u, 2u, 7u, 1'000'000u}) {
      const auto passes = [=](unsigned x) { return x * 2654435761u % one_in == 0; };
      std::vector<unsigned> expected, made(count);
      std::copy_if(numbers.begin(), numbers.end(), std::back_inserter(expected), passes);
      made.erase(copy_if(pool, numbers.begin(), numbers.end(), made.begin(), passes), made.end());
      EXPECT_EQ(made, expected);
      made.assign(count, 0);
      made.erase(copy_if(with(pool, grain{100}), numbers, made.begin(), passes), made.end());
      EXPECT_EQ(made, expected);
    }
  }
}

/// Long enough for others to help, whatever the machine does.
TEST_P(copy_if_test, asks_once_for_each_element) {
  thread_pool pool{config()};
  std::vector<int> numbers(3000), made(3000);
  std::iota(numbers.begin(), numbers.end(), 0);
  std::vector<std::atomic<int>> asked(numbers.size());
  const auto end = copy_if(pool, numbers, made.begin(), [&](int x) {
    ++asked[static_cast<std::size_t>(x)];
    if (x % 100 == 0) std::this_thread::sleep_for(1ms);
    return x % 3 == 0;
  });
  EXPECT_EQ(end - made.begin(), 1000);
  EXPECT_TRUE(std::all_of(asked.begin(), asked.end(), [](const auto& each) { return each == 1; }));
  EXPECT_TRUE(std::all_of(made.begin(), end, [&, i = 0](int each) mutable { return each == 3 * i++; }));
}

TEST_P(copy_if_test, copies_strings_and_rethrows_and_stops) {
  thread_pool pool{config()};
  std::vector<std::string> words(2000), made(2000);
  for (std::size_t i = 0; i < words.size(); ++i) words[i] = std::to_string(i);
  const auto end = copy_if(pool, words, made.begin(), [](const std::string& each) { return each.size() == 2; });
  ASSERT_EQ(end - made.begin(), 90);
  EXPECT_EQ(made[89], "99");
  EXPECT_THROW(copy_if(pool, words, made.begin(), [](const std::string&) -> bool { throw std::domain_error("no"); }),
               std::domain_error);
  stop_token stop;
  stop.request_stop();
  EXPECT_THROW(copy_if(with(pool, stop), words, made.begin(), [](const auto&) { return true; }), std::system_error);
}

}  // namespace
}  // namespace treadle::test
