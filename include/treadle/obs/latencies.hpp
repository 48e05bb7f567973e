#pragma once

#include <treadle/config.hpp>
#include <treadle/obs/histogram.hpp>
#include <treadle/thread_pool.hpp>

#include <cstddef>
#include <vector>

namespace treadle::obs {

/// How long tasks lay in queues and ran, and how long workers took to get up, by what the pool's flight recorder has
/// read off the clock for both ends. The workers do nothing for it: whoever asks reads the recorder, and counts what
/// has ended since the last look; what was overwritten in between is missed, so look every few milliseconds under load,
/// or take it for a sample. One thread at a time. The pool must outlive it.
class TREADLE_EXPORT latencies {
 public:
  /// Those of one worker.
  struct of_worker {
    histogram queue_wait;    ///< from the push of a task that it ran to the run
    histogram run_time;      ///< of a task, what runs in the middle of it included
    histogram wake_latency;  ///< from the choice of the worker by who wakes it until it is up
  };

  /// What ended before is not counted.
  explicit latencies(thread_pool& pool);

  /// Counts what has ended since the last look. Blocks for a few milliseconds in the first ones of a pool. Throws
  /// std::bad_alloc.
  void look();
  [[nodiscard]] const std::vector<of_worker>& workers() const noexcept { return workers_; }
  /// Returns all of them in one.
  [[nodiscard]] of_worker merged() const noexcept;

 private:
  thread_pool& pool_;
  double looked_us_ = 0;
  std::vector<of_worker> workers_;
};

}  // namespace treadle::obs
