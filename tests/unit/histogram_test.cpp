// obs::histogram: each length is in the bucket that ends nearest above it.
#include "random.hpp"

#include <treadle/obs/histogram.hpp>

#include <gtest/gtest.h>

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <vector>

namespace treadle::obs {
namespace {

using namespace std::chrono_literals;

TEST(histogram, of_nothing_is_empty) {
  const histogram none;
  EXPECT_EQ(none.count(), 0U);
  EXPECT_EQ(none.quantile(0.5), 0ns);
  none.each([](auto, auto) { FAIL(); });
}

TEST(histogram, tells_a_length_to_an_eighth) {
  for (std::int64_t ns = 0; ns < 20'000'000'000'000; ns = ns * 9 / 8 + 1) {
    histogram one;
    one.add(std::chrono::nanoseconds(ns));
    EXPECT_EQ(one.count(), 1U);
    EXPECT_EQ(one.sum().count(), ns);
    const std::int64_t end = one.quantile(1).count();
    if (ns < 17'000'000'000'000) {
      EXPECT_GE(end, ns);
      EXPECT_LE(end, ns + ns / 8 + 1);
    }
  }
  histogram negative;
  negative.add(-5ns);
  EXPECT_EQ(negative.quantile(1), 0ns);
}

TEST(histogram, has_the_quantiles_of_what_it_saw) {
  const std::uint64_t seed = test::run_seed();
  SCOPED_TRACE(seed);
  test::random_source random(seed);
  histogram seen, other, merged;
  std::vector<std::int64_t> all;
  for (int i = 0; i < 10'000; ++i) {
    const auto ns = static_cast<std::int64_t>(random.below(std::uint64_t{1} << random.below(40)));
    all.push_back(ns);
    (i % 3 == 0 ? seen : other).add(std::chrono::nanoseconds(ns));
  }
  merged.merge(seen);
  merged.merge(other);
  std::sort(all.begin(), all.end());
  for (const double part : {0.01, 0.5, 0.9, 0.99, 1.0}) {
    const std::int64_t exact = all[static_cast<std::size_t>(part * 10'000) - 1];
    EXPECT_GE(merged.quantile(part).count(), exact);
    EXPECT_LE(merged.quantile(part).count(), exact + exact / 8 + 1);
  }
  std::uint64_t count = 0;
  std::chrono::nanoseconds before = -1ns;
  merged.each([&](std::chrono::nanoseconds end, std::uint64_t of) {
    EXPECT_GT(end, before);
    before = end;
    count += of;
  });
  EXPECT_EQ(count, 10'000U);
}

}  // namespace
}  // namespace treadle::obs
