#include <tasks.hpp>

#include <treadle/treadle.hpp>

#include <gtest/gtest.h>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <functional>
#include <initializer_list>
#include <memory>
#include <numeric>
#include <span>
#include <stdexcept>
#include <string>
#include <system_error>
#include <vector>

namespace treadle::test {
namespace {

class reduce_test : public with_workers {};
INSTANTIATE_TEST_SUITE_P(widths, reduce_test, worker_counts(), worker_count_name);

std::vector<std::uint32_t> some_numbers(std::size_t count) {
  std::vector<std::uint32_t> made(count);
  std::uint32_t state = 1;
  for (auto& each : made) each = state = state * 1664525 + 1013904223;
  return made;
}

TEST_P(reduce_test, adds_up_what_serial_code_does) {
  thread_pool pool{config()};
  for (const std::size_t count :
       std::initializer_list<std::size_t>{0, 1, 2, 15, 16, 17, 1000, 7999, 8000, 8001, 100'003}) {
    const auto numbers = some_numbers(count);
    const auto expected = std::accumulate(numbers.begin(), numbers.end(), std::uint64_t{5});
    EXPECT_EQ(reduce(pool, numbers.begin(), numbers.end(), std::uint64_t{5}), expected);
    EXPECT_EQ(reduce(pool, numbers, std::uint64_t{5}), expected);
    EXPECT_EQ(reduce(with(pool, grain{3}), numbers, std::uint64_t{5}, std::plus<std::uint64_t>()), expected);
    EXPECT_EQ(reduce(deterministic, pool, numbers, std::uint64_t{5}), expected);
    EXPECT_EQ(reduce(deterministic, with(pool, grain{3}), numbers.begin(), numbers.end(), std::uint64_t{5}), expected);
    const auto short_one = std::accumulate(numbers.begin(), numbers.end(), 0u);
    EXPECT_EQ(pool.run([&](worker& self) { return reduce(self, numbers); }), short_one);
    EXPECT_EQ(reduce(pool, numbers.begin(), numbers.end()), short_one);
    EXPECT_EQ(reduce(deterministic, pool, numbers.begin(), numbers.end()), short_one);
    EXPECT_EQ(reduce(deterministic, pool, std::span(numbers)), short_one);
  }
}

/// Numbers shorter than int, with a sign, and such that a partial sum alone would overflow.
TEST_P(reduce_test, adds_up_numbers_of_any_length) {
  thread_pool pool{config()};
  std::vector<std::int8_t> bytes(1000);
  for (std::size_t i = 0; i < bytes.size(); ++i) bytes[i] = static_cast<std::int8_t>(i % 2 == 0 ? 100 : -99);
  EXPECT_EQ(reduce(pool, bytes, 0), 500);
  std::vector<std::int32_t> large(64, INT32_MAX);
  for (std::size_t i = 1; i < large.size(); i += 2) large[i] = -INT32_MAX;
  EXPECT_EQ(reduce(pool, large), 0);
  EXPECT_EQ(reduce(pool, std::vector<double>(1000, 0.5), 1.0), 501.0);
}

/// Neither commutative, nor with a neutral element, nor without memory of its own.
TEST_P(reduce_test, keeps_the_order) {
  thread_pool pool{config()};
  std::vector<std::string> words;
  for (int i = 0; i < 3000; ++i) words.push_back(std::to_string(i));
  const auto expected = std::accumulate(words.begin(), words.end(), std::string("x"));
  EXPECT_EQ(reduce(pool, words, std::string("x")), expected);
  EXPECT_EQ(reduce(with(pool, grain{1}), words, std::string("x")), expected);
  EXPECT_EQ(reduce(deterministic, pool, words, std::string("x")), expected);
}

struct owned_sum {
  explicit owned_sum(int value) : held(std::make_unique<int>(value)) {}
  std::unique_ptr<int> held;
};

TEST_P(reduce_test, takes_results_that_only_move) {
  thread_pool pool{config()};
  std::vector<int> numbers(2000);
  std::iota(numbers.begin(), numbers.end(), 0);
  const auto map = [](int value) { return owned_sum(value); };
  const auto add = [](owned_sum a, const owned_sum& b) {
    *a.held += *b.held;
    return a;
  };
  EXPECT_EQ(*transform_reduce(pool, numbers, owned_sum(1), add, map).held, 1999 * 1000 + 1);
  EXPECT_EQ(*transform_reduce(deterministic, pool, numbers, owned_sum(1), add, map).held, 1999 * 1000 + 1);
}

TEST_P(reduce_test, rethrows) {
  thread_pool pool{config()};
  const auto numbers = some_numbers(50'000);
  // Of both: the first of a piece comes as `a`.
  const auto fails = [&](std::uint64_t a, std::uint64_t b) {
    if (a == numbers[31'000] || b == numbers[31'000]) throw std::out_of_range("either");
    return a ^ b;
  };
  EXPECT_THROW(reduce(pool, numbers, std::uint64_t{0}, fails), std::out_of_range);
  EXPECT_THROW(reduce(deterministic, pool, numbers, std::uint64_t{0}, fails), std::out_of_range);
  std::vector<std::string> words(5000, "word");
  words[4000] = "end";
  const auto join = [](const std::string& a, const std::string& b) {
    if (b == "end") throw std::out_of_range("b");
    return a.size() > 9 ? b : a;
  };
  EXPECT_THROW(reduce(pool, words, std::string(), join), std::out_of_range);
  EXPECT_THROW(reduce(deterministic, pool, words, std::string(), join), std::out_of_range);
}

TEST_P(reduce_test, stops) {
  thread_pool pool{config()};
  stop_token stop;
  stop.request_stop();
  const auto numbers = some_numbers(5000);
  EXPECT_THROW(reduce(with(pool, stop), numbers), std::system_error);
  EXPECT_THROW(reduce(deterministic, with(pool, stop), numbers), std::system_error);
}

// ---- deterministic --------------------------------------------------------------------------------------------------

std::vector<float> rough_numbers(std::size_t count) {
  std::vector<float> made(count);
  const auto numbers = some_numbers(count);
  for (std::size_t i = 0; i < count; ++i) made[i] = static_cast<float>(numbers[i]) / static_cast<float>(1 + i % 977);
  return made;
}

template <class T>
std::uint64_t bits_of(T value) {
  std::uint64_t bits = 0;
  std::memcpy(&bits, &value, sizeof value);
  return bits;
}

/// What the tests hold the result against: the grouping as it is documented, spelled out.
float grouped(const std::vector<float>& numbers, std::size_t chunk) {
  std::vector<float> level;
  for (std::size_t at = 0; at < numbers.size(); at += chunk) {
    float sum = numbers[at];
    for (std::size_t i = at + 1; i < std::min(at + chunk, numbers.size()); ++i) sum += numbers[i];
    level.push_back(sum);
  }
  // A tree that parts at powers of two joins neighbours, level by level; one without a neighbour goes up as it is.
  while (level.size() > 1) {
    std::vector<float> above;
    for (std::size_t i = 0; i < level.size(); i += 2) {
      above.push_back(i + 1 < level.size() ? level[i] + level[i + 1] : level[i]);
    }
    level = above;
  }
  return level[0];
}

TEST_P(reduce_test, deterministic_sums_are_grouped_as_documented) {
  thread_pool pool{config()};
  for (const std::size_t count :
       std::initializer_list<std::size_t>{1, 2, 63, 64, 1000, 8191, 64'000, 77'777, 200'000}) {
    const auto numbers = rough_numbers(count);
    const std::size_t usual = std::min<std::size_t>(std::max<std::size_t>(count / 64, 1), 1000);
    for (int round = 0; round < 3; ++round) {
      EXPECT_EQ(bits_of(reduce(deterministic, pool, numbers, 0.0f)), bits_of(0.0f + grouped(numbers, usual)));
      EXPECT_EQ(bits_of(reduce(deterministic, with(pool, grain{100}), numbers, 0.0f)),
                bits_of(0.0f + grouped(numbers, 100)));
    }
  }
}

}  // namespace
}  // namespace treadle::test
