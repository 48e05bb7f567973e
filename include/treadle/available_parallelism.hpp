#pragma once

#include <treadle/config.hpp>

#include <cstdint>

namespace treadle {

/// Returns how many threads of this process can run at a time: the smaller of its CPU affinity mask and the CPU quota
/// of every control group around it (versions 1 and 2), rounded up; never 0. Any thread; reads a few small files.
[[nodiscard]] TREADLE_EXPORT std::uint32_t available_parallelism() noexcept;

}  // namespace treadle
