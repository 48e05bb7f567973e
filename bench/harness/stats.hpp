#pragma once

#include <string_view>
#include <vector>

namespace bench {

/// A median and where it lies with 95 % confidence.
struct interval {
  double median = 0;
  double low = 0;
  double high = 0;
};

/// Median of `samples` with a percentile bootstrap interval. The resampling is seeded: same samples, same answer.
interval bootstrap_median(const std::vector<double>& samples);

/// Ratios of two contenders, round by round. Rounds in which the second one reads 0 give no ratio.
std::vector<double> ratios(const std::vector<double>& ours, const std::vector<double>& theirs);

/// "ahead" only if the whole interval of the ratio is below 1, "behind" if it is above, else "equal".
std::string_view verdict(const interval& ratio);

/// Whether a figure that should stay at or below `limit` does: "met" with the whole interval, "reached" with a part of
/// it, else "missed".
std::string_view against_bar(const interval& value, double limit);

}  // namespace bench
