#pragma once

#include <string>

namespace bench {

/// Makes the trees that the hash rows read, unless they are there: `small`, `medium`, `big`. With less disk or memory
/// than a warm cache of all of it takes, the sizes shrink. Returns in words what there is; empty if it cannot be made.
std::string make_trees(const std::string& directory, bool quick);

}  // namespace bench
