#pragma once

#include <chrono>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <string>

namespace treadle::test {

/// What both soaks understand.
struct soak_options {
  std::chrono::seconds length{5};
  std::uint32_t workers = 8;
  std::string state, report;

  /// Reads them, or ends the process with a line that names them all.
  static soak_options from(int argc, char** argv) {
    soak_options read;
    if (read.parse(argc, argv)) return read;
    std::fputs("options: --seconds N, --workers MOST, --state FILE, --report FILE\n", stderr);
    std::exit(2);
  }

 private:
  [[nodiscard]] bool parse(int argc, char** argv) {
    for (int i = 1; i + 1 < argc; i += 2) {
      const std::string name = argv[i];
      if (name == "--seconds") {
        length = std::chrono::seconds(std::strtol(argv[i + 1], nullptr, 10));
      } else if (name == "--workers") {
        workers = static_cast<std::uint32_t>(std::strtoul(argv[i + 1], nullptr, 10));
      } else if (name == "--state") {
        state = argv[i + 1];
      } else if (name == "--report") {
        report = argv[i + 1];
      } else {
        return false;
      }
    }
    return argc % 2 == 1 && workers != 0;
  }
};

}  // namespace treadle::test
