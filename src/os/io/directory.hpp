#pragma once

#include "file.hpp"

#include <cstddef>
#include <cstdint>

/// The calls on directories, which may block. Those that can fail return a negated errno.
namespace treadle::detail::os {

/// For a path that is looked up from the working directory.
inline constexpr int no_directory = -1;

/// Opens the directory `name` in the one that `within` has open. `follow`: also if `name` is a link to one; else that
/// fails with -ENOTDIR or -ELOOP. Returns the new descriptor.
[[nodiscard]] int open_directory(int within, const char* name, bool follow) noexcept;
/// Reads the next entries, as many as fit, into `block`, which is aligned for 8 bytes. Returns how many bytes that are;
/// 0 at the end.
[[nodiscard]] std::ptrdiff_t read_directory(int directory, void* block, std::size_t bytes) noexcept;
/// What is at `name` in `within`; `follow`: where a link leads to.
[[nodiscard]] int facts_at(int within, const char* name, bool follow, file_facts& into) noexcept;

/// One entry in a block.
struct directory_record {
  enum class kind { unknown, regular, directory, link, other };
  const char* name = nullptr;  ///< ends with a zero byte; in the block
  kind what = kind::unknown;
  std::uint64_t inode = 0;
  std::size_t bytes = 0;  ///< where the next one begins
};
[[nodiscard]] directory_record record_at(const void* place) noexcept;

}  // namespace treadle::detail::os
