#pragma once

#include <vector>

namespace treadle::test {

/// A small use of the library under a fault that strikes somewhere in it. What it may report is in its checks; a broken
/// one ends the process with status 99.
struct fault_scenario {
  const char* name;
  void (*run)();
  bool leaves_nothing = true;  ///< all that it made is gone afterwards
  bool does_io = false;        ///< has descriptors watched
};

[[nodiscard]] const std::vector<fault_scenario>& fault_scenarios();
/// Those with coroutines, and with sockets and other descriptors.
[[nodiscard]] const std::vector<fault_scenario>& coro_fault_scenarios();
[[nodiscard]] const std::vector<fault_scenario>& io_fault_scenarios();
[[nodiscard]] const std::vector<fault_scenario>& file_fault_scenarios();

}  // namespace treadle::test
