#pragma once

#include "../workload/contender.hpp"

namespace load {

/// Has a package manager install a lock file from a registry of our own, with nothing in its cache, or with `warm=1`
/// from its cache while there is no registry.
void install(const bench::request& asked, bench::answer& given);

}  // namespace load
