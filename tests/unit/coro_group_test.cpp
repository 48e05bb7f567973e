#include <tasks.hpp>

#include <treadle/coro.hpp>
#include <treadle/treadle.hpp>

#include <gtest/gtest.h>

#include <atomic>
#include <cstddef>
#include <memory>
#include <stdexcept>
#include <stop_token>
#include <string>
#include <system_error>
#include <tuple>
#include <utility>
#include <variant>
#include <vector>

// Tasks that are awaited together, and requests to stop: they reach the wait that a flow is in, and are awaited.

namespace treadle::test {
namespace {

using coro::sync_wait;

class coro_groups : public with_workers {};
INSTANTIATE_TEST_SUITE_P(widths, coro_groups, worker_counts(), worker_count_name);

coro::task<std::size_t> after_yields(std::size_t value, std::size_t yields) {
  for (std::size_t i = 0; i < yields; ++i) co_await coro::yield();
  co_return value;
}
coro::task<> throws_after_yields(const char* what, std::size_t yields) {
  for (std::size_t i = 0; i < yields; ++i) co_await coro::yield();
  throw std::runtime_error(what);
}
/// Counts itself in and, whatever ends it, out again.
coro::task<> until_stopped(coro::event& never, tally& began, tally& ended) {
  struct leaving {
    tally& ended;
    ~leaving() { ended.add(); }
  };
  const leaving on_exit{ended};
  began.add();
  co_await never.wait();
}
coro::task<int&> refer(int& value) { co_return value; }
coro::task<> nothing() { co_return; }

coro::task<> awaits_all() {
  int value = 5;
  auto [number, same, none] = co_await coro::when_all(after_yields(3, 2), refer(value), nothing());
  EXPECT_EQ(number, 3u);
  EXPECT_EQ(&same, &value);
  static_assert(std::is_same_v<decltype(none), std::monostate>);
  co_await coro::when_all(nothing(), nothing());
  EXPECT_TRUE((co_await coro::when_all(std::vector<coro::task<std::size_t>>())).empty());
  std::vector<coro::task<std::size_t>> many;
  for (std::size_t i = 0; i < 1'000; ++i) many.push_back(after_yields(i, i % 3));
  const std::vector<std::size_t> results = co_await coro::when_all(std::move(many));
  for (std::size_t i = 0; i < results.size(); ++i) EXPECT_EQ(results[i], i);
}

TEST_P(coro_groups, await_all) {
  thread_pool pool{config()};
  sync_wait(pool, awaits_all());
}

coro::task<> fails_as_a_whole(coro::event& never, tally& began, tally& ended) {
  std::string caught;
  try {
    co_await coro::when_all(until_stopped(never, began, ended), throws_after_yields("first", 3),
                            until_stopped(never, began, ended));
  } catch (const std::runtime_error& error) {
    caught = error.what();
  }
  EXPECT_EQ(caught, "first");
  EXPECT_EQ(began.get(), ended.get()) << "the others were stopped and awaited";
}

TEST_P(coro_groups, stop_the_others_after_a_throw) {
  thread_pool pool{config()};
  for (int round = 0; round < 20; ++round) {
    coro::event never;
    tally began, ended;
    sync_wait(pool, fails_as_a_whole(never, began, ended));
  }
}

coro::task<> takes_the_first(coro::event& never, tally& began, tally& ended) {
  const auto first = co_await coro::when_any(until_stopped(never, began, ended), after_yields(9, 2),
                                             until_stopped(never, began, ended));
  EXPECT_EQ(first.index(), 1u);
  if (first.index() == 1) {
    EXPECT_EQ(std::get<1>(first), 9u);
  }
  EXPECT_EQ(began.get(), ended.get()) << "the losers were stopped and awaited";
  std::vector<coro::task<>> many;
  for (int i = 0; i < 20; ++i) many.push_back(until_stopped(never, began, ended));
  many.push_back(nothing());
  EXPECT_EQ((co_await coro::when_any(std::move(many))).index, 20u);
  EXPECT_EQ(began.get(), ended.get());
  bool threw = false;
  try {
    co_await coro::when_any(until_stopped(never, began, ended), throws_after_yields("first", 1));
  } catch (const std::runtime_error&) {
    threw = true;
  }
  EXPECT_TRUE(threw);
}

TEST_P(coro_groups, of_which_the_first_decides) {
  thread_pool pool{config()};
  for (int round = 0; round < 20; ++round) {
    coro::event never;
    tally began, ended;
    sync_wait(pool, takes_the_first(never, began, ended));
  }
}

coro::task<> nests(coro::event& never, tally& began, tally& ended, int levels) {
  if (levels == 0) {
    co_await until_stopped(never, began, ended);
  } else {
    co_await coro::when_all(nests(never, began, ended, levels - 1), nests(never, began, ended, levels - 1));
  }
}

template <class T>
std::error_code error_of(coro::join_handle<T>& handle) {
  try {
    handle.wait();
  } catch (const std::system_error& error) {
    return error.code();
  }
  return {};
}

TEST_P(coro_groups, pass_a_request_to_stop_down) {
  thread_pool pool{config()};
  for (int round = 0; round < 10; ++round) {
    coro::event never;
    tally began, ended;
    auto handle = coro::spawn(pool, nests(never, began, ended, 4));
    if (round % 2 == 0) {
      ASSERT_TRUE(began.reaches(16));
    }
    handle.request_stop();
    EXPECT_EQ(error_of(handle), errc::cancelled);
    EXPECT_EQ(ended.get(), began.get());
  }
}

TEST_P(coro_groups, listen_to_a_token_of_the_standard) {
  thread_pool pool{config()};
  for (int round = 0; round < 20; ++round) {
    coro::event never;
    tally began, ended;
    std::stop_source source;
    auto handle = coro::spawn(pool, until_stopped(never, began, ended), source.get_token());
    if (round % 2 == 0) {
      ASSERT_TRUE(began.reaches(1));
    }
    EXPECT_TRUE(source.request_stop());
    EXPECT_EQ(error_of(handle), errc::cancelled);
    EXPECT_EQ(ended.get(), began.get());
  }
}

coro::task<> uses_a_scope(thread_pool& pool, std::size_t count) {
  coro::async_scope scope(pool);
  tally ran;
  for (std::size_t i = 0; i < count; ++i) {
    scope.spawn([](coro::async_scope& inside, tally& counted, bool again) -> coro::task<> {
      co_await coro::yield();
      counted.add();
      if (again)
        inside.spawn([](tally& more) -> coro::task<> {
          more.add();
          co_return;
        }(counted));
    }(scope, ran, i % 2 == 0));
  }
  co_await scope.join();
  EXPECT_EQ(ran.get(), count + (count + 1) / 2);
  scope.spawn(throws_after_yields("in the scope", 1));
  coro::event never;
  tally began, ended;
  for (int i = 0; i < 5; ++i) scope.spawn(until_stopped(never, began, ended));
  std::string caught;
  try {
    co_await scope.join();
  } catch (const std::runtime_error& error) {
    caught = error.what();
  }
  EXPECT_EQ(caught, "in the scope");
  EXPECT_EQ(began.get(), ended.get());
}

TEST_P(coro_groups, in_a_scope_are_joined) {
  thread_pool pool{config()};
  sync_wait(pool, uses_a_scope(pool, smaller_if_slow(500)));
}

coro::task<> stopped_scope(thread_pool& pool, tally& began, tally& ended) {
  coro::event never;
  coro::async_scope scope(pool);
  for (int i = 0; i < 10; ++i) scope.spawn(until_stopped(never, began, ended));
  co_await scope.join();
  EXPECT_EQ(began.get(), ended.get()) << "the request was passed on, and the tasks were awaited";
}

TEST_P(coro_groups, in_a_scope_are_stopped_with_who_joins_them) {
  thread_pool pool{config()};
  tally began, ended;
  auto handle = coro::spawn(pool, stopped_scope(pool, began, ended));
  ASSERT_TRUE(began.reaches(10));
  handle.request_stop();
  handle.wait();
  EXPECT_EQ(ended.get(), 10u);
}

coro::task<> stops_itself_by_waiting(coro::event& opened, tally& waiting, tally& unwound) {
  struct leaving {
    tally& unwound;
    ~leaving() { unwound.add(); }
  };
  const leaving on_exit{unwound};
  waiting.add();
  co_await opened.wait();
  co_await coro::yield();
}

/// A cancel unwinds what is queued; what waits elsewhere is unwound by whoever ends its wait.
TEST_P(coro_groups, are_unwound_when_their_pool_is_cancelled) {
  thread_pool pool{config()};
  coro::event opened;
  tally waiting, unwound;
  std::vector<coro::join_handle<void>> handles;
  for (int i = 0; i < 30; ++i) handles.push_back(coro::spawn(pool, stops_itself_by_waiting(opened, waiting, unwound)));
  ASSERT_TRUE(waiting.reaches(30));
  ASSERT_FALSE(pool.drain());
  static_cast<void>(pool.shutdown(shutdown_mode::cancel));
  opened.set();
  for (auto& each : handles) EXPECT_EQ(error_of(each), errc::cancelled);
  EXPECT_EQ(unwound.get(), 30u);
}

TEST_P(coro_groups, that_have_not_started_end_with_a_cancelled_pool) {
  thread_pool pool{config()};
  occupation busy;
  ASSERT_TRUE(busy.hold(pool, workers()));
  std::vector<coro::join_handle<std::size_t>> handles;
  for (std::size_t i = 0; i < 30; ++i) handles.push_back(coro::spawn(pool, after_yields(i, 1)));
  const shutdown_report report = pool.shutdown(shutdown_mode::cancel);
  EXPECT_EQ(report.cancelled, 30u);
  for (auto& each : handles) EXPECT_EQ(error_of(each), errc::cancelled);
  busy.release();
}

}  // namespace
}  // namespace treadle::test
