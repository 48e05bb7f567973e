// Each fault that the kernels can switch on is found in its model within a second, and the kernels hold there.
#include "model_test.hpp"

#include <algorithm>
#include <ctime>
#include <set>

namespace {

double cpu_seconds() {
  timespec now{};
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
  return static_cast<double>(now.tv_sec) + static_cast<double>(now.tv_nsec) * 1e-9;
}

std::string title_of(const model::fault& one) {
  const bool of_seed = one.number < 100;
  return std::string(of_seed ? "seed_defect_" : "field_T") + std::to_string(of_seed ? one.number : one.number - 100) +
         "_" + one.where;
}

class fault_model : public testing::TestWithParam<model::fault> {};

TEST_P(fault_model, is_found) {
  const model::fault& one = GetParam();
  mc::options how = one.how;
  how.time_limit_ms = 0;
  if (how.mode != mc::explorer::exhaustive) how.seed = model::seed();
  const double start = cpu_seconds();
  const mc::result found = mc::explore(how, one.faulty);
  const double seconds = cpu_seconds() - start;
  EXPECT_TRUE(found.failed) << "not found in " << found.executions << " executions";
#if defined(NDEBUG) && !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__)
  EXPECT_LT(seconds, 1.0);
#endif
  std::cout << "[   model  ] " << title_of(one) << ": found in execution " << found.executions << ", " << seconds * 1e3
            << " ms of CPU time with making it short: " << found.message.substr(0, found.message.find('\n')) << "\n";

  // No less than what found the fault, and the full bounds elsewhere: each body is a model of its own, too.
  how.executions = 2 * found.executions + 200;
  const mc::result sound = mc::explore(how, one.sound);
  EXPECT_FALSE(sound.failed) << model::text_of(sound);
  EXPECT_TRUE(sound.complete || sound.executions == how.executions) << sound.executions;

  model::json_object entry;
  entry.text("kind", "fault").number("number", static_cast<std::uint64_t>(one.number));
  entry.truth("found", found.failed).number("executions", found.executions).milliseconds(seconds * 1e3);
  entry.truth("kernel_holds", !sound.failed).number("kernel_executions", sound.executions);
  entry.text("failure", found.message.substr(0, found.message.find('\n')));
  model::report("fault_model." + title_of(one), "fault", entry);
}

INSTANTIATE_TEST_SUITE_P(kernels, fault_model, testing::ValuesIn(model::faults()),
                         [](const auto& parameter) { return title_of(parameter.param); });

TEST(fault_models, cover_the_seed) {
  std::set<int> found;
  for (const model::fault& one : model::faults()) found.insert(one.number);
  for (const int number : {1, 2, 3, 4, 5, 6, 7, 11, 12, 14, 15, 20}) {
    EXPECT_EQ(found.count(number), 1U) << "no model has seed defect " << number;
  }
}

}  // namespace
