#pragma once

#include <treadle/thread_pool.hpp>

namespace treadle {

/// Returns the one pool of the process that libraries share, so that together they use each CPU once. It has the
/// default configuration, but ends by cancel. Any thread; neither blocks nor allocates.
[[nodiscard]] TREADLE_EXPORT thread_pool& default_pool() noexcept;

}  // namespace treadle
