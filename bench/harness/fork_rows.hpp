#pragma once

#include "rows.hpp"

#include <vector>

namespace bench {

/// Adds the rows that fork: what a fork costs, programs that divide and conquer, and how counters scale.
void add_fork_rows(const row_options& options, std::vector<row>& rows);

/// Adds the rows for loops and for the algorithms on numbers.
void add_algorithm_rows(const row_options& options, std::vector<row>& rows);

}  // namespace bench
