#pragma once

#include <vector>

namespace treadle::test {

/// A small use of the library under a fault that strikes somewhere in it. What it may report is in its checks; a broken
/// one ends the process with status 99.
struct fault_scenario {
  const char* name;
  void (*run)();
  bool leaves_nothing = true;  ///< all that it made is gone afterwards
};

[[nodiscard]] const std::vector<fault_scenario>& fault_scenarios();

}  // namespace treadle::test
