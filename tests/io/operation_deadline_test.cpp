#include <awaited_operation.hpp>
#include <random.hpp>
#include <tasks.hpp>

#include <treadle/io.hpp>
#include <treadle/treadle.hpp>

#include <gtest/gtest.h>

#include <array>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <system_error>
#include <thread>
#include <utility>
#include <vector>

// Operations with a deadline: they end by it and not before, and one that is over by then does not hear of it.

namespace treadle::test {
namespace {

using awaited = awaited_operation;
using clock = std::chrono::steady_clock;
using namespace std::chrono_literals;

class operation_deadlines : public with_workers {};
INSTANTIATE_TEST_SUITE_P(widths, operation_deadlines, worker_counts(), worker_count_name);

using room = std::array<std::byte, 64>;

TEST_P(operation_deadlines, end_what_waits_and_never_early) {
  thread_pool pool{config()};
  two_streams both(pool);
  awaited receives(pool);
  room got{};
  for (std::size_t i = 1; i <= repetitions(20); ++i) {
    const auto time = std::chrono::microseconds(i * 150);
    const auto before = clock::now();
    if (i % 2 == 0) {
      receives.expires_after(time);
    } else {
      receives.expires_at(before + time);
    }
    ASSERT_FALSE(receives.receive(both.far, got));
    EXPECT_EQ(receives.wait(i), errc::timed_out);
    EXPECT_GE(clock::now() - before, time);
    EXPECT_EQ(receives.bytes(), 0u);
  }
  EXPECT_TRUE(pool.shutdown(shutdown_mode::drain).not_run.empty());
}

/// A deadline is that of one start, whichever way that ends.
TEST_P(operation_deadlines, are_of_one_start) {
  thread_pool pool{config()};
  two_streams both(pool);
  awaited receives(pool), sends(pool);
  room got{};
  const room sent{};
  receives.expires_after(3ms);
  ASSERT_FALSE(receives.receive(both.far, got));
  ASSERT_FALSE(sends.send(both.near, std::span(sent).first(1)));
  ASSERT_FALSE(sends.wait(1));
  const std::error_code first = receives.wait(1);
  EXPECT_TRUE(!first || first == errc::timed_out) << first;  // a machine may be that slow
  if (first) {
    ASSERT_FALSE(receives.receive(both.far, got));
    ASSERT_FALSE(receives.wait(2));
  }
  const std::size_t so_far = receives.ends();
  ASSERT_FALSE(receives.receive(both.far, got));
  std::this_thread::sleep_for(8ms);
  EXPECT_TRUE(receives.is_under_way());
  ASSERT_FALSE(sends.send(both.near, std::span(sent).first(1)));
  EXPECT_FALSE(receives.wait(so_far + 1));
  EXPECT_FALSE(sends.wait(2));
}

TEST_P(operation_deadlines, that_have_passed_let_it_try) {
  thread_pool pool{config()};
  two_streams both(pool);
  awaited receives(pool), sends(pool);
  room got{};
  const room sent{};
  ASSERT_FALSE(sends.send(both.near, std::span(sent).first(7)));
  ASSERT_FALSE(sends.wait());
  receives.expires_after(-1s);
  ASSERT_FALSE(receives.receive(both.far, got));  // on loopback it is there by now
  EXPECT_FALSE(receives.wait(1));
  EXPECT_EQ(receives.bytes(), 7u);
  receives.expires_at(clock::now() - 1h);
  ASSERT_FALSE(receives.receive(both.far, got));
  EXPECT_EQ(receives.wait(2), errc::timed_out);
}

/// What has been sent by then stays sent, and is counted.
TEST_P(operation_deadlines, say_how_much_was_sent) {
  thread_pool pool{config()};
  two_streams both(pool);
  const std::vector<std::byte> sent(20'000'000, std::byte{3});
  awaited sends(pool), receives(pool);
  sends.expires_after(10ms);
  ASSERT_FALSE(sends.send_all(both.near, sent));
  EXPECT_EQ(sends.wait(), errc::timed_out);
  EXPECT_GT(sends.bytes(), 0u);
  EXPECT_LT(sends.bytes(), sent.size());
  const std::size_t in_all = sends.bytes();
  both.near.close();
  std::vector<std::byte> got(1'000'000);
  std::size_t received = 0;
  for (std::size_t i = 1; received < in_all; ++i) {
    ASSERT_FALSE(receives.receive(both.far, got));
    ASSERT_FALSE(receives.wait(i));
    ASSERT_NE(receives.bytes(), 0u);
    received += receives.bytes();
  }
  EXPECT_EQ(received, in_all);
}

/// A listener that lets nobody in any more: whoever connects has no answer.
TEST_P(operation_deadlines, of_connections) {
  thread_pool pool{config()};
  auto at = io::listener::listen(pool, io::address::loopback(0), {.backlog = 0}).value();
  const io::address there = at.local_address().value();
  std::vector<io::stream> inside;
  awaited connects(pool);
  std::error_code why;
  for (std::size_t i = 1; !why && i < 6; ++i) {
    connects.expires_after(30ms);
    ASSERT_FALSE(connects.connect(there));
    why = connects.wait(i);
    if (!why) inside.push_back(connects.connected());
  }
  EXPECT_EQ(why, errc::timed_out);
  EXPECT_FALSE(connects.connected());
}

TEST_P(operation_deadlines, of_accepts_and_of_readiness) {
  thread_pool pool{config()};
  auto at = io::listener::listen(pool, io::address::loopback(0)).value();
  awaited accepts(pool), waits(pool);
  io::pipe pipe = io::pipe::make(pool).value();
  accepts.expires_after(2ms);
  waits.expires_after(1ms);
  ASSERT_FALSE(accepts.accept(at));
  ASSERT_FALSE(waits.readable(pipe.reads.handle()));
  EXPECT_EQ(accepts.wait(), errc::timed_out);
  EXPECT_EQ(waits.wait(), errc::timed_out);
  EXPECT_FALSE(accepts.accepted());
}

TEST_P(operation_deadlines, leave_a_cancel_its_name) {
  thread_pool pool{config()};
  two_streams both(pool);
  awaited receives(pool);
  room got{};
  receives.expires_after(1h);
  ASSERT_FALSE(receives.receive(both.far, got));
  receives.cancel();
  EXPECT_EQ(receives.wait(), errc::cancelled);
}

/// Long before their time they end with the pool, and none stays behind in its timers.
TEST_P(operation_deadlines, end_with_the_pool) {
  for (const shutdown_mode mode : {shutdown_mode::drain, shutdown_mode::cancel}) {
    thread_pool pool{config()};
    two_streams both(pool);
    std::vector<std::unique_ptr<awaited>> all;
    std::vector<room> rooms(20);
    for (room& each : rooms) {
      all.push_back(std::make_unique<awaited>(pool));
      all.back()->expires_after(1h);
      ASSERT_FALSE(all.back()->receive(both.far, each));
    }
    ASSERT_FALSE(pool.drain());
    const shutdown_report report = pool.shutdown(mode);
    ASSERT_FALSE(report.error);
    EXPECT_TRUE(report.not_run.empty());
    for (auto& each : all) {
      const std::error_code why = each->wait();
      EXPECT_TRUE(why == errc::shut_down || why == errc::cancelled) << why;
      EXPECT_EQ(each->ends(), 1u);
    }
    awaited late(pool);
    late.expires_after(1ms);
    EXPECT_EQ(late.receive(both.far, rooms.front()), errc::shut_down);
    ASSERT_FALSE(pool.join());
  }
}

/// Nobody but the deadline of another pool's operation reaches a wait here once that pool is shut down.
TEST_P(operation_deadlines, end_with_their_own_pool) {
  thread_pool pool{config()};
  two_streams both(pool);
  room got{};
  auto other = std::make_unique<thread_pool>(config());
  awaited receives(*other);
  receives.expires_after(1h);
  ASSERT_FALSE(receives.receive(both.far, got));
  ASSERT_FALSE(other->shutdown(shutdown_mode::drain).error);
  const std::error_code why = receives.wait();
  EXPECT_TRUE(why == errc::shut_down || why == errc::cancelled) << why;
  ASSERT_FALSE(other->join());
}

/// Bytes, cancels and deadlines meet at random: each start is answered once, by one of the three, and no byte is lost.
TEST_P(operation_deadlines, meet_what_they_end) {
  const std::uint64_t seed = run_seed();
  SCOPED_TRACE(testing::Message() << "TREADLE_TEST_SEED=" << seed);
  random_source random(seed + workers());
  thread_pool pool{config()};
  two_streams both(pool);
  awaited receives(pool), sends(pool);
  room got{};
  const room sent{};
  std::size_t in_all = 0, received = 0, ends = 0, sent_times = 0;
  const std::size_t rounds = repetitions(1'000);
  for (std::size_t i = 0; i < rounds; ++i) {
    receives.expires_after(std::chrono::microseconds(random.below(300)));
    const auto before = clock::now();
    ASSERT_FALSE(receives.receive(both.far, got));
    const bool sends_now = !random.one_in(4), cancels = random.one_in(3);
    if (random.one_in(2)) {
      const auto until = before + std::chrono::microseconds(random.below(250));
      while (clock::now() < until) {
      }
    }
    if (sends_now) {
      ASSERT_FALSE(sends.send(both.near, std::span(sent).first(1 + random.below(sent.size()))));
      ++sent_times;
    }
    if (cancels) receives.cancel();
    const std::error_code why = receives.wait(++ends);
    EXPECT_TRUE(!why || why == errc::timed_out || (cancels && why == errc::cancelled)) << why;
    EXPECT_EQ(receives.bytes() != 0, !why);
    received += receives.bytes();
    if (sends_now) {
      ASSERT_FALSE(sends.wait(sent_times));
      in_all += sends.bytes();
    }
  }
  while (received < in_all) {
    ASSERT_FALSE(receives.receive(both.far, got));
    ASSERT_FALSE(receives.wait(++ends));
    received += receives.bytes();
  }
  EXPECT_EQ(received, in_all);
  EXPECT_EQ(receives.ends(), ends);
}

}  // namespace
}  // namespace treadle::test
