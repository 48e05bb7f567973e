#pragma once

/// All parallel algorithms in one include.

#include <treadle/algorithm/for_each.hpp>
#include <treadle/algorithm/parallel_for.hpp>
#include <treadle/algorithm/with.hpp>
