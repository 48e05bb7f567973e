#pragma once

#include "replace_file.hpp"

#include <algorithm>
#include <array>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <fstream>
#include <string>

namespace treadle::test {

/// Counts of durations in buckets of a sixteenth of a power of two.
class histogram {
 public:
  void add(std::uint64_t ns, std::uint64_t times = 1) {
    counts_[bucket_of(ns)] += times;
    total_ += times;
    longest_ = std::max(longest_, ns);
  }
  [[nodiscard]] std::uint64_t total() const { return total_; }
  [[nodiscard]] std::uint64_t longest() const { return longest_; }
  /// Returns the upper end of the bucket below which lies `part` of all.
  [[nodiscard]] std::uint64_t quantile(double part) const {
    const auto goal = static_cast<std::uint64_t>(part * static_cast<double>(total_));
    std::uint64_t below = 0;
    for (std::size_t i = 0; i < counts_.size(); ++i) {
      below += counts_[i];
      if (below > goal) return std::min(upper_end(i), longest_);
    }
    return longest_;
  }

  void write(std::ostream& out) const {
    out << "longest_wake_ns " << longest_ << '\n';
    for (std::size_t i = 0; i < counts_.size(); ++i) {
      if (counts_[i] != 0) out << "wakes " << i << ' ' << counts_[i] << '\n';
    }
  }
  void read_longest(std::istream& in) { in >> longest_; }
  void read_bucket(std::istream& in) {
    std::size_t bucket = 0;
    std::uint64_t count = 0;
    if (in >> bucket >> count && bucket < counts_.size()) {
      counts_[bucket] += count;
      total_ += count;
    }
  }

 private:
  static std::size_t bucket_of(std::uint64_t ns) {
    if (ns < 16) return static_cast<std::size_t>(ns);
    const auto shift = static_cast<std::uint64_t>(std::bit_width(ns)) - 5;
    return static_cast<std::size_t>((shift + 1) * 16 + (ns >> shift) - 16);
  }
  static std::uint64_t upper_end(std::size_t bucket) {
    if (bucket < 16) return bucket;
    const std::size_t shift = bucket / 16 - 1;
    return ((std::uint64_t{bucket % 16} + 17) << shift) - 1;
  }

  std::array<std::uint64_t, std::size_t{61} * 16> counts_{};
  std::uint64_t total_ = 0, longest_ = 0;
};

/// What all slices of a soak have come to. Kept in a file between them.
struct soak_totals {
  std::uint64_t slices = 0, milliseconds = 0, cycles = 0, tasks = 0, failures = 0, longest_stall_ns = 0;
  histogram wakes;

  void load(const std::string& path) {
    std::ifstream in(path);
    for (std::string key; in >> key;) {
      if (key == "slices") in >> slices;
      if (key == "milliseconds") in >> milliseconds;
      if (key == "cycles") in >> cycles;
      if (key == "tasks") in >> tasks;
      if (key == "failures") in >> failures;
      if (key == "longest_stall_ns") in >> longest_stall_ns;
      if (key == "longest_wake_ns") wakes.read_longest(in);
      if (key == "wakes") wakes.read_bucket(in);
    }
  }

  [[nodiscard]] bool save(const std::string& path) const {
    return replace_file(path, [this](std::ostream& out) {
      out << "slices " << slices << "\nmilliseconds " << milliseconds << "\ncycles " << cycles << "\ntasks " << tasks
          << "\nfailures " << failures << "\nlongest_stall_ns " << longest_stall_ns << '\n';
      wakes.write(out);
    });
  }

  [[nodiscard]] bool report(const std::string& path) const {
    const auto us = [](std::uint64_t ns) { return static_cast<double>(ns) / 1e3; };
    std::ofstream out(path);
    out << "{\n  \"hours\": " << static_cast<double>(milliseconds) / 3.6e6 << ",\n  \"slices\": " << slices
        << ",\n  \"cycles\": " << cycles << ",\n  \"tasks\": " << tasks << ",\n  \"failures\": " << failures
        << ",\n  \"longest_stall_ms\": " << static_cast<double>(longest_stall_ns) / 1e6
        << ",\n  \"wake_latency_us\": {\"samples\": " << wakes.total() << ", \"p50\": " << us(wakes.quantile(0.5))
        << ", \"p99\": " << us(wakes.quantile(0.99)) << ", \"p99.9\": " << us(wakes.quantile(0.999))
        << ", \"max\": " << us(wakes.longest()) << "}\n}\n";
    return static_cast<bool>(out.flush());
  }
};

}  // namespace treadle::test
