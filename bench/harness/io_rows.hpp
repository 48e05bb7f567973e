#pragma once

#include "rows.hpp"

#include <vector>

namespace bench {

/// Adds the rows with servers, coroutines and timers.
void add_io_rows(const row_options& options, std::vector<row>& rows);

}  // namespace bench
