#pragma once

#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <sstream>
#include <string>

namespace treadle::test {

/// A new folder of its own for each test, gone with it.
class scratch_folder {
 public:
  scratch_folder() : path_(testing::TempDir() + "treadle_XXXXXX") { EXPECT_NE(mkdtemp(path_.data()), nullptr); }
  ~scratch_folder() {
    std::error_code ignored;
    std::filesystem::remove_all(path_, ignored);
  }
  scratch_folder(const scratch_folder&) = delete;
  scratch_folder& operator=(const scratch_folder&) = delete;

  /// Returns the path of a file in it.
  [[nodiscard]] std::string file(const std::string& name) const { return path_ + "/" + name; }

 private:
  std::string path_;
};

/// Returns all that is in a file; nothing if there is none.
inline std::string text_of_file(const std::string& path) {
  const std::ifstream from(path);
  std::ostringstream all;
  all << from.rdbuf();
  return all.str();
}

}  // namespace treadle::test
