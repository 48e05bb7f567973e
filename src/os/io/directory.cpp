#include "directory.hpp"

#include "../fault.hpp"
#include "uninterrupted.hpp"

#include <dirent.h>
#include <fcntl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

namespace treadle::detail::os {

namespace {

int at(int within) noexcept { return within == no_directory ? AT_FDCWD : within; }

directory_record::kind kind_of(unsigned char type) noexcept {
  switch (type) {
    case DT_UNKNOWN:
      return directory_record::kind::unknown;
    case DT_REG:
      return directory_record::kind::regular;
    case DT_DIR:
      return directory_record::kind::directory;
    case DT_LNK:
      return directory_record::kind::link;
    default:
      return directory_record::kind::other;
  }
}

}  // namespace

int open_directory(int within, const char* name, bool follow) noexcept {
  const int flags = O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NONBLOCK | (follow ? 0 : O_NOFOLLOW);
  return uninterrupted([&] { return fails(call::open_directory) ? -1 : openat(at(within), name, flags); });
}

std::ptrdiff_t read_directory(int directory, void* block, std::size_t bytes) noexcept {
  return uninterrupted([&]() -> std::ptrdiff_t {
    return fails(call::read_directory) ? -1 : syscall(SYS_getdents64, directory, block, bytes);
  });
}

directory_record record_at(const void* place) noexcept {
  // The layout of struct linux_dirent64, which is that of glibc's dirent64.
  const auto* const first = static_cast<const char*>(place);
  directory_record made;
  std::uint16_t bytes = 0;
  std::memcpy(&made.inode, first + offsetof(dirent64, d_ino), sizeof made.inode);
  std::memcpy(&bytes, first + offsetof(dirent64, d_reclen), sizeof bytes);
  made.what = kind_of(static_cast<unsigned char>(first[offsetof(dirent64, d_type)]));
  made.name = first + offsetof(dirent64, d_name);
  made.bytes = bytes;
  return made;
}

}  // namespace treadle::detail::os
