#include <random.hpp>
#include <sort_inputs.hpp>
#include <tasks.hpp>

#include <treadle/treadle.hpp>

#include <gtest/gtest.h>

#include <algorithm>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <stdexcept>
#include <string>
#include <system_error>
#include <utility>
#include <vector>

// That equal elements keep their order, with room and without, and what is left when something throws.

namespace treadle::test {
namespace {

class stable_sort_test : public with_workers {};
INSTANTIATE_TEST_SUITE_P(widths, stable_sort_test, worker_counts(), worker_count_name);

/// A key, and where it stood at first.
template <class Key>
struct placed {
  Key key;
  std::uint32_t place;
  friend bool operator==(const placed&, const placed&) = default;
};

template <class Key>
std::vector<placed<Key>> make_placed(sort_input input, std::size_t count, random_source& random) {
  std::vector<placed<Key>> values;
  for (auto& key : make_sort_input<Key>(input, count, random)) {
    values.push_back({std::move(key), static_cast<std::uint32_t>(values.size())});
  }
  return values;
}

template <class Key, class Compare>
void keeps_the_order_of_equals(thread_pool& pool, Compare compare) {
  const std::uint64_t seed = run_seed();
  SCOPED_TRACE("TREADLE_TEST_SEED=" + std::to_string(seed));
  random_source random(seed);
  for (const std::size_t count : sort_sizes<Key>()) {
    for (const sort_input input : all_sort_inputs) {
      auto values = make_placed<Key>(input, count, random);
      auto expected = values;
      std::ranges::sort(expected, [&](const placed<Key>& a, const placed<Key>& b) {
        return compare(a.key, b.key) || (!compare(b.key, a.key) && a.place < b.place);
      });
      treadle::stable_sort(pool, values, compare, &placed<Key>::key);
      ASSERT_TRUE(values == expected) << name_of(input) << ' ' << count;
    }
  }
}

TEST_P(stable_sort_test, keeps_the_order_of_equals) {
  thread_pool pool{config()};
  keeps_the_order_of_equals<std::uint8_t>(pool, std::less<>{});
  keeps_the_order_of_equals<std::uint32_t>(pool, std::greater<>{});
}

TEST_P(stable_sort_test, keeps_the_order_of_equal_strings) {
  thread_pool pool{config()};
  keeps_the_order_of_equals<std::string>(pool, std::less<>{});
}

TEST_P(stable_sort_test, numbers) {
  thread_pool pool{config()};
  random_source random(5);
  for (const sort_input input : all_sort_inputs) {
    auto integers = make_sort_input<std::int64_t>(input, smaller_if_slow(70'001), random);
    treadle::stable_sort(pool, integers.begin(), integers.end());
    EXPECT_TRUE(std::is_sorted(integers.begin(), integers.end())) << name_of(input);
    auto floats = make_sort_input<float>(input, smaller_if_slow(70'001), random);
    treadle::stable_sort(pool, floats, std::greater<>{});
    EXPECT_TRUE(std::is_sorted(floats.begin(), floats.end(), std::greater<>{})) << name_of(input);
  }
}

/// Moves may throw, so no room is used; exchanges are its own, and do not.
struct throwing_move {
  throwing_move(std::uint64_t k, std::size_t p) : key(k), place(p) {}
  throwing_move(throwing_move&& other) : key(other.key), place(other.place) {}
  throwing_move& operator=(throwing_move&& other) {
    key = other.key;
    place = other.place;
    return *this;
  }
  friend void swap(throwing_move& a, throwing_move& b) noexcept {
    std::swap(a.key, b.key);
    std::swap(a.place, b.place);
  }
  std::uint64_t key;
  std::size_t place;
};

TEST_P(stable_sort_test, goes_without_room_for_what_throws_when_moved) {
  thread_pool pool{config()};
  static_assert(!detail::moving_merge_sort<throwing_move*, std::less<>>::uses_room);
  random_source random(7);
  std::vector<throwing_move> values;
  values.reserve(20'000);
  for (std::size_t i = 0; i < 20'000; ++i) values.emplace_back(random.below(500), i);
  treadle::stable_sort(pool, values, {}, &throwing_move::key);
  EXPECT_TRUE(std::is_sorted(values.begin(), values.end(), [](const auto& a, const auto& b) {
    return a.key != b.key ? a.key < b.key : a.place < b.place;
  }));
}

TEST_P(stable_sort_test, what_only_moves_and_does_not_lie_in_one_piece) {
  thread_pool pool{config()};
  random_source random(11);
  std::deque<std::unique_ptr<std::uint64_t>> values(smaller_if_slow(50'000));
  for (auto& each : values) each = std::make_unique<std::uint64_t>(random.below(5'000));
  pool.run([&](worker& self) {
    treadle::stable_sort(self, values.begin(), values.end(), [](const auto& a, const auto& b) { return *a < *b; });
  });
  EXPECT_TRUE(std::is_sorted(values.begin(), values.end(), [](const auto& a, const auto& b) { return *a < *b; }));
}

TEST_P(stable_sort_test, loses_no_element_when_a_comparison_throws) {
  thread_pool pool{config()};
  random_source random(13);
  const std::size_t count = smaller_if_slow(40'000);
  for (const std::size_t until : {std::size_t{1}, std::size_t{10}, std::size_t{100}, std::size_t{1'000}, count * 8}) {
    std::atomic<std::uint64_t> compared{0};
    const auto less = [&](const auto& a, const auto& b) {
      if (compared.fetch_add(1, std::memory_order_relaxed) == until) throw std::runtime_error("compared too often");
      return a < b;
    };
    const auto check = [&](auto values) {
      compared = 0;
      auto expected = values;
      EXPECT_THROW(treadle::stable_sort(pool, values, less), std::runtime_error) << until;
      std::sort(values.begin(), values.end());
      std::sort(expected.begin(), expected.end());
      EXPECT_EQ(values, expected) << until;
    };
    check(make_sort_input<std::uint32_t>(sort_input::random, count, random));
    check(make_sort_input<std::string>(sort_input::random, count, random));
  }
}

TEST_P(stable_sort_test, stops_when_asked_to) {
  thread_pool pool{config()};
  random_source random(17);
  auto values = make_sort_input<double>(sort_input::random, 30'000, random);
  auto expected = values;
  stop_token stop;
  std::atomic<int> compared{0};
  try {
    treadle::stable_sort(pool, stop, values, [&](double a, double b) {
      if (compared.fetch_add(1) == 1'000) stop.request_stop();
      return a < b;
    });
    ADD_FAILURE() << "it did not stop";
  } catch (const std::system_error& error) {
    EXPECT_EQ(error.code(), errc::cancelled);
  }
  std::sort(values.begin(), values.end());
  std::sort(expected.begin(), expected.end());
  EXPECT_EQ(values, expected);
  stop_token never;
  std::vector<double> sorted = make_sort_input<double>(sort_input::random, 1'000, random);
  treadle::stable_sort(pool, never, sorted.begin(), sorted.end());
  EXPECT_TRUE(std::is_sorted(sorted.begin(), sorted.end()));
}

/// Both sorts without room, as they go when there is no memory for it.
TEST_P(stable_sort_test, does_without_room) {
  thread_pool pool{config()};
  random_source random(19);
  auto values = make_placed<std::uint8_t>(sort_input::random, smaller_if_slow(30'000), random);
  auto less = [](const auto& a, const auto& b) { return a.key < b.key; };
  auto expected = values;
  std::ranges::sort(expected, {}, [](const auto& each) { return std::pair(each.key, each.place); });
  pool.run([&](worker& self) {
    using sorter = detail::moving_merge_sort<placed<std::uint8_t>*, decltype(less)>;
    sorter(less, nullptr)(self, values.data(), nullptr, values.size());
  });
  EXPECT_TRUE(values == expected);
}

TEST(stable_sort_patterns, are_found_in_one_pass) {
  thread_pool pool{pool_config{.max_threads = 1}};
  random_source random(1);
  for (const sort_input input : {sort_input::sorted, sort_input::reversed}) {
    auto values = make_sort_input<std::uint32_t>(input, 10'000, random);
    std::size_t compared = 0;
    treadle::stable_sort(pool, values, [&](std::uint32_t a, std::uint32_t b) {
      ++compared;
      return a < b;
    });
    EXPECT_EQ(compared, values.size() - 1) << name_of(input);
    EXPECT_TRUE(std::is_sorted(values.begin(), values.end()));
  }
}

}  // namespace
}  // namespace treadle::test
