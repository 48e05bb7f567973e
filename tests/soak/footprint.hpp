#pragma once

#include <cstddef>
#include <cstdint>
#include <iosfwd>

namespace treadle::test {

/// What must not grow in a soak. Objects are those of `operator new`, which footprint.cpp replaces.
struct footprint {
  std::int64_t objects = 0;
  std::size_t handles = 0, threads = 0, kib = 0;

  static footprint now();
};

/// Prints both side by side.
void print_growth(std::ostream& out, const footprint& before, const footprint& after);

}  // namespace treadle::test
