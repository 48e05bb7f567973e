#pragma once

namespace tool {

/// What the user asked of `treadle doctor`.
struct doctor_options {
  bool wants_json = false;
  bool is_strict = false;  ///< remarks count as problems
};

/// Prints what treadle finds on this machine. Returns the exit status.
int run_doctor(const doctor_options& options);

}  // namespace tool
