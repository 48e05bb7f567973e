#pragma once

#include <string>

namespace tool {

/// What the user asked of `treadle report`.
struct report_options {
  std::string trace;  ///< - is standard input
  std::string out;    ///< empty: the trace's name with .html; - is standard output
};

/// Makes a page of a trace. Returns the exit status.
int run_report(const report_options& options);

}  // namespace tool
