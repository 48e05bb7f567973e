#pragma once

#include "flight_reading.hpp"

#include <cstdint>
#include <string>
#include <vector>

namespace treadle::obs {

/// Something that took time on one worker.
struct span {
  enum class kind { run, park, blocked };
  kind is = kind::run;
  std::uint32_t worker = 0;
  double begin_us = 0;
  double end_us = 0;
  bool exact = false;  ///< its begin is
  bool exact_end = false;
  bool open = false;       ///< it went on when the recorder was read
  std::uint32_t why = 0;   ///< a `park_reason`, or a `wait_kind`
  std::uint64_t site = 0;  ///< a `site_word`
  std::uint64_t task = 0;
  std::uint64_t flow = 0;  ///< a number that it shares with what queued it
};

/// Something that took none.
struct point {
  detail::flight_kind kind{};
  std::uint32_t worker = 0;
  double at_us = 0;
  bool exact = false;
  std::uint32_t count = 0;
  std::uint64_t detail = 0;
  std::uint64_t task = 0;
  std::uint64_t flow = 0;
  std::uint32_t other = no_other;  ///< whom it woke, or took from

  static constexpr std::uint32_t no_other = UINT32_MAX;
};

/// Something that happened on one worker because of what another, or the same, did before.
struct arrow {
  enum class kind { schedule, steal, wake };
  kind is = kind::schedule;
  std::uint64_t flow = 0;
  std::uint32_t from = 0;
  double from_us = 0;
  std::uint32_t to = 0;
  double to_us = 0;
  bool exact = false;  ///< both its times are
};

struct timeline {
  double now_us = 0;
  std::uint64_t overwritten = 0;
  std::vector<std::uint32_t> workers;
  std::vector<span> spans;
  std::vector<point> points;
  std::vector<arrow> arrows;
};

/// Makes spans of what began and ended, and joins causes to their effects: a queued task to its next run, a wake-up to
/// the worker's next getting up.
[[nodiscard]] timeline make_timeline(const flight_reading& from);

/// Returns all that the recorder of a pool without threads has, as a trace.
[[nodiscard]] std::string last_trace_of(const detail::pool_core& ended);

}  // namespace treadle::obs
