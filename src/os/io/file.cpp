#include "file.hpp"

#include "../fault.hpp"
#include "directory.hpp"
#include "uninterrupted.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>

namespace treadle::detail::os {

namespace {

int answer(int returned) noexcept { return returned == 0 ? 0 : -errno; }

file_facts::kind kind_of(mode_t mode) noexcept {
  if (S_ISREG(mode)) return file_facts::kind::regular;
  if (S_ISDIR(mode)) return file_facts::kind::directory;
  return S_ISLNK(mode) ? file_facts::kind::link : file_facts::kind::other;
}

file_facts read_facts(const struct stat& from) noexcept {
  file_facts made;
  made.what = kind_of(from.st_mode);
  made.bytes = static_cast<std::uint64_t>(from.st_size);
  made.permissions = from.st_mode & 07777u;
  made.modified_ns = std::int64_t{from.st_mtim.tv_sec} * 1'000'000'000 + from.st_mtim.tv_nsec;
  made.device = from.st_dev;
  made.inode = from.st_ino;
  return made;
}

}  // namespace

int open_file(const char* path, open_flags how, unsigned permissions) noexcept {
  // A FIFO without a peer does not hold us, and no terminal becomes ours.
  int flags = O_CLOEXEC | O_NONBLOCK | O_NOCTTY;
  flags |= how.write || how.append ? (how.read ? O_RDWR : O_WRONLY) : O_RDONLY;
  if (how.create) flags |= O_CREAT;
  if (how.exclusive) flags |= O_EXCL;
  if (how.truncate) flags |= O_TRUNC;
  if (how.append) flags |= O_APPEND;
  if (how.direct) flags |= O_DIRECT;
  return uninterrupted(
      [&] { return fails(call::open_file) ? -1 : open(path, flags, static_cast<mode_t>(permissions)); });
}

std::ptrdiff_t read_file(int file, std::uint64_t offset, void* into, std::size_t bytes, bool may_block) noexcept {
  const iovec all{into, bytes};
  const auto at = static_cast<off_t>(offset);
  return uninterrupted([&]() -> std::ptrdiff_t {
    if (fails(call::read_file)) return -1;
    return may_block ? pread(file, into, bytes, at) : preadv2(file, &all, 1, at, RWF_NOWAIT);
  });
}

std::ptrdiff_t write_file(int file, std::uint64_t offset, const void* from, std::size_t bytes,
                          bool may_block) noexcept {
  const iovec all{const_cast<void*>(from), bytes};
  const auto at = static_cast<off_t>(offset);
  return uninterrupted([&]() -> std::ptrdiff_t {
    if (fails(call::write_file)) return -1;
    return may_block ? pwrite(file, from, bytes, at) : pwritev2(file, &all, 1, at, RWF_NOWAIT);
  });
}

int sync_file(int file) noexcept {
  return uninterrupted([&] { return fails(call::sync_file) ? -1 : fsync(file); });
}

int resize_file(int file, std::uint64_t bytes) noexcept {
  return uninterrupted([&] { return fails(call::resize_file) ? -1 : ftruncate(file, static_cast<off_t>(bytes)); });
}

int facts_of(int file, file_facts& into) noexcept {
  struct stat found {};
  if (fails(call::stat) || fstat(file, &found) != 0) return -errno;
  into = read_facts(found);
  return 0;
}

int facts_of(const char* path, file_facts& into) noexcept {
  struct stat found {};
  if (fails(call::stat) || stat(path, &found) != 0) return -errno;
  into = read_facts(found);
  return 0;
}

int facts_at(int within, const char* name, bool follow, file_facts& into) noexcept {
  struct stat found {};
  const int directory = within == no_directory ? AT_FDCWD : within;
  if (fails(call::stat) || fstatat(directory, name, &found, follow ? 0 : AT_SYMLINK_NOFOLLOW) != 0) return -errno;
  into = read_facts(found);
  return 0;
}

int rename_path(const char* from, const char* to) noexcept {
  return fails(call::rename) ? -errno : answer(rename(from, to));
}

int unlink_path(const char* path) noexcept { return fails(call::unlink) ? -errno : answer(unlink(path)); }

int make_directory(const char* path, unsigned permissions) noexcept {
  return fails(call::mkdir) ? -errno : answer(mkdir(path, static_cast<mode_t>(permissions)));
}

}  // namespace treadle::detail::os
