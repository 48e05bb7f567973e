#include <random.hpp>
#include <sort_inputs.hpp>
#include <tasks.hpp>

#include <treadle/algorithm/sort.hpp>
#include <treadle/treadle.hpp>

#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <functional>
#include <limits>
#include <memory>
#include <stdexcept>
#include <string>
#include <system_error>
#include <type_traits>
#include <utility>
#include <vector>

// What sort returns, whatever lies in front of it, and what is left when something throws.

namespace treadle::test {
namespace {

class sort_test : public with_workers {};
INSTANTIATE_TEST_SUITE_P(widths, sort_test, worker_counts(), worker_count_name);

/// Sorts every input of every size as std::sort does.
template <class T, class Compare>
void sorts_as_the_standard_does(thread_pool& pool, Compare compare) {
  const std::uint64_t seed = run_seed();
  SCOPED_TRACE("TREADLE_TEST_SEED=" + std::to_string(seed));
  random_source random(seed);
  for (const std::size_t count : sort_sizes<T>()) {
    for (const sort_input input : all_sort_inputs) {
      std::vector<T> values = make_sort_input<T>(input, count, random);
      std::vector<T> expected = values;
      std::sort(expected.begin(), expected.end(), compare);
      treadle::sort(pool, values.begin(), values.end(), compare);
      ASSERT_EQ(values, expected) << name_of(input) << ' ' << count;
    }
  }
}

TEST_P(sort_test, numbers) {
  thread_pool pool{config()};
  sorts_as_the_standard_does<std::uint32_t>(pool, std::less<>{});
  sorts_as_the_standard_does<double>(pool, std::greater<double>{});
  sorts_as_the_standard_does<std::int16_t>(pool, std::ranges::greater{});
}

TEST_P(sort_test, numbers_by_a_comparator_of_ones_own) {
  thread_pool pool{config()};
  sorts_as_the_standard_does<float>(pool, [](float a, float b) { return a < b; });
}

TEST_P(sort_test, strings) {
  thread_pool pool{config()};
  sorts_as_the_standard_does<std::string>(pool, std::less<>{});
}

TEST_P(sort_test, both_zeros_and_the_infinities) {
  thread_pool pool{config()};
  constexpr double infinity = std::numeric_limits<double>::infinity();
  std::vector<double> values;
  for (int i = 0; i < 500; ++i) {
    for (const double each : {0.0, -0.0, infinity, -infinity, 1.0, -1.0, 5e-324, -5e-324}) values.push_back(each);
  }
  treadle::sort(pool, values);
  EXPECT_TRUE(std::is_sorted(values.begin(), values.end()));
  EXPECT_EQ(std::count(values.begin(), values.end(), 0.0), 1000);
}

TEST_P(sort_test, what_only_moves) {
  thread_pool pool{config()};
  random_source random(11);
  std::vector<std::unique_ptr<std::uint64_t>> values(smaller_if_slow(100'000));
  for (auto& each : values) each = std::make_unique<std::uint64_t>(random.below(50'000));
  treadle::sort(pool, values, [](const auto& a, const auto& b) { return *a < *b; });
  EXPECT_TRUE(std::is_sorted(values.begin(), values.end(), [](const auto& a, const auto& b) { return *a < *b; }));
}

struct record {
  std::uint32_t key;
  std::array<std::uint32_t, 20> rest;
};

TEST_P(sort_test, ranges_by_a_projection) {
  thread_pool pool{config()};
  random_source random(13);
  std::deque<record> values(smaller_if_slow(50'000));
  for (auto& each : values) each.key = static_cast<std::uint32_t>(random.next());
  treadle::sort(pool, values, std::greater<>{}, &record::key);
  EXPECT_TRUE(std::ranges::is_sorted(values, std::greater<>{}, &record::key));
  std::array<std::pair<int, int>, 100> pairs;
  for (auto& each : pairs) each = {static_cast<int>(random.below(10)), static_cast<int>(random.below(10))};
  pool.run([&](worker& self) { treadle::sort(self, pairs); });
  EXPECT_TRUE(std::ranges::is_sorted(pairs));
}

TEST_P(sort_test, on_the_worker_that_calls) {
  thread_pool pool{config()};
  std::vector<int> values = {3, 1, 2};
  pool.run([&](worker& self) { treadle::sort(self, values.begin(), values.end(), std::greater<>{}); });
  EXPECT_EQ(values, (std::vector<int>{3, 2, 1}));
  int bare[] = {5, 4, 7};
  pool.run([&] { treadle::sort(pool, bare, bare + 3); });
  EXPECT_TRUE(std::is_sorted(bare, bare + 3));
}

TEST_P(sort_test, inside_branches) {
  thread_pool pool{config()};
  random_source random(17);
  std::vector<std::vector<std::uint64_t>> all(8);
  for (auto& each : all) each = make_sort_input<std::uint64_t>(sort_input::random, smaller_if_slow(60'000), random);
  pool.run([&](worker& self) {
    detail::for_each_part(self, 0, all.size(), [&](worker& here, std::size_t i) { treadle::sort(here, all[i]); });
  });
  for (const auto& each : all) EXPECT_TRUE(std::is_sorted(each.begin(), each.end()));
}

TEST_P(sort_test, loses_no_element_when_a_comparison_throws) {
  thread_pool pool{config()};
  random_source random(19);
  const std::size_t count = smaller_if_slow(30'000);
  for (const std::size_t until : {std::size_t{1}, std::size_t{10}, std::size_t{100}, std::size_t{1'000}, count * 5}) {
    std::atomic<std::uint64_t> compared{0};
    const auto less = [&](const auto& a, const auto& b) {
      if (compared.fetch_add(1, std::memory_order_relaxed) == until) throw std::runtime_error("compared too often");
      return a < b;
    };
    const auto check = [&](auto values) {
      compared = 0;
      auto expected = values;
      EXPECT_THROW(treadle::sort(pool, values, less), std::runtime_error) << until;
      std::sort(values.begin(), values.end());
      std::sort(expected.begin(), expected.end());
      EXPECT_EQ(values, expected) << until;
    };
    check(make_sort_input<std::uint32_t>(sort_input::random, count, random));
    check(make_sort_input<std::string>(sort_input::random, count, random));
  }
}

/// Moves may throw; exchanges are its own, and do not.
struct throwing_move {
  explicit throwing_move(std::uint64_t v) : value(v) {}
  throwing_move(throwing_move&& other) : value(other.value) {}
  throwing_move& operator=(throwing_move&& other) {
    value = other.value;
    return *this;
  }
  friend void swap(throwing_move& a, throwing_move& b) noexcept { std::swap(a.value, b.value); }
  std::uint64_t value;
};

TEST_P(sort_test, exchanges_what_throws_when_moved) {
  thread_pool pool{config()};
  static_assert(!std::is_nothrow_move_constructible_v<throwing_move>);
  random_source random(23);
  std::vector<throwing_move> values;
  values.reserve(20'000);
  for (std::size_t i = 0; i < 20'000; ++i) values.emplace_back(random.below(5'000));
  treadle::sort(pool, values, {}, &throwing_move::value);
  EXPECT_TRUE(std::ranges::is_sorted(values, {}, &throwing_move::value));
}

TEST_P(sort_test, stops_when_asked_to) {
  thread_pool pool{config()};
  random_source random(29);
  const auto values = make_sort_input<std::uint32_t>(sort_input::random, smaller_if_slow(100'000), random);
  const auto check = [&](auto compare, stop_token& stop) {
    auto sorted = values;
    try {
      treadle::sort(pool, stop, sorted, compare);
      ADD_FAILURE() << "it did not stop";
    } catch (const std::system_error& error) {
      EXPECT_EQ(error.code(), errc::cancelled);
    }
    auto expected = values;
    std::sort(sorted.begin(), sorted.end());
    std::sort(expected.begin(), expected.end());
    EXPECT_EQ(sorted, expected);
  };
  stop_token before;
  before.request_stop();
  check(std::less<>{}, before);
  stop_token meanwhile;
  std::atomic<int> compared{0};
  check(
      [&](std::uint32_t a, std::uint32_t b) {
        if (compared.fetch_add(1) == 1'000) meanwhile.request_stop();
        return a < b;
      },
      meanwhile);
  stop_token never;
  auto sorted = values;
  treadle::sort(pool, never, sorted.begin(), sorted.end());
  EXPECT_TRUE(std::is_sorted(sorted.begin(), sorted.end()));
}

/// Makes the worst input for whoever compares: values are chosen only when a comparison asks for them. After McIlroy, A
/// Killer Adversary for Quicksort (1999).
TEST(sort_worst_case, is_n_log_n_against_an_adversary) {
  thread_pool pool{pool_config{.max_threads = 1}};
  constexpr std::uint32_t count = 1 << 15;
  std::vector<std::uint32_t> value_of(count, count), order(count);
  for (std::uint32_t i = 0; i < count; ++i) order[i] = i;
  std::uint32_t solid = 0, candidate = 0;
  std::uint64_t compared = 0;
  const std::uint32_t gas = count;
  treadle::sort(pool, order, [&](std::uint32_t a, std::uint32_t b) {
    ++compared;
    if (value_of[a] == gas && value_of[b] == gas) value_of[a == candidate ? a : b] = solid++;
    if (value_of[a] == gas) candidate = a;
    if (value_of[b] == gas) candidate = b;
    return value_of[a] < value_of[b];
  });
  EXPECT_LT(compared, std::uint64_t{count} * 15 * 6);
  EXPECT_TRUE(std::is_sorted(order.begin(), order.end(), [&](auto a, auto b) { return value_of[a] < value_of[b]; }));
}

TEST(sort_patterns, are_found_in_one_pass) {
  thread_pool pool{pool_config{.max_threads = 1}};
  constexpr std::size_t count = 10'000;
  for (const sort_input input : {sort_input::sorted, sort_input::reversed}) {
    random_source random(1);
    std::vector<std::uint32_t> values = make_sort_input<std::uint32_t>(input, count, random);
    std::size_t compared = 0;
    treadle::sort(pool, values, [&](std::uint32_t a, std::uint32_t b) {
      ++compared;
      return a < b;
    });
    EXPECT_EQ(compared, count - 1) << name_of(input);
    EXPECT_TRUE(std::is_sorted(values.begin(), values.end()));
  }
}

}  // namespace
}  // namespace treadle::test
