#pragma once

#include <cstdint>
#include <string>

namespace treadle::io {

/// What a directory has under one name.
struct directory_entry {
  /// `unknown`: the file system does not say, and did not answer when it was asked.
  enum class kind { unknown, regular, directory, link, other };

  std::string name;  ///< its bytes as the file system has them, in no encoding that would be promised
  kind what = kind::unknown;
  std::uint64_t inode = 0;
};

}  // namespace treadle::io
