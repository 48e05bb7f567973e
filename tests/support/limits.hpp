#pragma once

#include <gtest/gtest.h>

#include <unistd.h>

#include <chrono>
#include <csignal>
#include <cstddef>
#include <cstdlib>
#include <cstring>
#include <string>

#if defined(__SANITIZE_THREAD__)
#define TREADLE_TEST_SLOW_FACTOR 10
#elif defined(__SANITIZE_ADDRESS__)
#define TREADLE_TEST_SLOW_FACTOR 4
#elif defined(__has_feature)
#if __has_feature(thread_sanitizer)
#define TREADLE_TEST_SLOW_FACTOR 10
#elif __has_feature(address_sanitizer)
#define TREADLE_TEST_SLOW_FACTOR 4
#endif
#endif
#ifndef TREADLE_TEST_SLOW_FACTOR
#define TREADLE_TEST_SLOW_FACTOR 1
#endif

namespace treadle::test {

/// How many times slower this build is than a debug build, roughly.
inline constexpr std::size_t slow_factor = TREADLE_TEST_SLOW_FACTOR;

/// How many times the usual work a run is asked to do: TREADLE_TEST_SCALE, at least 1.
inline std::size_t test_scale() {
  const char* const text = std::getenv("TREADLE_TEST_SCALE");
  const long scale = text != nullptr ? std::strtol(text, nullptr, 10) : 1;
  return scale > 1 ? static_cast<std::size_t>(scale) : 1;
}

/// Repetitions of something random: more on request, fewer in slow builds, never none.
inline std::size_t repetitions(std::size_t usual) {
  const std::size_t scaled = usual * test_scale() / slow_factor;
  return scaled != 0 ? scaled : 1;
}

/// A size that slow builds cut down.
constexpr std::size_t smaller_if_slow(std::size_t usual) { return usual / slow_factor != 0 ? usual / slow_factor : 1; }

/// How long any single wait of a test may take before that is a failure: far more than a loaded machine needs.
inline constexpr std::chrono::seconds patience{20 * (slow_factor > 4 ? 3 : 1)};

namespace hanging {

inline char current_test[256] = "?";

extern "C" inline void treadle_test_hangs(int) {
  static const char message[] = "\ntreadle test: this test hangs: ";
  static_cast<void>(!write(STDERR_FILENO, message, sizeof message - 1));
  static_cast<void>(!write(STDERR_FILENO, current_test, std::strlen(current_test)));
  static_cast<void>(!write(STDERR_FILENO, "\n", 1));
  std::abort();
}

/// Aborts a test that hangs. An alarm, because a watching thread would be counted by the tests that count threads.
class hang_guard : public testing::EmptyTestEventListener {
 public:
  void OnTestStart(const testing::TestInfo& info) override {
    const std::string name = std::string(info.test_suite_name()) + "." + info.name();
    std::strncpy(current_test, name.c_str(), sizeof current_test - 1);
    std::signal(SIGALRM, &treadle_test_hangs);
    alarm(static_cast<unsigned>(90 * (slow_factor > 1 ? 3 : 1) * test_scale()));
  }
  void OnTestEnd(const testing::TestInfo&) override { alarm(0); }
};

/// gtest owns the listener. One a program, whatever the number of its files.
inline const bool hang_guard_installed = [] {
  testing::UnitTest::GetInstance()->listeners().Append(new hang_guard);
  return true;
}();

}  // namespace hanging

}  // namespace treadle::test
