#include <random.hpp>
#include <tasks.hpp>

#include <treadle/treadle.hpp>

#include <gtest/gtest.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <numeric>
#include <optional>
#include <stdexcept>
#include <string>
#include <system_error>
#include <thread>
#include <utility>
#include <vector>

// That every item goes through every stage once, in the order that the stage promises, and how a pipeline ends early.

namespace treadle::test {
namespace {

class pipeline_test : public with_workers {};
INSTANTIATE_TEST_SUITE_P(widths, pipeline_test, worker_counts(), worker_count_name);

/// A source of 0, 1, 2, ... up to `count`.
auto numbers(std::size_t count) {
  return [next = std::size_t{0}, count]() mutable -> std::optional<std::size_t> {
    if (next == count) return std::nullopt;
    return next++;
  };
}

std::vector<std::size_t> first_numbers(std::size_t count) {
  std::vector<std::size_t> values(count);
  std::iota(values.begin(), values.end(), std::size_t{0});
  return values;
}

/// Says whether two are ever inside at once.
class alone {
 public:
  explicit alone(std::atomic<int>& inside) : inside_(inside) { EXPECT_EQ(inside_.fetch_add(1), 0); }
  ~alone() { inside_.fetch_sub(1); }
  alone(const alone&) = delete;
  alone& operator=(const alone&) = delete;

