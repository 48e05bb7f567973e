#include <policies.hpp>
#include <tasks.hpp>

#include <treadle/detail/scheduler.hpp>

#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <vector>

// Who is woken by one push, whom a thief visits, what a failed start leaves: steps of the scheduler that the test plays
// one by one, without threads. Their interleavings are in tests/model.

namespace treadle::test {
namespace {

using ours = manual_host<with_seed_defect<0>>;

/// Links `tasks` and injects them as one list.
template <class Host>
bool inject_list(Host& host, std::span<counted_task> tasks) {
  for (std::size_t i = 0; i + 1 < tasks.size(); ++i) tasks[i].next.store(&tasks[i + 1], std::memory_order_relaxed);
  tasks.back().next.store(nullptr, std::memory_order_relaxed);
  return host.inject(&tasks.front(), &tasks.back(), tasks.size(), false);
}

/// How many of eight sleepers a list of a hundred tasks wakes.
template <int Defect>
std::size_t woken_by_a_hundred() {
  manual_host<with_seed_defect<Defect>> host(8);
  host.add_sleepers(8);
  std::array<counted_task, 100> tasks;
  EXPECT_TRUE(inject_list(host, std::span<counted_task>(tasks)));
  return host.count_woken().all;
}

/// The seed woke one worker a push, whatever its size, so that the number at work grew one by one.
TEST(scheduler, seed_defect_21) {
  EXPECT_EQ(woken_by_a_hundred<0>(), 7u);
  EXPECT_EQ(woken_by_a_hundred<21>(), 1u) << "the switch no longer restores the fault";
  for (const std::size_t sleepers : {1u, 2u, 3u, 8u}) {
    for (const std::size_t pushed : {1u, 2u, 3u, 4u, 7u, 8u, 100u}) {
      ours host(8);
      host.add_sleepers(sleepers);
      std::array<counted_task, 100> tasks;
      ASSERT_TRUE(inject_list(host, std::span(tasks).first(pushed)));
      const auto woken = host.count_woken();
      EXPECT_EQ(woken.all, std::min<std::size_t>(sleepers, static_cast<std::size_t>(std::bit_width(pushed))))
          << pushed << " tasks for " << sleepers << " sleepers";
      EXPECT_EQ(woken.searchers, 1u) << "there is one searcher token";
      EXPECT_EQ(host.starts, 0u) << "nobody is started while others sleep";
    }
  }
}

TEST(scheduler, wakes_nobody_beyond_the_width) {
  ours host(3);
  host.add_sleepers(5);  // spares among them
  std::array<counted_task, 100> tasks;
  ASSERT_TRUE(inject_list(host, tasks));
  EXPECT_EQ(host.count_woken().all, 3u);
  EXPECT_EQ(host.sync().look().active(), 3u);
  EXPECT_EQ(host.sync().look().idle(), 2u);
}

/// Whoever was woken looks at everything: until it has, further pushes wake nobody.
TEST(scheduler, wakes_one_for_pushes_in_a_row) {
  ours host(8);
  host.add_sleepers(8);
  std::array<counted_task, 20> tasks;
  for (counted_task& each : tasks) ASSERT_TRUE(host.inject(&each, &each, 1, false));
  EXPECT_EQ(host.count_woken().all, 1u);
}

TEST(scheduler, wakes_one_for_a_workers_own_push) {
  ours host(8);
  ours::record& self = host.add_awake();
  host.add_sleepers(3);
  std::array<counted_task, 3> tasks;
  for (counted_task& each : tasks) ASSERT_TRUE(host.push_local(self, &each, &each, 1));
  const auto woken = host.count_woken();
  EXPECT_EQ(woken.all, 1u);
  EXPECT_EQ(woken.searchers, 1u);
}

TEST(scheduler, starts_a_thread_only_if_nobody_sleeps_and_one_at_a_time) {
  ours host(2);
  std::array<counted_task, 5> tasks;
  ASSERT_TRUE(inject_list(host, tasks));
  EXPECT_EQ(host.starts, 1u) << "the first one starts the next";
  EXPECT_EQ(host.sync().look().total(), 1u);
  EXPECT_TRUE(host.sync().look().searching());
}

/// After the seed's first failed start its word said for good that a thread was on its way.
template <int Defect>
std::size_t starts_after_a_failed_one() {
  manual_host<with_seed_defect<Defect>> host(2);
  host.failures = 1;
  std::array<counted_task, 100> tasks;
  for (counted_task& each : tasks) EXPECT_TRUE(host.inject(&each, &each, 1, false));
  return host.starts - 1;
}

TEST(scheduler, seed_defect_2) {
  EXPECT_EQ(starts_after_a_failed_one<0>(), 1u) << "the next push must try again";
  EXPECT_EQ(starts_after_a_failed_one<2>(), 0u) << "the switch no longer restores the fault";
}

TEST(scheduler, a_failed_start_is_as_if_it_had_not_been) {
  ours host(2);
  host.failures = 3;
  std::array<counted_task, 3> tasks;
  for (counted_task& each : tasks) ASSERT_TRUE(host.inject(&each, &each, 1, false));
  EXPECT_EQ(host.starts, 3u);
  EXPECT_EQ(host.start_failures(), 3u);
  const detail::sync_state state = host.sync().look();
  EXPECT_EQ(state.total() + state.active() + state.idle(), 0u);
  EXPECT_FALSE(state.searching());
  EXPECT_TRUE(host.anything_queued());
}

/// Lets worker `self` run all that it finds. It retires at its first rest.
template <class Host>
std::vector<task*> run_all(Host& host, typename Host::record& self) {
  std::vector<task*> ran;
  host.work(self, [&](task* started) { ran.push_back(started); });
  return ran;
}

TEST(scheduler, a_worker_runs_what_is_its_own_in_order_and_what_overflowed) {
  ours host(1);
  ours::record& self = host.add_awake();
  std::vector<counted_task> tasks(1'000);
  for (counted_task& each : tasks) ASSERT_TRUE(host.push_local(self, &each, &each, 1));
  const std::vector<task*> ran = run_all(host, self);
  ASSERT_EQ(ran.size(), tasks.size());
  for (std::size_t i = 0; i < ran.size(); ++i) ASSERT_EQ(ran[i], &tasks[i]) << "at " << i;
  EXPECT_GT(self.own.overflowed.load(), 0u);
  EXPECT_EQ(host.sync().look().total(), 0u) << "the worker has retired";
}

/// How many of five queued tasks a worker runs that sees a shutdown by drain first.
template <int Defect>
std::size_t run_after_a_shutdown() {
  manual_host<with_seed_defect<Defect>> host(1);
  auto& self = host.add_awake();
  std::array<counted_task, 5> tasks;
  for (counted_task& each : tasks) EXPECT_TRUE(host.push_local(self, &each, &each, 1));
  host.injected().close();
  static_cast<void>(host.sync().advance(detail::lifecycle::draining));
  std::size_t ran = 0;
  host.work(self, [&](task*) {
    // The last one ends the drain, as the waiter does that finds the pool quiet.
    if (++ran == tasks.size()) static_cast<void>(host.sync().advance(detail::lifecycle::stopped));
  });
  return ran;
}

/// A worker of the seed that saw the shutdown left without a look at any queue.
TEST(scheduler, seed_defect_1) {
  EXPECT_EQ(run_after_a_shutdown<0>(), 5u);
  EXPECT_EQ(run_after_a_shutdown<1>(), 0u) << "the switch no longer restores the fault";
}

/// Gives a worker that spins its task after some turns.
template <int Defect>
struct spinning_policy : with_seed_defect<Defect> {
  static inline manual_host<spinning_policy>* host = nullptr;
  static inline task* given = nullptr;
  static inline int turns_left = 0;
  static void pause() noexcept {
    if (turns_left == 0 || --turns_left != 0) return;
    EXPECT_TRUE(host->inject(given, given, 1, false));
  }
};

/// How often a worker parked before the task that came while it span.
template <int Defect>
std::uint64_t parks_before_the_task() {
  using policy = spinning_policy<Defect>;
  manual_host<policy> host(1);
  auto& self = host.add_awake();
  self.spin.set(3'600'000'000'000);
  counted_task work;
  policy::host = &host;
  policy::given = &work;
  policy::turns_left = 100;
  std::uint64_t parks = UINT64_MAX;
  host.work(self, [&](task*) {
    parks = self.count.parks.load();
    self.spin.set(0);
  });
  policy::turns_left = 0;
  return parks;
}

/// The seed parked without a look around: each task that came a moment later cost a wake-up.
TEST(scheduler, seed_defect_22) {
  EXPECT_EQ(parks_before_the_task<0>(), 0u);
  EXPECT_NE(parks_before_the_task<22>(), 0u) << "the switch no longer restores the fault";
}

/// Tasks that come rarely: to look for the next one would cost more than a wake-up does.
TEST(scheduler, looks_for_shorter_times_when_looking_brings_nothing) {
  manual_host<with_seed_defect<0>> host(1);
  auto& self = host.add_awake();
  self.spin.set(1'000'000);
  counted_task work;
  EXPECT_TRUE(host.inject(&work, &work, 1, false));
  host.work(self, [](task*) {});  // nothing comes: it parks and retires
  EXPECT_EQ(self.count.spins.load(), 0u);
  EXPECT_EQ(self.spin.ns(), 500'000);
}

/// How many of its own 200 tasks a worker runs before one from outside.
template <int Defect>
std::size_t own_before_an_injected_one() {
  manual_host<with_seed_defect<Defect>> host(1);
  auto& self = host.add_awake();
  std::vector<counted_task> own(200);
  counted_task injected;
  for (counted_task& each : own) EXPECT_TRUE(host.push_local(self, &each, &each, 1));
  self.until_injected = 61;  // it has just been there
  EXPECT_TRUE(host.inject(&injected, &injected, 1, false));
  const std::vector<task*> ran = run_all(host, self);
  return static_cast<std::size_t>(std::find(ran.begin(), ran.end(), &injected) - ran.begin());
}

/// Workers of the seed that had work of their own never looked at what came from outside.
TEST(scheduler, seed_defect_17) {
  EXPECT_EQ(own_before_an_injected_one<0>(), 60u);
  EXPECT_EQ(own_before_an_injected_one<17>(), 200u) << "the switch no longer restores the fault";
}

/// The oldest injected task comes before the worker has started 61 tasks of its own.
TEST(scheduler, injected_tasks_are_served_among_the_workers_own) {
  ours host(1);
  ours::record& self = host.add_awake();
  std::vector<counted_task> own(200);
  std::vector<counted_task> injected(4);
  for (counted_task& each : own) ASSERT_TRUE(host.push_local(self, &each, &each, 1));
  for (counted_task& each : injected) ASSERT_TRUE(host.inject(&each, &each, 1, false));
  const std::vector<task*> ran = run_all(host, self);
  ASSERT_EQ(ran.size(), own.size() + injected.size());
  std::size_t oldest = 0, own_before = 0;
  for (const task* const each : ran) {
    if (oldest < injected.size() && each == &injected[oldest]) {
      EXPECT_LE(own_before, 61u) << "injected task " << oldest;
      ++oldest;
      own_before = 0;
    } else {
      ++own_before;
    }
  }
  EXPECT_EQ(oldest, injected.size()) << "the injected ones ran out of their order";
}

/// Lets a thief take one task each from twelve victims. Says whether it visited them in the order of the list.
template <int Defect>
bool steals_in_the_order_of_the_list() {
  constexpr std::size_t victims = 12;
  manual_host<with_seed_defect<Defect>> host(victims + 1);
  auto& thief = host.add_awake();
  std::array<decltype(&thief), victims> owners;
  for (auto& each : owners) each = &host.add_awake();
  std::array<counted_task, victims> tasks;
  for (std::size_t i = 0; i < victims; ++i) EXPECT_TRUE(host.push_local(*owners[i], &tasks[i], &tasks[i], 1));
  const std::vector<task*> ran = run_all(host, thief);
  EXPECT_EQ(ran.size(), victims);
  std::vector<task*> sorted = ran;
  std::sort(sorted.begin(), sorted.end());
  EXPECT_EQ(std::unique(sorted.begin(), sorted.end()), sorted.end());
  EXPECT_EQ(thief.count.steals.load(), victims);
  EXPECT_EQ(thief.count.steal_retries.load(), 0u) << "nobody else was at these rings";
  return ran == sorted;
}

/// All thieves of the seed walked the same list from its start, and met at the same victims.
TEST(scheduler, seed_defect_23) {
  EXPECT_FALSE(steals_in_the_order_of_the_list<0>());
  EXPECT_TRUE(steals_in_the_order_of_the_list<23>()) << "the switch no longer restores the fault";
}

TEST(scheduler, a_cancel_starts_nothing_more_and_refuses_pushes) {
  ours host(2);
  ours::record& self = host.add_awake();
  std::array<counted_task, 3> tasks;
  ASSERT_TRUE(host.push_local(self, &tasks[0], &tasks[0], 1));
  static_cast<void>(host.sync().advance(detail::lifecycle::cancelling));
  EXPECT_FALSE(host.push_local(self, &tasks[1], &tasks[1], 1));
  host.injected().close();
  EXPECT_FALSE(host.inject(&tasks[2], &tasks[2], 1, false));
  EXPECT_TRUE(run_all(host, self).empty());
  EXPECT_TRUE(host.anything_queued()) << "it is the sweep that takes what is left";
}

/// The words of a scheduler that different threads write lie on lines of their own; the seed's lay side by side.
TEST(scheduler, seed_defect_24) {
  locating_policy::places().clear();
  const manual_host<locating_policy> host(1);
  static_cast<void>(host);
  const std::vector<std::uintptr_t>& places = locating_policy::places();
  // The wheels, their number, until when their time is kept; the driver, its sources, those who sleep there.
  constexpr std::size_t of_timers = 6;
  ASSERT_GE(places.size(), of_timers + 5);
  const auto line = [&](std::size_t i) { return places[of_timers + i] / TREADLE_CACHE_LINE; };
  // In the order of their making: the injected queue's end, its consumers' lock and start, the sync word, the gate.
  EXPECT_NE(places[of_timers - 1] / TREADLE_CACHE_LINE, line(0))
      << "those who sleep in the driver and the injected queue";
  EXPECT_NE(places[of_timers - 1] / TREADLE_CACHE_LINE, places[of_timers - 2] / TREADLE_CACHE_LINE)
      << "those who sleep in the driver and what all look at";
  EXPECT_NE(line(0), line(1)) << "producers and consumers of the injected queue";
  EXPECT_EQ(line(1), line(2)) << "the lock and what it guards";
  EXPECT_NE(line(3), line(0)) << "the sync word and the injected queue";
  EXPECT_NE(line(3), line(1));
  EXPECT_NE(line(3), line(4)) << "the sync word and the gate";
}

TEST(scheduler, a_record_keeps_what_thieves_read_off_the_owners_lines) {
  locating_policy::places().clear();
  const auto made = std::make_unique<manual_host<locating_policy>::record>(0);
  const std::vector<std::uintptr_t>& places = locating_policy::places();
  const auto line = [](const void* at) { return reinterpret_cast<std::uintptr_t>(at) / TREADLE_CACHE_LINE; };
  const std::uintptr_t wake_up = places.front() / TREADLE_CACHE_LINE;
  EXPECT_NE(wake_up, line(&made->own.taken));
  EXPECT_NE(wake_up, line(&made->own.made));
  EXPECT_NE(wake_up, line(&made->doing));
  EXPECT_NE(line(&made->own.made), line(&made->doing));
  EXPECT_NE(line(&made->own.overflow), line(&made->own.taken));
  static_assert(alignof(manual_host<locating_policy>::record) >= TREADLE_CACHE_LINE);
}

}  // namespace
}  // namespace treadle::test
