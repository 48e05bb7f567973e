#pragma once

#include <chrono>
#include <string>
#include <string_view>

namespace treadle::obs {

/// What a watchdog takes for a stall, and what it does then.
struct watchdog_options {
  /// Between two looks. Workers that wait for each other are reported at the first one that finds them.
  std::chrono::nanoseconds period{100'000'000};
  std::chrono::nanoseconds longest_task{1'000'000'000};  ///< that a task may run, but for what it spends in `blocking`
  std::chrono::nanoseconds longest_standstill{1'000'000'000};  ///< that tasks may be queued while none is started
  /// Is told of each stall once, with its names, on the watchdog's thread. Unset: standard error, and a dump there.
  void (*on_stall)(void* context, std::string_view report) noexcept = nullptr;
  void* context = nullptr;
  /// Where a trace goes with the first report, if that is not empty; with the others no more.
  std::string trace_file{};
};

}  // namespace treadle::obs
