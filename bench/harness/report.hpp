#pragma once

#include "engine.hpp"

#include <string>
#include <vector>

namespace bench {

/// Prints a row for people: every contender, its figures, and how ours compare round by round.
void print_row(const row_result& result);

/// Writes all rows so far, with every sample, to `path`; the file is whole at any time.
void write_json(const std::string& path, const std::string& machine, const std::string& command,
                const std::vector<row_result>& results);

}  // namespace bench
