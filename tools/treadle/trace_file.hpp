#pragma once

#include <cstdint>
#include <stdexcept>
#include <string>
#include <unordered_map>
#include <vector>

namespace tool {

/// A file that is no trace; the text says what is wrong with it and what to do.
struct bad_trace : std::runtime_error {
  using std::runtime_error::runtime_error;
};

/// What a Chrome trace of treadle says, in nanoseconds since its first event.
struct trace_file {
  enum class span_kind : std::uint8_t { run, park, blocked };
  enum class mark_kind : std::uint8_t { schedule, steal, wake, expose, io, timer };

  struct lane {
    std::int64_t thread = 0;  ///< index of the worker; outsiders have greater numbers
    std::string name;
  };
  struct span {
    std::uint32_t lane = 0;
    span_kind kind = span_kind::run;
    std::int64_t start = 0;
    std::int64_t end = 0;
    std::uint32_t name = 0;  ///< the site; of a park the reason
    std::int64_t flow = -1;
  };
  struct mark {
    std::uint32_t lane = 0;
    mark_kind kind = mark_kind::schedule;
    std::int64_t at = 0;
    std::int64_t from = -1;  ///< lane of who gave; -1: unknown
    std::int64_t to = -1;    ///< lane of who got
    std::uint32_t name = 0;
    std::int64_t flow = -1;
  };
  struct arrow {
    mark_kind kind = mark_kind::schedule;
    std::uint32_t from_lane = 0;
    std::int64_t from_at = 0;
    std::uint32_t to_lane = 0;
    std::int64_t to_at = 0;
  };

  std::string version;
  std::string pool;
  std::int64_t workers = 0;
  std::int64_t duration = 0;
  std::uint64_t ignored = 0;  ///< events that are none of treadle's
  std::vector<lane> lanes;    ///< by thread
  std::vector<std::string> names;
  std::vector<span> spans;  ///< by lane, start, and the longer first
  std::vector<mark> marks;  ///< by time
  std::vector<arrow> arrows;

  /// Reads a trace. Throws bad_trace.
  [[nodiscard]] static trace_file parse(const std::string& text);
};

}  // namespace tool
