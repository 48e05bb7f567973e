#pragma once

#include <map>
#include <string>
#include <vector>

namespace bench {

/// What one run of a contender gave.
struct outcome {
  enum class kind { measured, not_offered, failed } what = kind::failed;
  std::string why;                       ///< For `failed`.
  std::map<std::string, double> values;  ///< By metric, as the contender printed them.
};

/// Runs a contender in a process of its own and reads the `name value` lines that it prints. With `times_itself` false
/// the contender is any command: its output goes to /dev/null, and the figures are those of the whole process.
outcome run_child(const std::vector<std::string>& command, bool times_itself, unsigned limit_s);

}  // namespace bench
