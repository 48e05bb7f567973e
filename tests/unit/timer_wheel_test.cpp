#include <random.hpp>
#include <waiting.hpp>

#include <treadle/detail/system_policy.hpp>
#include <treadle/detail/timer_wheel.hpp>

#include <gtest/gtest.h>

#include <algorithm>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <iostream>
#include <map>
#include <memory>
#include <set>
#include <thread>
#include <vector>

namespace treadle::test {
namespace {

using detail::arming;
using wheel = detail::timer_wheel<detail::system_policy>;
using node = wheel::node;

constexpr std::int64_t tick_ns = std::int64_t{1} << wheel::tick_shift;
constexpr std::size_t no_bound = SIZE_MAX;

/// Expires what is due at `now` and returns it in its order.
std::vector<node*> expired_at(wheel& timers, std::int64_t now, std::size_t most = no_bound) {
  std::vector<node*> expired;
  timers.expire(now, most, [&](node& one) { expired.push_back(&one); });
  return expired;
}

TEST(timer_wheel, is_empty_at_first) {
  wheel timers;
  EXPECT_EQ(timers.next_ns(), wheel::never);
  EXPECT_TRUE(expired_at(timers, 1'000'000'000).empty());
  node never_armed;
  EXPECT_FALSE(wheel::cancel(never_armed));
}

TEST(timer_wheel, expires_at_the_first_tick_that_is_not_before_the_deadline) {
  for (const std::int64_t deadline :
       {std::int64_t{1}, tick_ns - 1, tick_ns, tick_ns + 1, 64 * tick_ns, 4096 * tick_ns + 7,
        std::int64_t{3'600'000'000'000}, wheel::never - 2 * tick_ns}) {
    wheel timers;
    node one;
    EXPECT_EQ(timers.arm(one, deadline), arming::first);
    const std::int64_t expires = timers.next_ns();
    EXPECT_GE(expires, deadline);
    EXPECT_LT(expires - deadline, tick_ns);
    EXPECT_TRUE(expired_at(timers, expires - 1).empty()) << deadline;
    EXPECT_EQ(expired_at(timers, expires), std::vector<node*>{&one}) << deadline;
    EXPECT_EQ(timers.next_ns(), wheel::never);
  }
}

TEST(timer_wheel, expires_what_is_armed_for_the_past_at_once) {
  wheel timers;
  EXPECT_TRUE(expired_at(timers, 1'000 * tick_ns).empty());
  node late, never_reached, from_before_the_clock;
  EXPECT_EQ(timers.arm(never_reached, wheel::never), arming::later) << "nobody has to be told of it";
  EXPECT_EQ(timers.arm(late, 3), arming::first);
  EXPECT_EQ(timers.arm(from_before_the_clock, -7), arming::first);
  EXPECT_LE(timers.next_ns(), 1'000 * tick_ns);
  EXPECT_EQ(expired_at(timers, 1'000 * tick_ns), (std::vector<node*>{&late, &from_before_the_clock}));
  EXPECT_EQ(timers.next_ns(), wheel::never);
  EXPECT_TRUE(wheel::cancel(never_reached));
}

TEST(timer_wheel, says_what_comes_first) {
  wheel timers;
  node later, sooner, same;
  EXPECT_EQ(timers.arm(later, 5'000 * tick_ns), arming::first);
  EXPECT_EQ(timers.arm(sooner, 70 * tick_ns), arming::first);
  EXPECT_EQ(timers.arm(same, 70 * tick_ns), arming::later);
  EXPECT_EQ(timers.next_ns(), 70 * tick_ns);
  EXPECT_EQ(expired_at(timers, 71 * tick_ns), (std::vector<node*>{&sooner, &same}));
  EXPECT_EQ(timers.next_ns(), 5'000 * tick_ns);
  EXPECT_TRUE(wheel::cancel(later));
  EXPECT_EQ(timers.next_ns(), wheel::never) << "a wheel without timers must wake nobody";
}

TEST(timer_wheel, takes_a_cancelled_timer_out_once) {
  wheel timers, others;
  node one, two;
  ASSERT_EQ(timers.arm(one, 10 * tick_ns), arming::first);
  ASSERT_EQ(others.arm(two, 10 * tick_ns), arming::first);
  EXPECT_TRUE(wheel::cancel(one));
  EXPECT_FALSE(wheel::cancel(one));
  EXPECT_TRUE(expired_at(timers, 20 * tick_ns).empty());
  EXPECT_EQ(expired_at(others, 20 * tick_ns), std::vector<node*>{&two});
  EXPECT_FALSE(wheel::cancel(two)) << "it has expired";
  ASSERT_EQ(others.arm(one, 30 * tick_ns), arming::first) << "another wheel's, once it is out";
  EXPECT_EQ(expired_at(others, 30 * tick_ns), std::vector<node*>{&one});
}

TEST(timer_wheel, moves_a_timer_to_another_time) {
  wheel timers;
  node moved, other;
  EXPECT_EQ(wheel::rearm(moved, tick_ns), arming::refused) << "it is at rest";
  ASSERT_EQ(timers.arm(moved, 10 * tick_ns), arming::first);
  ASSERT_EQ(timers.arm(other, 15 * tick_ns), arming::later);
  EXPECT_EQ(wheel::rearm(moved, 5'000 * tick_ns), arming::later);
  EXPECT_TRUE(expired_at(timers, 14 * tick_ns).empty());
  EXPECT_EQ(timers.next_ns(), 15 * tick_ns) << "the slot of the one that moved says nothing of the next";
  EXPECT_EQ(wheel::rearm(moved, 12 * tick_ns), arming::first);
  EXPECT_EQ(expired_at(timers, 14 * tick_ns), std::vector<node*>{&moved});
  EXPECT_EQ(wheel::rearm(moved, 20 * tick_ns), arming::refused) << "it has expired";
  EXPECT_EQ(wheel::rearm(other, 3 * tick_ns), arming::first) << "a time that has passed";
  EXPECT_EQ(expired_at(timers, 14 * tick_ns), std::vector<node*>{&other});
  EXPECT_EQ(timers.next_ns(), wheel::never);
}

TEST(timer_wheel, looks_at_a_moved_timer_no_more_often_than_it_was_due) {
  wheel timers;
  node limit;
  ASSERT_EQ(timers.arm(limit, 100 * tick_ns), arming::first);
  std::size_t looks = 0;
  for (std::int64_t now = 0; now < 1'000; ++now) {
    if (timers.next_ns() <= now * tick_ns) {
      ++looks;
      EXPECT_TRUE(expired_at(timers, now * tick_ns).empty());
    }
    ASSERT_NE(wheel::rearm(limit, (now + 100) * tick_ns), arming::refused);
  }
  EXPECT_LE(looks, 11u);
  EXPECT_GE(looks, 3u);
  EXPECT_EQ(expired_at(timers, 2'000 * tick_ns), std::vector<node*>{&limit});
}

TEST(timer_wheel, says_how_many_are_armed) {
  wheel timers;
  node one, other;
  std::size_t armed = 1;
  static_cast<void>(timers.arm(one, tick_ns));
  static_cast<void>(timers.arm(other, 2 * tick_ns));
  EXPECT_TRUE(timers.add_count(armed));
  EXPECT_EQ(armed, 3u);
  EXPECT_TRUE(wheel::cancel(one));
  EXPECT_TRUE(wheel::cancel(other));
  EXPECT_TRUE(timers.add_count(armed));
  EXPECT_EQ(armed, 3u);
}

TEST(timer_wheel, takes_no_more_steps_than_told) {
  wheel timers;
  std::vector<node> many(1'000);
  for (node& each : many) static_cast<void>(timers.arm(each, 4'100 * tick_ns));
  std::size_t count = 0;
  std::size_t calls = 0;
  while (timers.next_ns() <= 5'000 * tick_ns) {
    const std::size_t taken = expired_at(timers, 5'000 * tick_ns, 16).size();
    ASSERT_LE(taken, 16u);
    count += taken;
    ASSERT_LT(++calls, 1'000u) << "each call must make its steps";
  }
  EXPECT_EQ(count, many.size());
}

TEST(timer_wheel, lets_a_timer_go_again_out_of_its_expiry) {
  wheel timers;
  auto freed = std::make_unique<node>();
  node ticking;
  static_cast<void>(timers.arm(ticking, tick_ns));
  static_cast<void>(timers.arm(*freed, tick_ns));
  std::size_t ticks = 0;
  for (std::int64_t now = 0; now <= 100 * tick_ns; now += tick_ns) {
    timers.expire(now, no_bound, [&](node& one) {
      if (&one != &ticking) {
        freed.reset();
        return;
      }
      ++ticks;
      ASSERT_EQ(timers.arm(ticking, now + tick_ns), arming::first);
    });
  }
  EXPECT_EQ(ticks, 100u);
  EXPECT_EQ(freed, nullptr);
  EXPECT_TRUE(wheel::cancel(ticking));
}

TEST(timer_wheel, hands_all_back_when_it_is_closed) {
  wheel timers;
  std::vector<node> many(100);
  for (std::size_t i = 0; i < many.size(); ++i) {
    static_cast<void>(timers.arm(many[i], static_cast<std::int64_t>(i * i * i * i) * tick_ns));
  }
  std::size_t back = 0;
  EXPECT_EQ(timers.close([&](node&) { ++back; }), many.size());
  EXPECT_EQ(back, many.size());
  EXPECT_EQ(timers.next_ns(), wheel::never);
  EXPECT_EQ(timers.arm(many[0], tick_ns), arming::refused);
  EXPECT_FALSE(wheel::cancel(many[0]));
  EXPECT_EQ(timers.close([&](node&) { ++back; }), 0u);
}

/// The wheel beside a multimap, through a random program of both.
class beside_an_oracle {
 public:
  explicit beside_an_oracle(std::uint64_t seed) : random_(seed), timers_(64) {}

  void run(std::size_t steps) {
    for (std::size_t i = 0; i < steps && !testing::Test::HasFatalFailure(); ++i) {
      timer& chosen = timers_[random_.below(timers_.size())];
      switch (random_.below(8)) {
        case 0:
        case 1:
        case 2:
          if (!chosen.armed || random_.one_in(2)) arm(chosen);
          break;
        case 3:
          cancel(chosen);
          break;
        case 4:
          now_ += static_cast<std::int64_t>(random_.below(std::uint64_t{1} << random_.below(44)));
          expire(random_.one_in(2) ? no_bound : random_.below(8));
          break;
        default:
          now_ += static_cast<std::int64_t>(random_.below(4 * static_cast<std::uint64_t>(tick_ns)));
          expire(no_bound);
      }
      look();
    }
  }
  [[nodiscard]] std::size_t expired() const noexcept { return expired_; }

 private:
  struct timer {
    node in_wheel;
    bool armed = false;
    bool was_late = false;  ///< armed for a time that had passed
    std::multimap<std::int64_t, timer*>::iterator in_oracle;
  };

  static std::int64_t expiry_of(std::int64_t deadline) {
    return deadline <= 0 ? 0 : (deadline + tick_ns - 1) / tick_ns * tick_ns;
  }

  void arm(timer& chosen) {
    const auto ahead = static_cast<std::int64_t>(random_.below(std::uint64_t{1} << random_.below(50)));
    const std::int64_t deadline = random_.one_in(10) ? now_ - ahead : now_ + ahead;
    if (chosen.armed) {
      oracle_.erase(chosen.in_oracle);
      ASSERT_NE(wheel::rearm(chosen.in_wheel, deadline), arming::refused);
    } else {
      ASSERT_EQ(wheel::rearm(chosen.in_wheel, deadline), arming::refused);
      ASSERT_NE(wheel_.arm(chosen.in_wheel, deadline), arming::refused);
    }
    chosen.armed = true;
    chosen.was_late = expiry_of(deadline) <= now_;
    chosen.in_oracle = oracle_.emplace(expiry_of(deadline), &chosen);
  }

  void cancel(timer& chosen) {
    ASSERT_EQ(wheel::cancel(chosen.in_wheel), chosen.armed);
    if (chosen.armed) oracle_.erase(chosen.in_oracle);
    chosen.armed = false;
  }

  void expire(std::size_t most) {
    for (node* const each : expired_at(wheel_, now_, most)) {
      timer& one = *reinterpret_cast<timer*>(each);
      ASSERT_TRUE(one.armed);
      const std::int64_t expiry = one.in_oracle->first;
      ASSERT_LE(expiry, now_) << "early";
      if (!one.was_late) {
        ASSERT_GE(expiry, last_expiry_) << "out of the order of ticks";
        last_expiry_ = expiry;
      }
      one.armed = false;
      oracle_.erase(one.in_oracle);
      ++expired_;
    }
    ASSERT_TRUE(most != no_bound || oracle_.empty() || oracle_.begin()->first > now_) << "late";
  }

  void look() {
    if (oracle_.empty()) {
      ASSERT_EQ(wheel_.next_ns(), wheel::never);
    } else {
      ASSERT_LE(wheel_.next_ns(), std::max(oracle_.begin()->first, now_));
    }
  }

  random_source random_;
  wheel wheel_;
  std::vector<timer> timers_;
  std::multimap<std::int64_t, timer*> oracle_;  ///< by the time of the tick
  std::int64_t now_ = 0;
  std::int64_t last_expiry_ = 0;
  std::size_t expired_ = 0;
};

TEST(timer_wheel, agrees_with_a_multimap) {
  const std::uint64_t seed = run_seed();
  std::cout << "seed " << seed << '\n';
  std::size_t expired = 0;
  for (std::size_t i = 0; i < repetitions(200); ++i) {
    beside_an_oracle both(seed + i);
    both.run(2'000);
    if (HasFatalFailure()) {
      std::cout << "failed with TREADLE_TEST_SEED=" << seed + i << '\n';
      return;
    }
    expired += both.expired();
  }
  EXPECT_GT(expired, 1'000u) << "these programs test nothing";
}

/// A timer that says whose it is: who has armed it waits for `fired` if the cancel came too late.
struct shared_timer {
  node in_wheel;
  std::atomic<std::uint32_t> fired{0};
};

/// Threads that arm, cancel and expire on two wheels, each its own timers and everybody's time.
void arm_cancel_and_expire(wheel (&timers)[2], std::uint64_t seed, std::size_t rounds) {
  random_source random(seed);
  std::vector<shared_timer> own(8);
  std::uint32_t cancelled = 0, fired = 0;
  const auto expire_all = [&] {
    for (wheel& each : timers) {
      each.expire(detail::monotonic_ns(), 4, [](node& one) {
        reinterpret_cast<shared_timer&>(one).fired.fetch_add(1, std::memory_order_release);
      });
    }
  };
  for (std::size_t round = 0; round < rounds; ++round) {
    for (shared_timer& each : own) {
      const auto ahead = static_cast<std::int64_t>(random.below(3 * static_cast<std::uint64_t>(tick_ns)));
      ASSERT_NE(timers[random.below(2)].arm(each.in_wheel, detail::monotonic_ns() + ahead), arming::refused);
    }
    if (random.one_in(2)) expire_all();
    for (shared_timer& each : own) {
      const std::uint32_t before = each.fired.load(std::memory_order_acquire);
      if (before == 0 && wheel::cancel(each.in_wheel)) {
        ++cancelled;
        continue;
      }
      ASSERT_TRUE(eventually([&] {
        expire_all();
        return each.fired.load(std::memory_order_acquire) != 0;
      }));
      ASSERT_EQ(each.fired.exchange(0, std::memory_order_relaxed), 1u);
      ++fired;
    }
  }
  EXPECT_EQ(cancelled + fired, rounds * own.size());
}

TEST(timer_wheel, lets_exactly_one_win_between_cancel_and_expiry) {
  const std::uint64_t seed = run_seed();
  std::cout << "seed " << seed << '\n';
  for (const std::size_t count : {2u, 4u, 8u}) {
    wheel timers[2];
    std::vector<std::thread> threads;
    for (std::size_t i = 0; i < count; ++i) {
      threads.emplace_back([&, i] { arm_cancel_and_expire(timers, seed + i, repetitions(500)); });
    }
    for (std::thread& each : threads) each.join();
    for (wheel& each : timers) EXPECT_EQ(each.next_ns(), wheel::never);
  }
}

}  // namespace
}  // namespace treadle::test
