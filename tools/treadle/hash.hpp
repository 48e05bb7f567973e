#pragma once

#include "options.hpp"

namespace tool {

/// Runs `treadle hash`. Returns the exit status: 0, 1 for files that could not be read or are not as listed, 2 for
/// options that cannot be.
int run_hash(const hash_options& options);

}  // namespace tool
