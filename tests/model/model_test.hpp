#pragma once

#include "mc/mc.hpp"

#include <gtest/gtest.h>

#include <cstdint>
#include <cstdlib>
#include <iostream>
#include <string>

namespace model {

/// Multiplies the executions of random explorations and their time: TREADLE_TEST_SCALE, 1 by default.
inline double scale() {
  const char* text = std::getenv("TREADLE_TEST_SCALE");
  const double value = text == nullptr ? 1.0 : std::atof(text);
  return value > 0 ? value : 1.0;
}

/// The seed of all random explorations: TREADLE_TEST_SEED, 1 by default.
inline std::uint64_t seed() {
  const char* text = std::getenv("TREADLE_TEST_SEED");
  return text == nullptr ? 1 : std::strtoull(text, nullptr, 10);
}

/// A limit for an exploration that may not end within a default run; the scale gives it more time.
inline std::uint64_t time_limit_ms(std::uint64_t by_default) {
  return static_cast<std::uint64_t>(static_cast<double>(by_default) * scale());
}

inline mc::options random_runs(std::uint64_t executions, mc::options how = {}) {
  how.mode = mc::explorer::random;
  how.seed = seed();
  how.executions = static_cast<std::uint64_t>(static_cast<double>(executions) * scale());
  return how;
}

inline mc::options pct_runs(std::uint64_t executions, mc::options how = {}) {
  how = random_runs(executions, std::move(how));
  how.mode = mc::explorer::pct;
  return how;
}

/// For a fault that must be found, however slow the build is.
inline mc::options untimed(mc::options how) {
  how.time_limit_ms = 0;
  return how;
}

inline std::string text_of(const mc::result& r) {
  return r.message + "\nseed " + std::to_string(seed()) + ", execution " + std::to_string(r.executions) +
         ", replay with choices \"" + r.choices.substr(0, 2000) + "\"\n" + r.trace;
}

inline void print_figures(const char* what, const mc::result& r) {
  const auto* test = testing::UnitTest::GetInstance()->current_test_info();
  std::cout << "[   model  ] " << test->test_suite_name() << "." << test->name() << " " << what << ": "
            << r.executions - r.cut_short << " executions in " << r.milliseconds << " ms, longest " << r.longest
            << " steps" << (r.complete ? ", complete within its bounds" : "") << ", seed " << seed() << "\n";
}

inline void expect_holds(const char* what, const mc::result& r) {
  EXPECT_FALSE(r.failed) << text_of(r);
  EXPECT_GT(r.executions, 0U);
  print_figures(what, r);
}

inline void expect_fails(const mc::result& r) {
  EXPECT_TRUE(r.failed) << "the fault was not found in " << r.executions;
}

inline void expect_fails(const mc::result& r, mc::failure kind) {
  EXPECT_TRUE(r.failed) << "the fault was not found in " << r.executions;
  EXPECT_EQ(static_cast<int>(r.kind), static_cast<int>(kind)) << text_of(r);
}

}  // namespace model
