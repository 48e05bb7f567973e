#pragma once

#include <CLI/CLI.hpp>

#include <string>

namespace tool {

/// Returns the manual page of a command and its subcommands, for man(1). Made from what --help shows.
[[nodiscard]] std::string make_manual(const CLI::App& app);

/// Returns a script that completes command lines in bash.
[[nodiscard]] std::string make_completion(const CLI::App& app);

}  // namespace tool
