#include "place.hpp"

#include "../text.hpp"
#include "fault.hpp"

#include <linux/fs.h>
#include <sys/ioctl.h>
#include <sys/sendfile.h>
#include <sys/stat.h>

#include <algorithm>
#include <cerrno>
#include <string_view>

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

constexpr unsigned for_all = 0777;  // less the umask

/// Returns where the carriage return at the end of a `#!` line is, for which the system would look as part of the
/// program's name; 0 if there is none.
std::size_t bad_return(int file) noexcept {
  char text[2048];
  const ssize_t read = ::pread(file, text, sizeof text, 0);
  const std::string_view begin(text, read < 0 ? 0 : static_cast<std::size_t>(read));
  const std::size_t line = begin.starts_with("#!") ? begin.find('\n') : begin.npos;
  return line != begin.npos && line >= 3 && begin[line - 1] == '\r' ? line - 1 : 0;
}

/// Takes it away.
void mend_first_line(int into, const std::string& path) {
  const handle file(::openat(into, path.c_str(), O_RDONLY | O_CLOEXEC | O_NOFOLLOW));
  if (!file) throw_errno(readable(path));
  const std::size_t bad = bad_return(file.number());
  if (bad == 0) return;
  struct stat found;
  std::string text;
  if (::fstat(file.number(), &found) != 0) throw_errno(readable(path));
  text.resize(static_cast<std::size_t>(found.st_size));
  for (std::size_t at = 0; at < text.size();) {
    const ssize_t part = ::pread(file.number(), text.data() + at, text.size() - at, static_cast<off_t>(at));
    if (part <= 0) throw_errno(readable(path));
    at += static_cast<std::size_t>(part);
  }
  text.erase(bad, 1);
  if (::unlinkat(into, path.c_str(), 0) != 0) throw_errno(readable(path));
  write_file(into, path, text, for_all);
}

}  // namespace

void placer::place(const stored_tree& from, int into, std::span<const std::string> commands) {
  const auto is_command = [&](const std::string& path) {
    return std::find(commands.begin(), commands.end(), path) != commands.end();
  };
  for (const member& each : from.members) {
    if (each.what == member::kind::file && is_command(each.path)) {
      place_command(from.folder.number(), into, each);
    } else if (each.what == member::kind::file) {
      place_file(from.folder.number(), into, each, false);
    } else if (each.what == member::kind::folder && ::mkdirat(into, each.path.c_str(), 0777) != 0 && errno != EEXIST) {
      throw_errno(readable(each.path));
    }
  }
}

void placer::place_command(int from, int into, const member& file) {
  const handle source(::openat(from, file.path.c_str(), O_RDONLY | O_CLOEXEC | O_NOFOLLOW));
  if (!source) throw_errno(readable(file.path));
  const bool is_fit = (file.mode & for_all) == for_all && bad_return(source.number()) == 0;
  member runnable = file;
  runnable.mode = for_all;
  place_file(from, into, runnable, !is_fit);
  if (!is_fit) mend_first_line(into, file.path);
}

/// `is_own`: what is done to it must not reach the store's.
void placer::place_file(int from, int into, const member& file, bool is_own) {
  bool may_replace = true;
  for (link_way now = way();;) {
    if (is_own && now == link_way::hardlink) now = link_way::copy;
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
