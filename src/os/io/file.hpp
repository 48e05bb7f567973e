#pragma once

#include <cstddef>
#include <cstdint>

/// The calls on files, which may block unless they say that they do not. Those that can fail return a negated errno.
namespace treadle::detail::os {

struct open_flags {
  bool read, write, create, exclusive, truncate, append, direct;
};

struct file_facts {
  enum class kind { regular, directory, link, other };
  kind what = kind::other;
  std::uint64_t bytes = 0;
  std::uint32_t permissions = 0;
  std::int64_t modified_ns = 0;  ///< since 1970
  std::uint64_t device = 0, inode = 0;
};

/// Returns the new descriptor.
[[nodiscard]] int open_file(const char* path, open_flags how, unsigned permissions) noexcept;
/// `may_block` false: -EAGAIN or -EOPNOTSUPP if the bytes are not to be had at once.
[[nodiscard]] std::ptrdiff_t read_file(int file, std::uint64_t offset, void* into, std::size_t bytes,
                                       bool may_block) noexcept;
/// The same for writing. At the end, whatever the offset, if the file was opened to append.
[[nodiscard]] std::ptrdiff_t write_file(int file, std::uint64_t offset, const void* from, std::size_t bytes,
                                        bool may_block) noexcept;
/// Brings it to the disk.
[[nodiscard]] int sync_file(int file) noexcept;
[[nodiscard]] int resize_file(int file, std::uint64_t bytes) noexcept;
[[nodiscard]] int facts_of(int file, file_facts& into) noexcept;
[[nodiscard]] int facts_of(const char* path, file_facts& into) noexcept;

[[nodiscard]] int rename_path(const char* from, const char* to) noexcept;
[[nodiscard]] int unlink_path(const char* path) noexcept;
[[nodiscard]] int make_directory(const char* path, unsigned permissions) noexcept;

}  // namespace treadle::detail::os
