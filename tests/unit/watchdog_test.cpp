// obs::watchdog: what does not move is named once; what moves, or waits as it may, is not.
#include "dumps.hpp"
#include "scratch.hpp"
#include "tasks.hpp"
#include "traces.hpp"
#include "waiting.hpp"

#include <treadle/obs/watchdog.hpp>
#include <treadle/treadle.hpp>

#include <gtest/gtest.h>

#include <chrono>
#include <mutex>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

namespace treadle {
namespace {

using namespace std::chrono_literals;
using test::here;

/// What a watchdog has reported.
class report_log {
 public:
  [[nodiscard]] obs::watchdog_options options() {
    obs::watchdog_options made;
    made.period = 5ms;
    made.longest_task = made.longest_standstill = 60ms;
    made.context = this;
    made.on_stall = [](void* context, std::string_view report) noexcept {
      auto& self = *static_cast<report_log*>(context);
      const std::lock_guard<std::mutex> lock(self.mutex_);
      self.all_.emplace_back(report);
    };
    return made;
  }
  /// Returns how many reports have all of that in them.
  [[nodiscard]] std::size_t with(const std::vector<std::string>& words) {
    const std::lock_guard<std::mutex> lock(mutex_);
    std::size_t count = 0;
    for (const std::string& report : all_) {
      bool all = true;
      for (const std::string& word : words) all = all && report.find(word) != std::string::npos;
      count += all ? 1U : 0U;
    }
    return count;
  }
  [[nodiscard]] std::string text() {
    const std::lock_guard<std::mutex> lock(mutex_);
    std::string joined;
    for (const std::string& report : all_) joined += report + "\n";
    return joined;
  }

 private:
  std::mutex mutex_;
  std::vector<std::string> all_;
};

class watchdogs : public test::with_workers {};
INSTANTIATE_TEST_SUITE_P(widths, watchdogs, test::worker_counts(), test::worker_count_name);

TEST_P(watchdogs, name_a_task_that_runs_too_long_once) {
  test::gate release;
  thread_pool pool{config()};
  report_log log;
  const obs::watchdog watching(pool, log.options());
  const auto at = here();
  auto held = pool.submit([&] { release.pass(); }, at.site);
  EXPECT_TRUE(test::eventually([&] {
    return log.with({"pool treadle: worker ", " runs " + at.text + " for 0."}) == 1;
  })) << log.text();
  std::this_thread::sleep_for(150ms);
  EXPECT_EQ(log.with({at.text}), 1U) << log.text();
  release.open();
  held.get();
}

TEST_P(watchdogs, leave_alone_what_moves_and_what_waits_as_it_may) {
  thread_pool pool{config()};
  report_log log;
  const obs::watchdog watching(pool, log.options());
  const auto at = here();
  auto waiting = pool.submit([] { blocking([] { std::this_thread::sleep_for(200ms); }); }, at.site);
  waiting.get();
  EXPECT_EQ(log.with({at.text}), 0U) << log.text();
}

TEST_P(watchdogs, tell_that_nothing_is_started) {
  thread_pool pool{config()};
  report_log log;
  const obs::watchdog watching(pool, log.options());
  test::occupation held;
  ASSERT_TRUE(held.hold(pool, GetParam()));
  ASSERT_FALSE(pool.post([] {}));
  EXPECT_TRUE(test::eventually([&] { return log.with({"no task was started for 0."}) == 1; })) << log.text();
  held.release();
  ASSERT_FALSE(pool.drain());
}

TEST(watchdog, names_who_holds_the_mutex_that_a_worker_waits_for) {
  test::gate locked, release;
  thread_pool pool(pool_config{.max_threads = 2});
  report_log log;
  const auto holds = here(), waits = here();
  std::mutex contended;
  auto holding = pool.submit(
      [&] {
        const std::lock_guard<std::mutex> lock(contended);
        locked.open();
        blocking([&] { release.pass(); });
      },
      holds.site);
  ASSERT_TRUE(locked.pass());
  auto waiting = pool.submit([&] { const std::lock_guard<std::mutex> lock(contended); }, waits.site);
  {
    const obs::watchdog watching(pool, log.options());
    EXPECT_TRUE(test::eventually([&] { return watching.reports() != 0; }));
  }
  release.open();
  holding.get();
  waiting.get();
  EXPECT_EQ(log.with({" runs " + waits.text, ", blocked in a mutex that worker ",
                      " (which runs " + holds.text + ", blocked in section) holds"}) +
                log.with({" runs " + waits.text, "owner unknown"}),
            1U)
      << log.text();
}

TEST(watchdog, writes_a_trace_with_its_first_report) {
  thread_pool pool(pool_config{.max_threads = 1});
  report_log log;
  obs::watchdog_options options = log.options();
  const test::scratch_folder folder;
  options.trace_file = folder.file("stall.json");
  const obs::watchdog watching(pool, options);
  test::occupation held;
  ASSERT_TRUE(held.hold(pool, 1));
  ASSERT_TRUE(test::eventually([&] { return watching.reports() == 1; }));
  held.release();
  const std::string trace = test::text_of_file(options.trace_file);
  EXPECT_TRUE(test::json_reader::is_whole(trace)) << trace;
}

TEST(watchdog, without_a_callback_reports_to_the_standard_error) {
  thread_pool pool(pool_config{.max_threads = 1, .name = "weaver"});
  report_log log;
  obs::watchdog_options options = log.options();
  options.on_stall = nullptr;
  testing::internal::CaptureStderr();
  {
    const obs::watchdog watching(pool, options);
    test::occupation held;
    ASSERT_TRUE(held.hold(pool, 1));
    EXPECT_TRUE(test::eventually([&] { return watching.reports() == 1; }));
  }
  const std::string text = testing::internal::GetCapturedStderr();
  EXPECT_NE(text.find("treadle: pool weaver: worker 0 runs "), std::string::npos) << text;
  EXPECT_NE(text.find("name=weaver"), std::string::npos) << text;
}

}  // namespace
}  // namespace treadle
