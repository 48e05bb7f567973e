#include <policies.hpp>
#include <waiting.hpp>

#include <treadle/detail/event.hpp>

#include <gtest/gtest.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <thread>
#include <vector>

namespace treadle::test {
namespace {

using detail::event_result;
using system_event = detail::event<detail::system_policy>;

std::int64_t after_ms(std::int64_t ms) { return detail::monotonic_ns() + ms * 1'000'000; }
constexpr std::int64_t long_ms = 60'000;

TEST(event, keeps_one_token) {
  system_event event;
  EXPECT_EQ(event.wait(0), event_result::timed_out);
  event.notify();
  event.notify();
  EXPECT_EQ(event.wait(after_ms(long_ms)), event_result::notified);
  EXPECT_EQ(event.wait(0), event_result::timed_out) << "two notifies are one token";
}

TEST(event, waits_no_longer_than_told) {
  system_event event;
  const std::int64_t before = detail::monotonic_ns();
  EXPECT_EQ(event.wait(after_ms(10)), event_result::timed_out);
  EXPECT_GE(detail::monotonic_ns() - before, 10'000'000);
}

TEST(event, withdrawn_consumes_what_came) {
  system_event event;
  event.arm();
  EXPECT_EQ(event.disarm(), event_result::timed_out);
  event.arm();
  event.notify();
  EXPECT_EQ(event.disarm(), event_result::notified);
  event.arm();
  EXPECT_TRUE(event.claim(true));
  EXPECT_EQ(event.disarm(), event_result::granted);
  event.arm();
  EXPECT_TRUE(event.claim(false));
  EXPECT_EQ(event.wait_armed(0), event_result::notified);
  EXPECT_EQ(event.wait(0), event_result::timed_out) << "nothing may be left";
}

TEST(event, is_claimed_only_with_a_waiter_and_without_a_token) {
  system_event event;
  EXPECT_FALSE(event.claim(false));
  event.arm();
  EXPECT_TRUE(event.claim(false));
  EXPECT_FALSE(event.claim(true)) << "the waiter has been claimed";
  EXPECT_EQ(event.wait_armed(after_ms(long_ms)), event_result::notified);
  event.shut_down();
  event.arm();
  EXPECT_FALSE(event.claim(false));
  EXPECT_EQ(event.disarm(), event_result::shut_down);
}

TEST(event, gives_a_token_that_came_before_the_shutdown) {
  system_event event;
  event.arm();
  EXPECT_TRUE(event.claim(true));
  event.shut_down();
  EXPECT_EQ(event.wait_armed(after_ms(long_ms)), event_result::granted) << "whoever left the token counts on it";
  EXPECT_EQ(event.wait(after_ms(long_ms)), event_result::shut_down);
}

TEST(event, passes_tokens_between_threads) {
  system_event there, back;
  const std::size_t rounds = smaller_if_slow(20'000);
  std::size_t written = 0;  // plain: the tokens order it
  std::thread partner([&] {
    for (std::size_t i = 0; i < rounds; ++i) {
      ASSERT_EQ(there.wait(after_ms(long_ms)), event_result::notified);
      ASSERT_EQ(written, i + 1);
      back.notify();
    }
  });
  for (std::size_t i = 0; i < rounds; ++i) {
    written = i + 1;
    there.notify();
    ASSERT_EQ(back.wait(after_ms(long_ms)), event_result::notified);
  }
  partner.join();
}

TEST(event, shut_down_wakes_everyone_for_good) {
  system_event event;
  tally ended;
  std::vector<std::thread> waiters;
  for (int i = 0; i < 8; ++i) {
    waiters.emplace_back([&] {
      EXPECT_EQ(event.wait(after_ms(long_ms)), event_result::shut_down);
      ended.add();
    });
  }
  std::this_thread::sleep_for(std::chrono::milliseconds(5));  // some are asleep by then, some still on their way
  event.shut_down();
  for (std::thread& each : waiters) each.join();
  EXPECT_EQ(ended.get(), 8u);
  EXPECT_EQ(event.wait(after_ms(long_ms)), event_result::shut_down);
}

/// Counts sleepers instead of letting threads sleep.
template <int Defect>
struct counting_policy : with_seed_defect<Defect> {
  static inline std::uint32_t asleep = 0;
  static bool futex_wait(const std::atomic<std::uint32_t>&, std::uint32_t, std::int64_t) noexcept { return false; }
  static void futex_wake(const std::atomic<std::uint32_t>*, std::uint32_t count) noexcept {
    asleep -= std::min(asleep, count);
  }
};

/// Two sleep; one is notified and has not gone yet when the shutdown comes. Returns who sleeps on.
template <int Defect>
std::uint32_t asleep_after_a_shutdown() {
  using policy = counting_policy<Defect>;
  detail::event<policy> event;
  event.arm();
  event.arm();
  policy::asleep = 2;
  event.notify();
  event.shut_down();
  return policy::asleep;
}

/// The seed woke at the shutdown only if the word said that someone waits, and a newcomer could have wiped that out.
TEST(event, seed_defect_6) {
  EXPECT_EQ(asleep_after_a_shutdown<0>(), 0u);
  EXPECT_NE(asleep_after_a_shutdown<6>(), 0u) << "the switch no longer restores the fault";
}

/// Every sleep ends by its time-out; after the third the notifier takes pity.
template <int Defect>
struct expiring_policy : with_seed_defect<Defect> {
  static inline detail::event<expiring_policy>* slept_on = nullptr;
  static inline int sleeps = 0;
  static bool futex_wait(const std::atomic<std::uint32_t>&, std::uint32_t, std::int64_t) noexcept {
    if (++sleeps == 3) slept_on->notify();
    return false;
  }
};

template <int Defect>
event_result result_of_an_expired_wait() {
  using policy = expiring_policy<Defect>;
  detail::event<policy> event;
  policy::slept_on = &event;
  policy::sleeps = 0;
  return event.wait(1);
}

/// The seed's safety time-out swallowed its own expiry: who had slept for its 60 s slept again.
TEST(event, seed_defect_16) {
  EXPECT_EQ(result_of_an_expired_wait<0>(), event_result::timed_out);
  EXPECT_EQ(expiring_policy<0>::sleeps, 1);
  EXPECT_EQ(result_of_an_expired_wait<16>(), event_result::notified) << "the switch no longer restores the fault";
}

template <int Defect>
event_result result_after_a_late_notify() {
  detail::event<counting_policy<Defect>> event;
  event.shut_down();
  event.notify();
  static_cast<void>(event.wait(0));  // one sleeper leaves with the token, if there is one
  return event.wait(0);
}

/// A late notify of the seed took the shutdown's place: one sleeper left, the rest slept for ever.
TEST(event, seed_defect_7) {
  EXPECT_EQ(result_after_a_late_notify<0>(), event_result::shut_down);
  EXPECT_EQ(result_after_a_late_notify<7>(), event_result::timed_out) << "the switch no longer restores the fault";
}

}  // namespace
}  // namespace treadle::test
