#pragma once

#include <treadle/config.hpp>
#include <treadle/thread_pool.hpp>

#include <iosfwd>

namespace treadle::obs {

/// Writes the pool's statistics in the text format of Prometheus, version 0.0.4: counters of each worker, gauges of the
/// pool. The pool's name is their label `pool`. Any thread; holds no worker up. The stream's state tells of failures.
TREADLE_EXPORT void prometheus(const thread_pool& pool, std::ostream& into);

}  // namespace treadle::obs
