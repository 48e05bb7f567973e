#pragma once

#include "../workload/contender.hpp"

#include <span>

namespace bench {

/// The rows of asio_coroutines.cpp.
std::span<const entry> asio_coroutine_rows();
/// Those of asio_timers.cpp.
std::span<const entry> asio_timer_rows();

}  // namespace bench
