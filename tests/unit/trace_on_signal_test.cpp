// obs::trace_on_signal: a signal brings a trace, on demand and at the end of a process, and the signal is given back.
#include "scratch.hpp"
#include "traces.hpp"
#include "waiting.hpp"

#include <treadle/obs/trace_on_signal.hpp>
#include <treadle/treadle.hpp>

#include <gtest/gtest.h>

#include <chrono>
#include <csignal>
#include <cstdlib>
#include <string>
#include <system_error>
#include <thread>

namespace treadle {
namespace {

/// A file that is gone afterwards.
class scratch_file {
 public:
  [[nodiscard]] std::string path() const { return folder_.file("trace.json"); }
  [[nodiscard]] std::string read() const { return test::text_of_file(path()); }

 private:
  test::scratch_folder folder_;
};

volatile std::sig_atomic_t calls_of_others = 0;
void count_call(int) { calls_of_others = calls_of_others + 1; }

TEST(trace_on_signal, writes_a_trace_for_each_signal) {
  thread_pool pool(pool_config{.max_threads = 2});
  pool.run([] {});
  const scratch_file file;
  const obs::trace_on_signal traced(pool, SIGUSR1, file.path());
  for (std::uint64_t i = 1; i <= 3; ++i) {
    ASSERT_EQ(std::raise(SIGUSR1), 0);
    ASSERT_TRUE(test::eventually([&] { return traced.written() == i; }));
    EXPECT_TRUE(test::json_reader::is_whole(file.read())) << file.read();
  }
}

TEST(trace_on_signal, gives_the_signal_back) {
  calls_of_others = 0;
  ASSERT_NE(std::signal(SIGUSR1, &count_call), SIG_ERR);
  thread_pool pool(pool_config{.max_threads = 1});
  const scratch_file file;
  {
    const obs::trace_on_signal traced(pool, SIGUSR1, file.path());
    ASSERT_EQ(std::raise(SIGUSR1), 0);
    EXPECT_TRUE(test::eventually([&] { return traced.written() == 1; }));
    EXPECT_EQ(calls_of_others, 0);
  }
  ASSERT_EQ(std::raise(SIGUSR1), 0);
  EXPECT_EQ(calls_of_others, 1);
  ASSERT_EQ(std::signal(SIGUSR1, SIG_DFL), &count_call);
}

TEST(trace_on_signal, is_one_for_each_signal) {
  thread_pool pool(pool_config{.max_threads = 1});
  const scratch_file file;
  const obs::trace_on_signal first(pool, SIGUSR1, file.path());
  EXPECT_THROW(obs::trace_on_signal(pool, SIGUSR1, file.path()), std::system_error);
  EXPECT_THROW(obs::trace_on_signal(pool, SIGKILL, file.path()), std::system_error);
  EXPECT_THROW(obs::trace_on_signal(pool, 0, file.path()), std::system_error);
  EXPECT_THROW(obs::trace_on_signal(pool, 1'000, file.path()), std::system_error);
  const obs::trace_on_signal other(pool, SIGUSR2, file.path());
}

TEST(trace_on_signal, that_cannot_be_written_is_said) {
  thread_pool pool(pool_config{.max_threads = 1});
  testing::internal::CaptureStderr();
  {
    const obs::trace_on_signal traced(pool, SIGUSR1, "/nowhere/to/be/found");
    ASSERT_EQ(std::raise(SIGUSR1), 0);
    std::this_thread::sleep_for(std::chrono::milliseconds(100));
    EXPECT_EQ(traced.written(), 0U);
  }
  EXPECT_NE(testing::internal::GetCapturedStderr().find("cannot be written to /nowhere/to/be/found"),
            std::string::npos);
}

TEST(trace_on_signal, leaves_a_trace_of_a_program_that_aborts) {
  testing::FLAGS_gtest_death_test_style = "threadsafe";
  // The child runs this test anew, as another process: it is told which folder is its parent's.
  const test::scratch_folder folder;
  constexpr const char* told = "TREADLE_TEST_TRACE_FILE";
  ASSERT_EQ(setenv(told, folder.file("trace.json").c_str(), 0), 0);
  const std::string path = std::getenv(told);
  EXPECT_EXIT(
      {
        thread_pool pool(pool_config{.max_threads = 1});
        const obs::trace_on_signal traced(pool, SIGABRT, path);
        pool.run([] { std::abort(); });
      },
      testing::KilledBySignal(SIGABRT), "");
  ASSERT_EQ(unsetenv(told), 0);
  const std::string trace = test::text_of_file(path);
  EXPECT_TRUE(test::json_reader::is_whole(trace)) << trace;
  EXPECT_EQ(trace.find("\"open\":true") != std::string::npos, detail::keeps_records) << trace;
}

}  // namespace
}  // namespace treadle
