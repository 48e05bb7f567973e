#pragma once

#include "rows.hpp"

#include <vector>

namespace bench {

/// Adds the rows with HTTP.
void add_http_rows(const row_options& options, std::vector<row>& rows);

}  // namespace bench
