#pragma once

#include "doctor.hpp"

#include <CLI/CLI.hpp>

#include <string>
#include <vector>

namespace tool {

/// The command line of `treadle doctor`.
class doctor_cli {
 public:
  explicit doctor_cli(CLI::App& app);

  [[nodiscard]] bool is_asked() const { return command_->parsed(); }
  /// Returns what the user asked. Throws bad_option.
  [[nodiscard]] doctor_options options(const std::vector<std::string>& paths) const;

 private:
  CLI::App* command_;
  doctor_options asked_;
};

}  // namespace tool
