#pragma once

#include "contender.hpp"

#include <treadle/treadle.hpp>

#include <cstdlib>
#include <span>

namespace bench {

/// One default configuration for all rows; only the width is said, as for every other contender.
struct treadle_pool {
  using task = treadle::task;
  using batch = treadle::batch;

  explicit treadle_pool(unsigned workers) : pool(treadle::pool_config{.max_threads = workers}) {}

  void schedule(task& only) noexcept { require(pool.schedule(only)); }
  void append(batch& list, task& added) noexcept { list.push(added); }
  void schedule(batch& list) noexcept { require(pool.schedule(list)); }

  static void require(const std::error_code& error) noexcept {
    if (error) [[unlikely]]
      std::abort();
  }

  treadle::thread_pool pool;
};

/// The rows of treadle_forks.cpp.
std::span<const entry> treadle_fork_rows();

/// Those of treadle_algorithms.cpp.
std::span<const entry> treadle_loop_rows();
std::span<const entry> treadle_number_rows();

}  // namespace bench
