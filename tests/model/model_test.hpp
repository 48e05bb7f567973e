#pragma once

#include "mc/mc.hpp"
#include "model_report.hpp"

#include <gtest/gtest.h>

#include <cstdint>
#include <cstdlib>
#include <iostream>
#include <string>
#include <utility>
#include <vector>

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

// ---- models of kernels ----------------------------------------------------------------------------------------------

/// How a model is explored: all executions within `bounds`, and `executions` random ones, as many again with random
/// priorities, in which what `free` allows may happen besides.
struct settings {
  mc::options bounds;
  mc::options free;
  std::uint64_t executions = 10'000;
};

struct program {
  const char* suite;
  const char* name;
  void (*body)(mc::execution&);
  settings how;
};

/// All models of this program: mutants and faults of the kernels run through them.
inline std::vector<program>& programs() {
  static std::vector<program> all;
  return all;
}
inline bool list(const program& one) {
  programs().push_back(one);
  return true;
}

inline void expect_holds(const program& one, const char* what, const mc::options& how, const mc::result& r) {
  expect_holds(what, r);
  json_object entry;
  entry.text("kind", "model").number("executions", r.executions - r.cut_short).truth("complete", r.complete);
  entry.truth("failed", r.failed).bound("preemptions", how.preemptions).bound("stale_reads", how.stale_reads);
  entry.bound("weak_failures", how.weak_failures).bound("spurious_wakes", how.spurious_wakes);
  entry.bound("time_outs", how.time_outs).number("longest_steps", r.longest).number("seed", how.seed);
  report(std::string(one.suite) + "." + one.name, what, entry.milliseconds(r.milliseconds));
}

inline void holds(const program& one) {
  mc::options bounds = one.how.bounds;
  bounds.time_limit_ms = time_limit_ms(bounds.time_limit_ms);
  expect_holds(one, "exhaustive", bounds, mc::explore(bounds, one.body));
  const mc::options random = random_runs(one.how.executions, one.how.free);
  expect_holds(one, "random", random, mc::explore(random, one.body));
  const mc::options pct = pct_runs(one.how.executions, one.how.free);
  expect_holds(one, "pct", pct, mc::explore(pct, one.body));
}

/// A test that the kernel holds in a model, which is listed for mutants, too. The body comes last.
#define TREADLE_MODEL(suite, name, how, ...)                                              \
  const bool suite##_##name##_is_listed = model::list({#suite, #name, __VA_ARGS__, how}); \
  TEST(suite, name) {                                                                     \
    ASSERT_TRUE(suite##_##name##_is_listed);                                              \
    model::holds({#suite, #name, __VA_ARGS__, how});                                      \
  }

// ---- faults of kernels ----------------------------------------------------------------------------------------------

/// A model of a kernel with one faulty step switched on, and of the same kernel without it. Numbers up to 34 are the
/// seed's defects, from 101 on rows T01... of README.md.
struct fault {
  int number;
  const char* where;
  void (*faulty)(mc::execution&);
  void (*sound)(mc::execution&);
  mc::options how;
};
inline std::vector<fault>& faults() {
  static std::vector<fault> all;
  return all;
}
inline bool list(const fault& one) {
  faults().push_back(one);
  return true;
}

}  // namespace model
