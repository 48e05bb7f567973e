#pragma once

#include <string>
#include <vector>

namespace bench {

/// One process that takes part in a row.
struct contender {
  std::string name;
  std::vector<std::string> command;  ///< The first word is a program beside the harness, or a path.
  bool times_itself = true;
};

/// A figure of a row. With `minus`, what that contender read in the same round is subtracted first.
struct metric {
  std::string key;
  std::string label;
  std::string unit;
  double scale = 1;
  std::string minus;
};

/// What treadle has to reach: a figure at most `limit`, or a ratio to `against` of at most `limit`.
struct bar {
  std::string key;  ///< of the metric, or its label
  double limit = 0;
  std::string against;
};

struct row {
  std::string name;
  std::string title;
  std::vector<metric> metrics;
  std::vector<contender> contenders;
  std::vector<bar> bars;
  bool concurrent = false;  ///< The contenders of a round run side by side: only for those that do nothing.
  bool needs_files = false;
};

struct row_options {
  bool quick = false;  ///< A tenth of the work: to see that everything runs.
  std::string data;    ///< Where the trees for the hash rows lie.
  std::string tool;    ///< The treadle command.
  unsigned workers = 2;
};

/// All rows, in the order of the report.
std::vector<row> make_rows(const row_options& options);

}  // namespace bench