 private:
  std::atomic<int>& inside_;
};

TEST_P(pipeline_test, keeps_the_order_of_the_source_where_asked_to) {
  thread_pool pool{config()};
  const std::size_t count = smaller_if_slow(5'000);
  for (const std::size_t tokens : {1u, 2u, 7u, 100u}) {
    std::vector<std::size_t> first, last;
    std::atomic<int> in_first{0}, in_last{0};
    pipeline(
        pool, tokens, numbers(count), [](std::size_t i) { return i; }, in_order([&](std::size_t i) {
          const alone here(in_first);
          first.push_back(i);
          return std::to_string(i);
        }),
        parallel([](std::string text) {
          if (text.back() == '3') std::this_thread::yield();
          return std::make_unique<std::string>(std::move(text));
        }),
        in_order([&](std::unique_ptr<std::string> text) {
          const alone here(in_last);
          last.push_back(std::stoul(*text));
        }));
    EXPECT_EQ(first, first_numbers(count)) << tokens;
    EXPECT_EQ(last, first_numbers(count)) << tokens;
  }
}

TEST_P(pipeline_test, takes_one_at_a_time_in_any_order) {
  thread_pool pool{config()};
  const std::size_t count = smaller_if_slow(20'000);
  std::vector<std::size_t> seen;
  std::atomic<int> inside{0};
  pool.run([&](worker& self) {
    pipeline(
        self, 8, numbers(count), [](worker& here, std::size_t i) { return std::pair(i, here.index()); },
        one_at_a_time([&](std::pair<std::size_t, std::size_t> item) {
          const alone here(inside);
          seen.push_back(item.first);
        }));
  });
  std::sort(seen.begin(), seen.end());
  EXPECT_EQ(seen, first_numbers(count));
}

TEST_P(pipeline_test, has_no_more_items_under_way_than_tokens) {
  thread_pool pool{config()};
  for (const std::size_t tokens : {0u, 1u, 3u, 16u}) {
    std::atomic<std::size_t> alive{0}, most{0};
    std::size_t next = 0;
    pipeline(
        pool, tokens,
        [&]() -> std::optional<std::size_t> {
          if (next == 3'000) return std::nullopt;
          const std::size_t now = alive.fetch_add(1) + 1;
          most.store(std::max(most.load(), now));
          return next++;
        },
        [](std::size_t i) { return i; }, in_order([&](std::size_t) { alive.fetch_sub(1); }));
    EXPECT_LE(most.load(), std::max<std::size_t>(tokens, 1));
    EXPECT_EQ(alive.load(), 0u);
  }
}

TEST_P(pipeline_test, of_nothing_is_over) {
  thread_pool pool{config()};
  int called = 0;
  pipeline(pool, 4, numbers(0), [&](std::size_t) { ++called; });
  EXPECT_EQ(called, 0);
}

TEST_P(pipeline_test, drains_after_an_exception_and_rethrows_it) {
  thread_pool pool{config()};
  for (const std::size_t bad : {0u, 1u, 500u}) {
    std::vector<std::size_t> last;
    std::atomic<std::size_t> pulled{0};
    const auto source = [&]() -> std::optional<std::size_t> { return pulled.fetch_add(1); };
    EXPECT_THROW(pipeline(
                     pool, 10, source, in_order([](std::size_t i) { return i; }),
                     [&](std::size_t i) {
                       if (i == bad) throw std::runtime_error("bad item");
                       return i;
                     },
                     in_order([&](std::size_t i) { last.push_back(i); })),
                 std::runtime_error);
    ASSERT_GE(pulled.load(), bad + 1);
    std::vector<std::size_t> expected = first_numbers(pulled.load());
    expected.erase(expected.begin() + static_cast<std::ptrdiff_t>(bad));
    EXPECT_EQ(last, expected) << bad;
  }
}

TEST_P(pipeline_test, drains_after_an_exception_of_its_source) {
  thread_pool pool{config()};
  std::size_t next = 0, through = 0;
  EXPECT_THROW(pipeline(
                   pool, 5,
                   [&]() -> std::optional<std::size_t> {
                     if (next == 100) throw std::runtime_error("no more");
                     return next++;
                   },
                   one_at_a_time([&](std::size_t) { ++through; })),
               std::runtime_error);
  EXPECT_EQ(through, 100u);
}

TEST_P(pipeline_test, stops_when_asked_to) {
  thread_pool pool{config()};
  stop_token stop;
  std::size_t pulled = 0, through = 0;
  const auto source = [&]() -> std::optional<std::size_t> {
    if (pulled == 100) stop.request_stop();
    return pulled++;
  };
  try {
    pipeline(pool, stop, 5, source, in_order([&](std::size_t) { ++through; }));
    ADD_FAILURE() << "it did not stop";
  } catch (const std::system_error& error) {
    EXPECT_EQ(error.code(), errc::cancelled);
  }
  EXPECT_GE(pulled, 101u);
  EXPECT_EQ(through, pulled);
}

TEST_P(pipeline_test, inside_a_stage_of_another) {
  thread_pool pool{config()};
  std::size_t sum = 0;
  pipeline(
      pool, 4, numbers(30),
      [&](worker& self, std::size_t i) {
        std::size_t inner = 0;
        pipeline(
            self, 3, numbers(i), [](std::size_t j) { return j + 1; },
            one_at_a_time([&](std::size_t j) { inner += j; }));
        return inner;
      },
      one_at_a_time([&](std::size_t inner) { sum += inner; }));
  std::size_t expected = 0;
  for (std::size_t i = 0; i < 30; ++i) expected += i * (i + 1) / 2;
  EXPECT_EQ(sum, expected);
}

TEST_P(pipeline_test, may_run_ready_tasks_inside_a_stage) {
  thread_pool pool{config()};
  std::vector<std::size_t> last;
  pipeline(
      pool, 4, numbers(500), [](std::size_t i) { return i; }, in_order([](std::size_t i) {
        run_ready();
        return i;
      }),
      in_order([&](std::size_t i) { last.push_back(i); }));
  EXPECT_EQ(last, first_numbers(500));
}

TEST(pipeline_workers, work_side_by_side) {
  using namespace std::chrono_literals;
  thread_pool pool{pool_config{.max_threads = 4}};
  std::atomic<int> inside{0}, most{0};
  pipeline(pool, 4, numbers(200), [&](std::size_t) {
    const int now = inside.fetch_add(1) + 1;
    if (now > most.load()) most.store(now);
    std::this_thread::sleep_for(1ms);
    inside.fetch_sub(1);
  });
  EXPECT_GE(most.load(), 2);
}

}  // namespace
}  // namespace treadle::test
