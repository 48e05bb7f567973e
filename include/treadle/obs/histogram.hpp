#pragma once

#include <array>
#include <bit>
#include <chrono>
#include <cstddef>
#include <cstdint>

namespace treadle::obs {

/// How often durations of each length were seen, from a nanosecond to five hours, an eighth of it exact: each power of
/// two is parted in eight. Log-linear buckets after G. Tene's HdrHistogram. One thread at a time; nothing allocates.
class histogram {
 public:
  void add(std::chrono::nanoseconds length) noexcept {
    const std::uint64_t ns = length.count() > 0 ? static_cast<std::uint64_t>(length.count()) : 0;
    ++counts_[index_of(ns)];
    ++count_;
    sum_ns_ += ns;
  }
  /// Adds what another has seen.
  void merge(const histogram& other) noexcept {
    for (std::size_t i = 0; i < buckets; ++i) counts_[i] += other.counts_[i];
    count_ += other.count_;
    sum_ns_ += other.sum_ns_;
  }

  [[nodiscard]] std::uint64_t count() const noexcept { return count_; }
  [[nodiscard]] std::chrono::nanoseconds sum() const noexcept {
    return std::chrono::nanoseconds(static_cast<std::int64_t>(sum_ns_));
  }
  /// Returns a length that the given part of all (0.99: all but one in a hundred) is not above: the end of its bucket.
  /// Zero if nothing was seen.
  [[nodiscard]] std::chrono::nanoseconds quantile(double part) const noexcept {
    std::uint64_t below = 0;
    for (std::size_t i = 0; i < buckets; ++i) {
      below += counts_[i];
      if (count_ != 0 && static_cast<double>(below) >= part * static_cast<double>(count_) && below != 0)
        return end_of(i);
    }
    return std::chrono::nanoseconds(0);
  }
  /// Calls `sink(end, count)` for each bucket that is not empty, the shortest first: so many were not above `end`, and
  /// above the bucket before.
  template <class Sink>
  void each(Sink&& sink) const {
    for (std::size_t i = 0; i < buckets; ++i) {
      if (counts_[i] != 0) sink(end_of(i), counts_[i]);
    }
  }

 private:
  static constexpr unsigned parts_shift = 3, parts = 1u << parts_shift;
  static constexpr unsigned powers = 44 - parts_shift;
  static constexpr std::size_t buckets = (powers + 1) * parts;

  static std::size_t index_of(std::uint64_t ns) noexcept {
    if (ns < parts) return static_cast<std::size_t>(ns);
    const auto power = static_cast<unsigned>(std::bit_width(ns)) - 1 - parts_shift;
    const std::size_t index = (power + 1) * parts + static_cast<std::size_t>((ns >> power) & (parts - 1));
    return index < buckets ? index : buckets - 1;
  }
  static std::chrono::nanoseconds end_of(std::size_t index) noexcept {
    if (index < parts) return std::chrono::nanoseconds(static_cast<std::int64_t>(index));
    const std::size_t power = index / parts - 1;
    const std::uint64_t next = (parts + index % parts + 1) << power;
    return std::chrono::nanoseconds(static_cast<std::int64_t>(next - 1));
  }

  std::array<std::uint64_t, buckets> counts_{};
  std::uint64_t count_ = 0;
  std::uint64_t sum_ns_ = 0;
};

}  // namespace treadle::obs
