#pragma once

#include <cstdint>
#include <string>

namespace bench {

/// One line that says what the figures were measured on.
std::string describe_machine();

/// Processor time of the whole machine since boot, in clock ticks.
struct machine_ticks {
  std::uint64_t total = 0;
  std::uint64_t busy = 0;
  std::uint64_t stolen = 0;
};

machine_ticks read_machine_ticks();

/// Seconds of processor time that this process and its ended children have used.
double cpu_seconds_of_us();

}  // namespace bench
