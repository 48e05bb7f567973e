#pragma once

#include <cstdio>
#include <fstream>
#include <string>

namespace treadle::test {

/// Has `write` fill a stream, aside, and moves what it wrote to `path`: a run that is killed leaves what was there before.
/// Returns false if that fails.
template <class Write>
[[nodiscard]] bool replace_file(const std::string& path, Write&& write) {
  const std::string aside = path + ".new";
  {
    std::ofstream out(aside);
    write(out);
    if (!out.flush()) return false;
  }
  return std::rename(aside.c_str(), path.c_str()) == 0;
}

}  // namespace treadle::test
