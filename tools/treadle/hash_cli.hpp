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

/// The words of a command line. The option parser never sees the paths: some names, such as ++ and [a,b], it would read
/// as notation of its own.
struct split_words {
  std::vector<std::string> options;  ///< the command too
  std::vector<std::string> paths;

  [[nodiscard]] static split_words of(const std::vector<std::string>& words);
};

/// The command line of `treadle hash`.
class hash_cli {
 public:
  explicit hash_cli(CLI::App& app);

  /// Returns what the user asked. Throws bad_option.
  [[nodiscard]] hash_options options(std::vector<std::string> paths) const;

 private:
  CLI::App* command_;
  CLI::Option* threads_;
  CLI::Option* check_;
  CLI::Option* progress_;
  bool wants_json_ = false;
  bool wants_stats_ = false;
  bool is_unsorted_ = false;
};

/// Returns the name of the command that was given.
[[nodiscard]] std::string command_of(const CLI::App& app);

/// Returns the line about options that nobody knows.
[[nodiscard]] std::string explain_extras(const CLI::App& app);

}  // namespace tool
