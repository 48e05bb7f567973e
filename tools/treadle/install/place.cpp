#include "place.hpp"

#include "../text.hpp"
#include "fault.hpp"

#include <linux/fs.h>
#include <sys/ioctl.h>
#include <sys/sendfile.h>
#include <sys/stat.h>

namespace tool::install {

namespace {

/// Returns whether it was done; false with errno if the file system cannot, or the file is there.
bool reflink(int from, int into, const member& file) {
  const handle source(::openat(from, file.path.c_str(), O_RDONLY | O_CLOEXEC | O_NOFOLLOW));
  if (!source) return false;
  const handle made(::openat(into, file.path.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, file.mode));
  if (!made) return false;
  if (::ioctl(made.number(), FICLONE, source.number()) == 0) return true;
  const int error = errno;
  ::unlinkat(into, file.path.c_str(), 0);
  errno = error;
  return false;
}

bool hardlink(int from, int into, const member& file) {
  return ::linkat(from, file.path.c_str(), into, file.path.c_str(), 0) == 0;
}

bool copy(int from, int into, const member& file) {
  const handle source(::openat(from, file.path.c_str(), O_RDONLY | O_CLOEXEC | O_NOFOLLOW));
  if (!source) return false;
  const handle made(::openat(into, file.path.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, file.mode));
  if (!made) return false;
  for (;;) {
    const ssize_t copied = ::sendfile(made.number(), source.number(), nullptr, std::size_t{1} << 30);
    if (copied == 0) return true;
    if (copied < 0 && errno != EINTR && errno != EAGAIN) return false;
  }
}

bool means_not_here(int error) noexcept {
  return error == EOPNOTSUPP || error == EXDEV || error == EINVAL || error == ENOTTY || error == ENOSYS ||
         error == EPERM || error == EACCES;
}

}  // namespace

void placer::place(const stored_tree& from, int into) {
  for (const member& each : from.members) {
    if (each.what == member::kind::file) {
      place_file(from.folder.number(), into, each);
    } else if (each.what == member::kind::folder && ::mkdirat(into, each.path.c_str(), 0777) != 0 && errno != EEXIST) {
      throw_errno(readable(each.path));
    }
  }
}

void placer::place_file(int from, int into, const member& file) {
  bool may_replace = true;
  for (link_way now = way();;) {
    const bool is_done = now == link_way::reflink    ? reflink(from, into, file)
                         : now == link_way::hardlink ? hardlink(from, into, file)
                                                     : copy(from, into, file);
    if (is_done) return;
    const int error = errno;
    if (error == EEXIST && may_replace) {
      may_replace = false;
      if (!remove_tree(into, file.path.c_str())) throw_errno(readable(file.path));
    } else if (now == link_way::reflink && means_not_here(error)) {
      way_.store(now = link_way::hardlink, std::memory_order_relaxed);
    } else if (now == link_way::hardlink && means_not_here(error)) {
      way_.store(now = link_way::copy, std::memory_order_relaxed);
    } else if (now == link_way::hardlink && error == EMLINK) {
      now = link_way::copy;  // this one file has all the links it can have
    } else {
      errno = error;
      throw_errno(readable(file.path));
    }
  }
}

const char* name_of(link_way way) noexcept {
  return way == link_way::reflink ? "reflinks" : way == link_way::hardlink ? "hard links" : "copies";
}

}  // namespace tool::install
