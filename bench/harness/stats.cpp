#include "stats.hpp"

#include <algorithm>
#include <cstddef>
#include <random>

namespace bench {

namespace {

double median_of(std::vector<double>& values) {
  const auto middle = values.begin() + static_cast<std::ptrdiff_t>(values.size() / 2);
  std::nth_element(values.begin(), middle, values.end());
  if (values.size() % 2 != 0) return *middle;
  return (*middle + *std::max_element(values.begin(), middle)) / 2;
}

}  // namespace

interval bootstrap_median(const std::vector<double>& samples) {
  if (samples.empty()) return {};
  constexpr std::size_t resamples = 4000;
  std::mt19937_64 random(20240229);
  std::vector<double> drawn(samples.size());
  std::vector<double> medians;
  medians.reserve(resamples);
  for (std::size_t i = 0; i < resamples; ++i) {
    for (double& each : drawn) each = samples[random() % samples.size()];
    medians.push_back(median_of(drawn));
  }
  std::sort(medians.begin(), medians.end());
  drawn = samples;
  return {median_of(drawn), medians[resamples / 40], medians[resamples - 1 - resamples / 40]};
}

std::vector<double> ratios(const std::vector<double>& ours, const std::vector<double>& theirs) {
  std::vector<double> result;
  for (std::size_t i = 0; i < std::min(ours.size(), theirs.size()); ++i) {
    if (theirs[i] > 0) result.push_back(ours[i] / theirs[i]);
  }
  return result;
}

std::string_view verdict(const interval& ratio) {
  if (ratio.high < 1) return "ahead";
  return ratio.low > 1 ? "behind" : "equal";
}

std::string_view against_bar(const interval& value, double limit) {
  if (value.high <= limit) return "met";
  return value.low <= limit ? "reached" : "missed";
}

}  // namespace bench
