#pragma once

#include "contender.hpp"

#include <span>

namespace bench {

/// The rows of treadle_coroutines.cpp.
std::span<const entry> treadle_coroutine_rows();
/// Those of treadle_timers.cpp.
std::span<const entry> treadle_timer_rows();
/// And of treadle_reads.cpp.
std::span<const entry> treadle_read_rows();

}  // namespace bench
