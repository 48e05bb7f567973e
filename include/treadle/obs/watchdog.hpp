#pragma once

#include <treadle/config.hpp>
#include <treadle/obs/watchdog_options.hpp>
#include <treadle/thread_pool.hpp>

#include <cstdint>
#include <memory>

namespace treadle::obs {

/// Looks at a pool from a thread of its own, every now and then, for as long as it lives, and reports what does not
/// move: a worker that has been running the same task for too long, tasks that are queued while none is started, and
/// workers that wait for each other. Those may belong to several pools, if each has a watchdog; coroutines that wait
/// are not followed. Of a worker that sleeps in a lock it says who holds that, if it is a mutex of the C library, as
/// `std::mutex` is, and nobody gave it up meanwhile; else that the owner is not known. It holds no worker up, but for
/// those that begin or end a wait while it follows who waits for whom. The pool must outlive it.
class TREADLE_EXPORT watchdog {
 public:
  /// Throws std::system_error if a thread is refused; std::bad_alloc.
  explicit watchdog(thread_pool& pool, watchdog_options options = {});
  /// Waits for a report that is being made.
  ~watchdog();
  watchdog(const watchdog&) = delete;
  watchdog& operator=(const watchdog&) = delete;

  /// Returns how many stalls were reported. Any thread.
  [[nodiscard]] std::uint64_t reports() const noexcept;

 private:
  class guard;
  std::unique_ptr<guard> guard_;
};

}  // namespace treadle::obs
