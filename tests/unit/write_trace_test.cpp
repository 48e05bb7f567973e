// obs::write_trace: what happened is planted, and found in the trace.
#include "dumps.hpp"
#include "tasks.hpp"
#include "traces.hpp"
#include "waiting.hpp"

#include <treadle/treadle.hpp>

#include <gtest/gtest.h>

#include <atomic>
#include <chrono>
#include <cstdint>
#include <string>
#include <system_error>
#include <thread>
#include <vector>

namespace treadle {
namespace {

using namespace std::chrono_literals;
using test::here;
using test::trace;
using test::value_in;

pool_config with_threads(std::uint32_t count) {
  pool_config made;
  made.max_threads = count;
  return made;
}

/// A member as it stands in the text.
std::string member(const std::string& name, double number) {
  return "\"" + name + "\":" + std::to_string(static_cast<std::uint64_t>(number));
}

/// Says whether one span lies within another.
bool encloses(const std::string& outer, const std::string& inner) {
  const double begin = value_in(outer, "ts"), inner_begin = value_in(inner, "ts");
  return begin <= inner_begin && inner_begin + value_in(inner, "dur") <= begin + value_in(outer, "dur") + 0.01;
}

TEST(write_trace, of_a_pool_that_was_not_started_is_empty) {
  thread_pool pool;
  const trace seen(pool);
  EXPECT_TRUE(seen.with({"\"ph\":\"X\""}).empty());
  EXPECT_EQ(seen.with({"\"otherData\":{", "\"workers\":0", "\"pool\":\"treadle\""}).size(), 1U);
}

TEST(write_trace, of_a_pool_without_a_recorder_is_empty) {
  pool_config config = with_threads(2);
  config.recorder_entries = pool_config::no_recorder;
  thread_pool pool(config);
  pool.run([] {});
  EXPECT_TRUE(trace(pool).with({"\"ph\":\"X\""}).empty());
}

TEST(write_trace, says_what_a_write_failed_with) {
  thread_pool pool(with_threads(1));
  EXPECT_EQ(obs::write_trace(pool, -1), std::errc::bad_file_descriptor);
}

TEST(write_trace, to_a_descriptor_is_the_same_as_to_a_stream) {
  thread_pool pool(with_threads(1));
  pool.run([] {});
  ASSERT_FALSE(pool.join());
  const test::temporary_file file;
  ASSERT_FALSE(obs::write_trace(pool, file.descriptor()));
  EXPECT_TRUE(test::json_reader::is_whole(file.read()));
  EXPECT_EQ(file.read().substr(0, 100), trace(pool).text.substr(0, 100));
}

TEST(write_trace, names_the_threads_and_the_pool) {
  pool_config config = with_threads(1);
  config.name = "weaver";
  thread_pool pool(config);
  pool.run([] {});
  const trace seen(pool);
  EXPECT_EQ(seen.with({"\"thread_name\"", "\"tid\":0", "\"worker 0\""}).size(), 1U);
  EXPECT_EQ(seen.with({"\"thread_name\"", "\"tid\":1000"}).size(), 1U);
  EXPECT_EQ(seen.with({"\"process_name\"", "\"weaver\""}).size(), 1U);
}

class traces : public testing::TestWithParam<std::uint32_t> {
 protected:
  thread_pool pool{with_threads(GetParam())};
};
INSTANTIATE_TEST_SUITE_P(widths, traces, test::worker_counts(), test::worker_count_name);

TEST_P(traces, show_a_task_with_its_site_and_how_long_it_ran) {
  if (!detail::keeps_records) return;
  const auto at = here();
  pool.run([] {});  // what a pool does not know yet when its first task is queued is that it has been started
  ASSERT_FALSE(pool.post([] { std::this_thread::sleep_for(20ms); }, at.site));
  ASSERT_FALSE(pool.drain());
  const trace seen(pool);
  const std::string run =
      seen.first({"\"cat\":\"run\"", "\"name\":\"" + at.text + "\"", "\"site\":\"" + at.text + "\""});
  ASSERT_NE(run, "") << seen.text;
  EXPECT_GE(value_in(run, "dur"), 19'000);
  EXPECT_LT(value_in(run, "tid"), GetParam());
  EXPECT_EQ(run.find("\"about\""), std::string::npos) << run;
}

TEST_P(traces, lead_from_what_queued_a_task_to_its_run) {
  if (!detail::keeps_records) return;
  const auto outer = here(), inner = here();
  pool.run([] {});
  ASSERT_FALSE(
      pool.post([&] { EXPECT_FALSE(pool.post([] { std::this_thread::sleep_for(1ms); }, inner.site)); }, outer.site));
  ASSERT_FALSE(pool.drain());
  const trace seen(pool);
  for (const std::string& site : {outer.text, inner.text}) {
    const std::string run = seen.first({"\"cat\":\"run\"", site}), queued = seen.first({"\"cat\":\"schedule\"", site});
    ASSERT_NE(run, "") << seen.text;
    ASSERT_NE(queued, "") << seen.text;
    const std::string flow = member("flow", value_in(run, "flow")) + ",";
    EXPECT_NE(queued.find(flow), std::string::npos) << run << queued;
    const std::string id = member("id", value_in(run, "flow"));
    const std::string start = seen.first({"\"ph\":\"s\"", "\"cat\":\"schedule\"", id + "}"});
    const std::string finish = seen.first({"\"ph\":\"f\"", "\"cat\":\"schedule\"", id + ","});
    ASSERT_NE(start, "") << seen.text;
    ASSERT_NE(finish, "") << seen.text;
    EXPECT_EQ(value_in(finish, "tid"), value_in(run, "tid"));
    EXPECT_EQ(value_in(finish, "ts"), value_in(run, "ts"));
    EXPECT_LE(value_in(start, "ts"), value_in(finish, "ts"));
    EXPECT_EQ(value_in(start, "tid"), value_in(queued, "tid"));
  }
  EXPECT_EQ(value_in(seen.first({"\"cat\":\"schedule\"", outer.text}), "tid"), 1'000);
}

TEST_P(traces, name_an_intrusive_task_by_who_scheduled_it) {
  if (!detail::keeps_records) return;
  const auto at = here();
  test::counted_task work;
  pool.run([&] { ASSERT_FALSE(pool.schedule(work, at.site)); });
  ASSERT_FALSE(pool.drain());
  EXPECT_NE(trace(pool).first({"\"cat\":\"run\"", "\"name\":\"" + at.text + "\""}), "");
}

TEST_P(traces, show_what_runs_in_the_middle_of_a_task) {
  if (!detail::keeps_records) return;
  const auto outer = here(), inner = here();
  pool.submit(
          [&] {
            test::occupation others;  // so that it runs here
            ASSERT_TRUE(others.hold(pool, GetParam() - 1));
            pool.submit([] { std::this_thread::sleep_for(2ms); }, inner.site).get();
            ASSERT_FALSE(pool.post([] { std::this_thread::sleep_for(2ms); }, inner.site));
            EXPECT_GE(run_ready(), 1U);
          },
          outer.site)
      .get();
  ASSERT_FALSE(pool.drain());
  const trace seen(pool);
  const std::string around = seen.first({"\"cat\":\"run\"", outer.text});
  ASSERT_NE(around, "") << seen.text;
  std::size_t within = 0;
  for (const std::string& run : seen.with({"\"cat\":\"run\"", inner.text})) {
    if (value_in(run, "dur") < 1'000) continue;  // a queue's entry for what was run aside from it
    ++within;
    EXPECT_EQ(value_in(run, "tid"), value_in(around, "tid"));
    EXPECT_TRUE(encloses(around, run)) << around << run;
  }
  EXPECT_EQ(within, 2U) << seen.text;
}

TEST_P(traces, show_that_a_task_blocks_and_in_what) {
  if (!detail::keeps_records) return;
  const auto at = here();
  pool.submit([] { blocking([] { std::this_thread::sleep_for(5ms); }); }, at.site).get();
  ASSERT_FALSE(pool.drain());
  const trace seen(pool);
  const std::string run = seen.first({"\"cat\":\"run\"", at.text});
  const std::string blocked = seen.first({"\"cat\":\"blocked\"", "\"name\":\"blocked\"", "\"in\":\"section\""});
  ASSERT_NE(blocked, "") << seen.text;
  EXPECT_GE(value_in(blocked, "dur"), 4'000);
  EXPECT_TRUE(encloses(run, blocked)) << run << blocked;
}

TEST_P(traces, show_that_a_worker_sleeps_and_who_wakes_it) {
  if (!detail::keeps_records) return;
  pool.run([] {});
  ASSERT_TRUE(test::eventually([&] { return pool.stats().parked == pool.stats().threads; }));
  std::this_thread::sleep_for(2ms);
  const auto at = here();
  ASSERT_FALSE(pool.post([] {}, at.site));
  ASSERT_FALSE(pool.drain());
  const trace seen(pool);
  const std::string park = seen.first({"\"cat\":\"park\"", "\"name\":\"parked\"", "\"reason\":\"no work\""});
  ASSERT_NE(park, "") << seen.text;
  EXPECT_GE(value_in(park, "dur"), 1'000);
  const std::string wake = seen.first({"\"ph\":\"i\"", "\"cat\":\"wake\"", "\"from\":1000", "\"to\":"});
  ASSERT_NE(wake, "") << seen.text;
  EXPECT_FALSE(seen.with({"\"ph\":\"f\"", "\"cat\":\"wake\""}).empty()) << seen.text;
}

/// A wake-up was noted after it, when the worker might long be up: an arrow could then lead to the time after.
TEST(write_trace, shows_a_wake_before_who_was_woken_gets_up) {
  if (!detail::keeps_records) return;
  thread_pool pool(with_threads(1));
  pool.run([] {});
  const auto ticks_of = [](const detail::flight_recorder& from, detail::flight_kind wanted) {
    std::vector<std::uint64_t> all;
    std::uint64_t stamp = 0;
    from.entries().read([&](std::uint64_t, std::uint64_t what, std::uint64_t value) {
      const detail::flight_kind kind = detail::flight_word(what).kind();
      if (kind == detail::flight_kind::stamp) stamp = value;
      if (kind == wanted) all.push_back(stamp);
    });
    return all;
  };
  detail::pool_core& core = pool.core();
  const detail::flight_recorder& worker = core.flight_of(*core.workers().at(0));
  constexpr std::size_t rounds = 50;
  for (std::size_t i = 1; i <= rounds; ++i) {
    ASSERT_TRUE(test::eventually([&] { return ticks_of(worker, detail::flight_kind::park).size() == i; }));
    pool.run([] {});
  }
  const auto wakes = ticks_of(core.flight_outside(), detail::flight_kind::wake);
  const auto ups = ticks_of(worker, detail::flight_kind::up);
  ASSERT_EQ(wakes.size(), rounds + 1);
  ASSERT_EQ(ups.size(), rounds + 1);
  for (std::size_t i = 0; i < ups.size(); ++i) EXPECT_LT(wakes[i], ups[i]) << "wake-up " << i;
}

TEST_P(traces, show_a_task_that_still_runs) {
  if (!detail::keeps_records) return;
  const auto at = here();
  test::gate started, release;
  auto held = pool.submit(
      [&] {
        started.open();
        release.pass();
      },
      at.site);
  ASSERT_TRUE(started.pass());
  std::this_thread::sleep_for(5ms);
  const std::string run = trace(pool).first({"\"cat\":\"run\"", at.text, "\"open\":true"});
  release.open();
  held.get();  // it has the gates
  ASSERT_NE(run, "");
  EXPECT_GE(value_in(run, "dur"), 4'000);
}

TEST_P(traces, show_timers) {
  if (!detail::keeps_records) return;
  struct counting_timer : timer {
    explicit counting_timer(thread_pool& of) noexcept
        : timer(of, [](timer& self) noexcept { static_cast<counting_timer&>(self).expired.add(); }) {}
    test::tally expired;
  };
  counting_timer once(pool);
  ASSERT_FALSE(once.arm(2ms));
  ASSERT_TRUE(once.expired.reaches(1));
  ASSERT_FALSE(pool.drain());
  const trace seen(pool);
  EXPECT_FALSE(seen.with({"\"ph\":\"i\"", "\"cat\":\"timer\"", "\"flow\":"}).empty()) << seen.text;
}

TEST_P(traces, are_whole_while_the_workers_go_on) {
  std::atomic<bool> over{false};
  std::thread maker([&] {
    while (!over.load(std::memory_order_relaxed)) {
      EXPECT_FALSE(pool.post([this] { EXPECT_FALSE(pool.post([] {})); }));
      if (pool.stats().queued_outside) std::this_thread::yield();
    }
  });
  for (int i = 0; i < 20; ++i) {
    const trace seen(pool);  // whole, or the test fails
    EXPECT_FALSE(seen.lines.empty());
    std::this_thread::sleep_for(1ms);
  }
  over.store(true, std::memory_order_relaxed);
  maker.join();
  ASSERT_FALSE(pool.drain());
}

TEST(write_trace, shows_who_took_from_whom) {
  if (!detail::keeps_records) return;
  thread_pool pool(with_threads(2));
  const auto at = here();
  test::tally ran;
  pool.run([&] {
    for (int i = 0; i < 8; ++i) {
      ASSERT_FALSE(pool.post(
          [&] {
            std::this_thread::sleep_for(1ms);
            ran.add();
          },
          at.site));
    }
    EXPECT_TRUE(ran.reaches(8));  // not run by this worker, which waits here
  });
  ASSERT_FALSE(pool.drain());
  const trace seen(pool);
  const std::string steal = seen.first({"\"ph\":\"i\"", "\"cat\":\"steal\"", "\"what\":\"tasks\""});
  ASSERT_NE(steal, "") << seen.text;
  EXPECT_EQ(value_in(steal, "to"), value_in(steal, "tid"));
  EXPECT_EQ(value_in(steal, "from"), 1 - value_in(steal, "tid"));
  EXPECT_FALSE(seen.with({"\"ph\":\"s\"", "\"cat\":\"steal\""}).empty()) << seen.text;
}

TEST(write_trace, shows_forks_that_others_took) {
  if (!detail::keeps_records) return;
  thread_pool pool(with_threads(2));
  pool.run([](worker& self) {
    std::atomic<bool> other{false};
    fork_join(
        self, [&](worker&) { EXPECT_TRUE(test::eventually([&] { return other.load(); })); },
        [&](worker&) { other.store(true); });
  });
  ASSERT_FALSE(pool.drain());
  const trace seen(pool);
  EXPECT_FALSE(seen.with({"\"cat\":\"expose\""}).empty()) << seen.text;
  EXPECT_FALSE(seen.with({"\"ph\":\"i\"", "\"cat\":\"steal\"", "\"what\":\"fork\""}).empty()) << seen.text;
  EXPECT_FALSE(seen.with({"\"cat\":\"run\"", "\"name\":\"<fork>\""}).empty()) << seen.text;
}

TEST(write_trace, leaves_out_what_is_older) {
  if (!detail::keeps_records) return;
  thread_pool pool(with_threads(1));
  const auto old = here(), young = here();
  pool.submit([] {}, old.site).get();
  std::this_thread::sleep_for(100ms);
  pool.submit([] {}, young.site).get();
  const trace all(pool), some(pool, 50ms);
  EXPECT_NE(all.first({"\"cat\":\"run\"", old.text}), "");
  EXPECT_EQ(some.first({"\"cat\":\"run\"", old.text}), "");
  EXPECT_NE(some.first({"\"cat\":\"run\"", young.text}), "");
}

TEST(write_trace, of_a_small_recorder_has_the_end) {
  if (!detail::keeps_records) return;
  pool_config config = with_threads(1);
  config.recorder_entries = 1;  // of the fewest
  thread_pool pool(config);
  for (int i = 0; i < 1'000; ++i) ASSERT_FALSE(pool.post([] {}));
  const auto last = here();
  pool.submit([] { std::this_thread::sleep_for(1ms); }, last.site).get();
  ASSERT_FALSE(pool.drain());
  const trace seen(pool);
  EXPECT_LE(seen.with({"\"ph\":\"X\""}).size(), 32U);
  EXPECT_GT(value_in(seen.lines.back(), "overwritten"), 100) << seen.lines.back();
}

}  // namespace
}  // namespace treadle
