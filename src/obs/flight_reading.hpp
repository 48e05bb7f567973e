#pragma once

#include <treadle/detail/pool_core.hpp>

#include <cstdint>
#include <vector>

namespace treadle::obs {

/// One entry of a flight recorder, with its time.
struct happening {
  detail::flight_kind kind{};
  std::uint32_t small = 0;
  std::uint64_t address = 0;
  std::uint64_t detail = 0;
  double at_us = 0;    ///< since the pool's start
  bool exact = false;  ///< the clock was read for it; else the time lies between two readings
};

/// What one worker, or those outside, have done, the oldest first.
struct track {
  std::uint32_t worker = 0;
  std::uint64_t overwritten = 0;
  std::vector<happening> all;
};

/// What a pool's flight recorder has, as far as it is whole.
struct flight_reading {
  static constexpr std::uint32_t outside = 1'000;

  double now_us = 0;  ///< nothing that was read is later
  std::vector<track> tracks;
};

/// Reads it. Any thread; the pool must have been started.
[[nodiscard]] flight_reading read_flight(const detail::pool_core& pool);

}  // namespace treadle::obs
