#include "grammar/pool_run.hpp"
#include "grammar/program.hpp"
#include <random.hpp>
#include <tasks.hpp>

#include <gtest/gtest.h>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string>
#include <vector>

// Random programs, each run on pools and by a sequential oracle: every node runs once and leaves what the oracle says.
// TREADLE_TEST_PROGRAM=<hex> replays one.

namespace treadle::test {
namespace {

using namespace grammar;

std::vector<std::uint8_t> draw(random_source& random) {
  if (const char* const text = std::getenv("TREADLE_TEST_PROGRAM")) return from_hex(text);
  return random_bytes(random, random.one_in(20) ? 2'000 : 250);
}

class random_programs : public with_workers {};
INSTANTIATE_TEST_SUITE_P(widths, random_programs, worker_counts(), worker_count_name);

TEST_P(random_programs, agree_with_a_sequential_run) {
  const std::uint64_t seed = run_seed();
  random_source random(seed);
  // Each run draws others; the nightly one draws them by the ten thousand.
  const std::size_t programs = repetitions(workers() > 8 ? 300 : test_scale() > 1 ? 2'000 : 500);
  std::size_t largest = 0;
  for (std::size_t i = 0; i < programs && !HasFailure(); ++i) {
    const std::vector<std::uint8_t> bytes = draw(random);
    const program meant = parse(bytes);
    pool_run tested(meant, workers());
    EXPECT_EQ(tested.run(), "") << "TREADLE_TEST_SEED=" << seed << " TREADLE_TEST_PROGRAM=" << to_hex(bytes);
    largest = std::max(largest, meant.nodes.size());
  }
  EXPECT_TRUE(programs < 200 || largest > 50) << "the programs became trivial";
}

#ifdef TREADLE_TEST_OPENMP

/// Another runtime, another author: what both say is what the program means.
TEST(random_programs_on_openmp, agree_node_by_node) {
  const std::uint64_t seed = run_seed();
  random_source random(seed);
  const std::size_t programs = repetitions(1'000);
  for (std::size_t i = 0; i < programs && !HasFailure(); ++i) {
    const std::vector<std::uint8_t> bytes = draw(random);
    const program meant = parse(bytes);
    const int threads = static_cast<int>(1 + random.below(4));
    ASSERT_EQ(evaluate_with_openmp(meant, threads), evaluate(meant))
        << "TREADLE_TEST_SEED=" << seed << " TREADLE_TEST_PROGRAM=" << to_hex(bytes);
    pool_run tested(meant, static_cast<std::uint32_t>(threads));
    ASSERT_EQ(tested.run(), "") << "TREADLE_TEST_SEED=" << seed << " TREADLE_TEST_PROGRAM=" << to_hex(bytes);
  }
}

#endif

/// What the tests above rest on: the oracle is right for a program worked out by hand, and the text of one replays it.
TEST(random_program_grammar, means_what_it_says) {
  // One pool, drained; a root with a waited-for child and a forgotten one; a second root.
  const std::vector<std::uint8_t> bytes{0, 0, 0, 0, 2, 3, 17, 6, 17, 17, 0};
  const program meant = parse(from_hex(to_hex(bytes)));
  ASSERT_EQ(meant.nodes.size(), 4u);
  EXPECT_EQ(meant.pools, 1u);
  EXPECT_EQ(meant.nodes[0].how, step::post);
  EXPECT_EQ(meant.nodes[1].how, step::submit_and_wait);
  EXPECT_EQ(meant.nodes[2].how, step::forgotten_future);
  EXPECT_EQ(meant.nodes[3].how, step::schedule);
  EXPECT_EQ(meant.nodes[2].parent, 0u);
  EXPECT_EQ(meant.nodes[0].next_sibling, 3u);
  const std::vector<std::uint64_t> expected{mix(mix(0, 2), mix(1, 3)), mix(1, 3), mix(2, 6), mix(3, 0)};
  EXPECT_EQ(evaluate(meant), expected);
}

}  // namespace
}  // namespace treadle::test
