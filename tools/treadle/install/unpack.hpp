#pragma once

#include "lock_file.hpp"

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <vector>

namespace tool::install {

/// Something that a package holds.
struct member {
  enum class kind : std::uint8_t { file, folder, left_out };

  std::string path;  ///< from the package's root
  unsigned mode = 0;
  kind what = kind::file;  ///< `left_out`: a link, which npm does not unpack
};

/// What a package may hold at most.
struct unpack_limits {
  std::uint64_t most_bytes = std::uint64_t{4} << 30;
  std::size_t most_members = 1'000'000;
  std::size_t most_folders_deep = 128;
  bool ignores_case = false;  ///< the file system takes A and a for the same name
};

/// Unpacks a tarball, gzipped or not, into the empty directory `into`, as npm does: without its first folder, links
/// left out, `.gitignore` renamed to `.npmignore` unless there is one, and with read and write for all, less the umask.
/// Returns all that was in it, folders before what is in them. On a worker: it computes and writes.
/// Throws fault, by the name of the member, for what is absolute, leads upwards, is a device, is named twice in other
/// case, lies too deep, or is too large, and for a tarball that is damaged; what was written until then is the caller's
/// to remove. Sizes are those that members say they have, whether they are stored, written or left out.
[[nodiscard]] std::vector<member> unpack(std::span<const std::byte> tarball, int into, const unpack_limits& limits);

}  // namespace tool::install
