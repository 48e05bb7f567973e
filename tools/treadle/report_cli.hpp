#pragma once

#include "report.hpp"

#include <CLI/CLI.hpp>

#include <string>
#include <vector>

namespace tool {

/// The command line of `treadle report`.
class report_cli {
 public:
  explicit report_cli(CLI::App& app);

  [[nodiscard]] bool is_asked() const { return command_->parsed(); }
  /// Returns what the user asked. Throws bad_option.
  [[nodiscard]] report_options options(const std::vector<std::string>& paths) const;

 private:
  CLI::App* command_;
  CLI::Option* out_;
};

}  // namespace tool
