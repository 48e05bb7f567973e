#pragma once

#include "fetch.hpp"

#include <CLI/CLI.hpp>

#include <string>
#include <vector>

namespace tool::fetch {

/// The command line of `treadle fetch`.
class command_line {
 public:
  explicit command_line(CLI::App& app);

  [[nodiscard]] const CLI::App& command() const noexcept { return *command_; }
  /// Returns what the user asked. Throws bad_option.
  [[nodiscard]] options read() const;

 private:
  CLI::App* command_;
  options asked_;
  std::string most_at_a_time_;
  std::string most_per_host_;
  std::string retries_;
};

}  // namespace tool::fetch
