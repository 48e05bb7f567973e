#include <tasks.hpp>

#include <treadle/coro.hpp>
#include <treadle/treadle.hpp>

#include <gtest/gtest.h>

#include <sys/resource.h>

#include <algorithm>
#include <atomic>
#include <cstddef>
#include <memory>
#include <optional>
#include <system_error>
#include <utility>
#include <variant>
#include <vector>

// What coroutines wait at: mutex, semaphore, latch, event, channel, select. First come first served, ended by a request to
// stop, and no thread is blocked: everything runs on one worker, too.

namespace treadle::test {
namespace {

using coro::sync_wait;

class coro_waits : public with_workers {};
INSTANTIATE_TEST_SUITE_P(widths, coro_waits, worker_counts(), worker_count_name);

coro::task<> raises(coro::mutex& lock, std::size_t& value, std::size_t times) {
  for (std::size_t i = 0; i < times; ++i) {
    const auto guard = co_await lock.lock();
    const std::size_t before = value;  // not atomic on purpose
    if (i % 8 == 0) co_await coro::yield();
    value = before + 1;
  }
}

/// A thread outside that waits for a coroutine sleeps once, however long that takes.
TEST_P(coro_waits, cost_the_waiting_thread_nothing) {
  thread_pool pool{config()};
  rusage before{}, after{};
  ASSERT_EQ(getrusage(RUSAGE_THREAD, &before), 0);
  sync_wait(pool, []() -> coro::task<> { co_await coro::sleep_for(std::chrono::milliseconds(400)); }());
  ASSERT_EQ(getrusage(RUSAGE_THREAD, &after), 0);
  EXPECT_LE(after.ru_nvcsw - before.ru_nvcsw, 4);
}

TEST_P(coro_waits, let_one_into_a_mutex) {
  thread_pool pool{config()};
  coro::mutex lock;
  std::size_t value = 0;
  const std::size_t times = smaller_if_slow(500);
  std::vector<coro::task<>> all;
  for (int i = 0; i < 10; ++i) all.push_back(raises(lock, value, times));
  sync_wait(pool, [](std::vector<coro::task<>> tasks) -> coro::task<> {
    co_await coro::when_all(std::move(tasks));
  }(std::move(all)));
  EXPECT_EQ(value, 10 * times);
  const auto guard = lock.try_lock();
  EXPECT_TRUE(guard.owns());
  EXPECT_FALSE(lock.try_lock().owns());
}

coro::task<> notes_its_turn(coro::mutex& lock, std::vector<std::size_t>& order, std::size_t number) {
  const auto guard = co_await lock.lock();
  order.push_back(number);
}

/// Each is let in line before the next comes. Every third is stopped while it stands there.
TEST_P(coro_waits, are_served_in_the_order_in_which_they_came) {
  thread_pool pool{config()};
  coro::mutex lock;
  auto held = lock.try_lock();
  std::vector<std::size_t> order, expected;
  std::vector<coro::join_handle<void>> handles;
  for (std::size_t i = 0; i < 30; ++i) {
    handles.push_back(coro::spawn(pool, notes_its_turn(lock, order, i)));
    ASSERT_FALSE(pool.drain()) << "it waits now";
  }
  for (std::size_t i = 0; i < 30; ++i) {
    if (i % 3 == 1) {
      handles[i].request_stop();
    } else {
      expected.push_back(i);
    }
  }
  held.unlock();
  for (std::size_t i = 0; i < 30; ++i) {
    if (i % 3 == 1) {
      EXPECT_THROW(handles[i].wait(), std::system_error);
    } else {
      handles[i].wait();
    }
  }
  EXPECT_EQ(order, expected);
}

coro::task<> goes_through(coro::semaphore& permits, std::atomic<int>& inside, std::atomic<int>& most) {
  co_await permits.acquire();
  const int now = ++inside;
  for (int seen = most; now > seen && !most.compare_exchange_weak(seen, now);) {
  }
  co_await coro::yield();
  --inside;
  permits.release();
}

TEST_P(coro_waits, let_as_many_through_a_semaphore_as_it_has_permits) {
  thread_pool pool{config()};
  coro::semaphore permits(3);
  std::atomic<int> inside{0}, most{0};
  std::vector<coro::join_handle<void>> handles;
  for (std::size_t i = 0; i < smaller_if_slow(500); ++i) {
    handles.push_back(coro::spawn(pool, goes_through(permits, inside, most)));
  }
  for (auto& each : handles) each.wait();
  EXPECT_LE(most, 3);
  for (int i = 0; i < 3; ++i) EXPECT_TRUE(permits.try_acquire());
  EXPECT_FALSE(permits.try_acquire());
}

/// Of a permit and a request to stop that come at the same time, the permit is had or stays: none is lost.
TEST_P(coro_waits, lose_no_permit_to_a_stop) {
  thread_pool pool{config()};
  coro::semaphore permits(0);
  std::size_t had = 0, given = 0;
  for (std::size_t round = 0; round < smaller_if_slow(1'000); ++round) {
    auto handle = coro::spawn(pool, [](coro::semaphore& from) -> coro::task<> { co_await from.acquire(); }(permits));
    auto stopper = coro::spawn(pool, [](coro::join_handle<void>& which) -> coro::task<> {
      which.request_stop();
      co_return;
    }(handle));
    permits.release();
    ++given;
    stopper.wait();
    try {
      handle.wait();
      ++had;
    } catch (const std::system_error& error) {
      EXPECT_EQ(error.code(), errc::cancelled);
    }
  }
  std::size_t left = 0;
  while (permits.try_acquire()) ++left;
  EXPECT_EQ(had + left, given);
}

coro::task<> meets(coro::latch& all, coro::event& open, tally& through) {
  all.count_down();
  co_await all.wait();
  co_await open.wait();
  through.add();
}

TEST_P(coro_waits, meet_at_a_latch_and_an_event) {
  thread_pool pool{config()};
  coro::latch all(100);
  coro::event open;
  tally through;
  std::vector<coro::join_handle<void>> handles;
  for (int i = 0; i < 100; ++i) handles.push_back(coro::spawn(pool, meets(all, open, through)));
  ASSERT_FALSE(pool.drain());
  EXPECT_TRUE(all.is_zero());
  EXPECT_EQ(through.get(), 0u);
  open.set();
  for (auto& each : handles) each.wait();
  EXPECT_EQ(through.get(), 100u);
  EXPECT_TRUE(open.is_set());
  open.reset();
  EXPECT_FALSE(open.is_set());
}

coro::task<std::size_t> sends(coro::channel<std::unique_ptr<std::size_t>>& to, std::size_t from, std::size_t count) {
  std::size_t sent = 0;
  for (std::size_t i = 0; i < count; ++i) {
    if (co_await to.send(std::make_unique<std::size_t>(from * count + i))) ++sent;
  }
  co_return sent;
}
coro::task<std::vector<std::size_t>> receives(coro::channel<std::unique_ptr<std::size_t>>& from) {
  std::vector<std::size_t> got;
  while (auto item = co_await from.receive()) got.push_back(**item);
  co_return got;
}

TEST_P(coro_waits, pass_each_item_through_a_channel_once_and_in_order) {
  thread_pool pool{config()};
  constexpr std::size_t producers = 3, consumers = 3;
  const std::size_t each = smaller_if_slow(2'000);
  coro::channel<std::unique_ptr<std::size_t>> items(4);
  std::vector<coro::join_handle<std::size_t>> from;
  std::vector<coro::join_handle<std::vector<std::size_t>>> to;
  for (std::size_t i = 0; i < consumers; ++i) to.push_back(coro::spawn(pool, receives(items)));
  for (std::size_t i = 0; i < producers; ++i) from.push_back(coro::spawn(pool, sends(items, i, each)));
  for (auto& producer : from) EXPECT_EQ(producer.wait(), each);
  items.close();
  std::vector<int> seen(producers * each, 0);
  for (auto& consumer : to) {
    std::vector<std::size_t> last(producers, 0);
    for (const std::size_t item : consumer.wait()) {
      ++seen[item];
      EXPECT_GE(item % each + 1, last[item / each]) << "of one producer's items the older comes first";
      last[item / each] = item % each + 1;
    }
  }
  EXPECT_EQ(std::count(seen.begin(), seen.end(), 1), static_cast<std::ptrdiff_t>(seen.size()));
}

TEST_P(coro_waits, at_a_closed_channel_are_over) {
  thread_pool pool{config()};
  coro::channel<int> full(1), empty(1);
  int first = 1;
  ASSERT_TRUE(full.try_send(first));
  EXPECT_FALSE(full.try_send(first));
  auto sender =
      coro::spawn(pool, [](coro::channel<int>& to) -> coro::task<bool> { co_return co_await to.send(2); }(full));
  auto receiver = coro::spawn(pool, [](coro::channel<int>& from) -> coro::task<bool> {
    co_return (co_await from.receive()).has_value();
  }(empty));
  ASSERT_FALSE(pool.drain());
  full.close();
  empty.close();
  EXPECT_FALSE(sender.wait());
  EXPECT_FALSE(receiver.wait());
  EXPECT_EQ(full.try_receive(), std::optional<int>(1)) << "what is in can still be received";
  EXPECT_EQ(full.try_receive(), std::nullopt);
  EXPECT_TRUE(full.is_closed());
}

coro::task<std::size_t> takes_from_both(coro::channel<std::size_t>& left, coro::channel<std::size_t>& right) {
  std::size_t sum = 0;
  for (bool left_open = true, right_open = true; left_open || right_open;) {
    std::optional<std::size_t> item;
    bool from_left = left_open;
    if (left_open && right_open) {
      auto either = co_await coro::select(left.receive(), right.receive());
      from_left = either.index() == 0;
      item = from_left ? std::get<0>(either) : std::get<1>(either);
    } else if (left_open) {
      item = co_await left.receive();
    } else {
      item = co_await right.receive();
    }
    if (item) {
      sum += *item;
    } else {
      (from_left ? left_open : right_open) = false;
    }
  }
  co_return sum;
}
coro::task<> fills(coro::channel<std::size_t>& to, std::size_t count) {
  for (std::size_t i = 1; i <= count; ++i) EXPECT_TRUE(co_await to.send(i));
  to.close();
}
/// Sends to whichever has room.
coro::task<> fills_either(coro::channel<std::size_t>& left, coro::channel<std::size_t>& right, std::size_t count) {
  for (std::size_t i = 1; i <= count; ++i) {
    const auto sent = co_await coro::select(left.send(i), right.send(i));
    EXPECT_TRUE(sent.index() == 0 ? std::get<0>(sent) : std::get<1>(sent));
  }
  left.close();
  right.close();
}

TEST_P(coro_waits, at_several_channels_take_from_one) {
  thread_pool pool{config()};
  const std::size_t count = smaller_if_slow(2'000);
  const std::size_t sum = count * (count + 1) / 2;
  {
    coro::channel<std::size_t> left(2), right(1);
    auto total = coro::spawn(pool, takes_from_both(left, right));
    auto one = coro::spawn(pool, fills(left, count));
    auto other = coro::spawn(pool, fills(right, count));
    one.wait();
    other.wait();
    EXPECT_EQ(total.wait(), 2 * sum);
  }
  {
    coro::channel<std::size_t> left(1), right(1);
    auto first = coro::spawn(pool, takes_from_both(left, right));
    auto second = coro::spawn(pool, takes_from_both(left, right));
    coro::spawn(pool, fills_either(left, right, count)).wait();
    EXPECT_EQ(first.wait() + second.wait(), sum);
  }
}

/// A request to stop ends a select, and no item is lost to it.
TEST_P(coro_waits, at_several_channels_are_stopped) {
  thread_pool pool{config()};
  coro::channel<int> left(1), right(1);
  std::size_t got = 0, sent = 0;
  for (std::size_t round = 0; round < smaller_if_slow(500); ++round) {
    auto waiting = coro::spawn(pool, [](coro::channel<int>& a, coro::channel<int>& b) -> coro::task<> {
      static_cast<void>(co_await coro::select(a.receive(), b.receive()));
    }(left, right));
    auto stopper = coro::spawn(pool, [](coro::join_handle<void>& which) -> coro::task<> {
      which.request_stop();
      co_return;
    }(waiting));
    int item = 1;
    if (right.try_send(item)) ++sent;
    stopper.wait();
    try {
      waiting.wait();
      ++got;
    } catch (const std::system_error& error) {
      EXPECT_EQ(error.code(), errc::cancelled);
    }
  }
  while (right.try_receive()) ++got;
  EXPECT_EQ(got, sent);
}

}  // namespace
}  // namespace treadle::test
