#pragma once

#include "options.hpp"

#include <CLI/CLI.hpp>

#include <stdexcept>
#include <string>
#include <vector>

namespace tool {

/// A command line that cannot be obeyed; the text names what was given and what to give instead.
struct bad_option : std::runtime_error {
  using std::runtime_error::runtime_error;
};

/// The command line of `treadle hash`.
class hash_cli {
 public:
  explicit hash_cli(CLI::App& app);

  /// Returns what the user asked; `more_paths` follow the paths that were parsed. Throws bad_option.
  [[nodiscard]] hash_options options(const std::vector<std::string>& more_paths) const;

 private:
  CLI::App* command_;
  CLI::Option* threads_;
  CLI::Option* check_;
  CLI::Option* progress_;
  bool wants_json_ = false;
  bool wants_stats_ = false;
  bool is_unsorted_ = false;
};

}  // namespace tool
