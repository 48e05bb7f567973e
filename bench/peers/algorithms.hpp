#pragma once

#include "../workload/contender.hpp"

#include <span>

namespace bench {

/// The rows of ../workload/algorithms.hpp that this peer offers, in a source of their own.
std::span<const entry> loops_of_peer();
std::span<const entry> numbers_of_peer();

}  // namespace bench
