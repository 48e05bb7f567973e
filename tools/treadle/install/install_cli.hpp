#pragma once

#include "install.hpp"

#include <CLI/CLI.hpp>

#include <string>
#include <vector>

namespace tool::install {

/// The command line of `treadle install`.
class command_line {
 public:
  explicit command_line(CLI::App& app);

  [[nodiscard]] const CLI::App& command() const noexcept { return *command_; }
  /// Returns what the user asked. Throws bad_option.
  [[nodiscard]] options read() const;

 private:
  CLI::App* command_;
  options asked_;
  std::vector<std::string> omitted_;
  std::string way_ = "reflink";
  std::string most_at_a_time_;
  std::string most_package_bytes_;
};

}  // namespace tool::install
