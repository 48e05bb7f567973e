#pragma once

#include <string>
#include <vector>

namespace tool {

/// What the user asked of `treadle trace`.
struct trace_options {
  std::string out;
  std::vector<std::string> command;
};

/// Runs a program that links treadle and has it leave a trace. Returns the exit status.
int run_trace(const trace_options& options);

}  // namespace tool
