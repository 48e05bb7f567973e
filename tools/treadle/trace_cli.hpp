#pragma once

#include "trace.hpp"

#include <CLI/CLI.hpp>

#include <string>
#include <vector>

namespace tool {

/// The command line of `treadle trace`.
class trace_cli {
 public:
  explicit trace_cli(CLI::App& app);

  [[nodiscard]] bool is_asked() const { return command_->parsed(); }
  /// Returns what the user asked. Throws bad_option.
  [[nodiscard]] trace_options options(std::vector<std::string> words) const;

 private:
  CLI::App* command_;
  CLI::Option* out_;
};

}  // namespace tool
