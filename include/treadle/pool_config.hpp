#pragma once

#include <treadle/profiler_hooks.hpp>

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <exception>

namespace treadle {

/// How a pool ends.
enum class shutdown_mode {
  drain,   ///< all that is queued, and all that it schedules, runs first
  cancel,  ///< nothing more is started; what did not run is given back
};

/// On which CPUs the workers run. `list` must stay valid as long as the pool; a static array does.
struct pin_policy {
  enum class kind { none, compact, scatter, list };
  kind how = kind::none;
  const std::uint32_t* cpus = nullptr;
  std::uint32_t count = 0;

  /// Lets the operating system place the workers.
  static constexpr pin_policy none() noexcept { return {}; }
  /// Puts worker i on the i-th CPU that this process may use.
  static constexpr pin_policy compact() noexcept { return {kind::compact, nullptr, 0}; }
  /// Spreads the workers over the CPUs that this process may use, as far apart as their numbers are.
  static constexpr pin_policy scatter() noexcept { return {kind::scatter, nullptr, 0}; }
  /// Puts worker i on cpus[i % count].
  static constexpr pin_policy on(const std::uint32_t* cpus, std::uint32_t count) noexcept {
    return {kind::list, cpus, count};
  }
};

/// Calls of the pool into the user's code, on the thread that they are about. `context` is passed through.
struct pool_hooks {
  void* context = nullptr;
  void (*worker_start)(void* context, std::size_t index) noexcept = nullptr;  ///< before the worker's first task
  void (*worker_stop)(void* context, std::size_t index) noexcept = nullptr;   ///< after its last
  void (*before_park)(void* context, std::size_t index) noexcept = nullptr;   ///< no work in sight: flush your buffers
  /// An exception that nobody waits for. Unset: the message is printed and std::terminate called.
  void (*unhandled_exception)(void* context, std::exception_ptr error) noexcept = nullptr;
};

/// What a pool is made with. All of it constexpr; 0 or empty means the default that is named.
struct pool_config {
  /// For `max_spare_threads`, to have none.
  static constexpr std::uint32_t no_spares = UINT32_MAX;
  /// For `recorder_entries`, to have no flight recorder.
  static constexpr std::uint32_t no_recorder = UINT32_MAX;

  /// Workers that may run at a time. Default: `available_parallelism()`. Above `thread_pool::max_workers`:
  /// `errc::too_many_threads`.
  std::uint32_t max_threads = 0;
  /// Threads that may stand in for workers that block. Default: 64.
  std::uint32_t max_spare_threads = 0;
  /// Tasks that threads outside the pool may have queued, in strands too; one more is refused with `errc::queue_full`.
  /// Default: no bound.
  std::size_t max_queued = 0;
  /// Stack of a worker, rounded up to whole pages. Default: the system's. Too small: `errc::bad_stack_size`.
  std::size_t stack_bytes = 0;
  /// Name of the threads, at most 15 bytes, static. Default: "treadle".
  const char* name = nullptr;
  pin_policy pin{};
  /// How long a worker looks for work before it parks, at most: where that was in vain it looks for shorter times, soon
  /// not at all. Negative: never. Default: 2,000.
  std::int64_t spin_ns = 0;
  /// How long a parked worker waits before its thread ends. Negative: for ever. Default: one minute.
  std::chrono::nanoseconds retire_after{0};
  /// What the destructor does. A pool with static storage should choose `cancel`: only that is bounded.
  shutdown_mode on_destroy = shutdown_mode::drain;
  pool_hooks hooks{};
  profiler_hooks profiler{};
  /// What the flight recorder keeps of each worker: so many entries of 16 bytes, rounded up to a power of two, at most
  /// 1,048,576. An event takes one, and another if it is stamped. Default: 1,024. `obs/write_trace.hpp`.
  std::uint32_t recorder_entries = 0;
};

}  // namespace treadle
