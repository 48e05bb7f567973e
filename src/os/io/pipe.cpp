#include "pipe.hpp"

#include "../fault.hpp"
#include "uninterrupted.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/uio.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <cstdio>
#include <ctime>

namespace treadle::detail::os {

namespace {

/// RWF_NOSIGNAL of Linux 6.18, which older headers do not have.
constexpr int without_signal = 0x100;

/// Older kernels: the signal comes to the thread that writes, which does not let it in, and takes it back.
std::ptrdiff_t write_with_signal_blocked(int descriptor, const void* from, std::size_t bytes) noexcept {
  sigset_t broken_pipe, before, pending;
  sigemptyset(&broken_pipe);
  sigaddset(&broken_pipe, SIGPIPE);
  sigemptyset(&pending);
  sigpending(&pending);
  // One that is there already is somebody else's, and blocked.
  const bool was_there = sigismember(&pending, SIGPIPE) == 1;
  pthread_sigmask(SIG_BLOCK, &broken_pipe, &before);
  const std::ptrdiff_t written = uninterrupted([&] { return write(descriptor, from, bytes); });
  if (written == -EPIPE && !was_there) {
    const timespec at_once{};
    while (sigtimedwait(&broken_pipe, nullptr, &at_once) < 0 && errno == EINTR) {
    }
  }
  pthread_sigmask(SIG_SETMASK, &before, nullptr);
  return written;
}

bool is_terminal(int descriptor, const struct stat& facts) noexcept {
  // Each opening of the multiplexer makes a terminal.
  return S_ISCHR(facts.st_mode) && facts.st_rdev != makedev(5, 2) && isatty(descriptor) == 1;
}

}  // namespace

int make_pipe(int& reads, int& writes) noexcept {
  int ends[2];
  if (fails(call::pipe) || pipe2(ends, O_NONBLOCK | O_CLOEXEC) != 0) return -errno;
  reads = ends[0];
  writes = ends[1];
  return 0;
}

int duplicate(int descriptor) noexcept {
  struct stat found {};
  if (fails(call::duplicate) || fstat(descriptor, &found) != 0) return -errno;
  if (S_ISFIFO(found.st_mode) || is_terminal(descriptor, found)) {
    const int flags = fcntl(descriptor, F_GETFL);
    char name[32];
    snprintf(name, sizeof name, "/proc/self/fd/%d", descriptor);
    const int made = open(name, (flags & (O_ACCMODE | O_APPEND)) | O_NONBLOCK | O_CLOEXEC | O_NOCTTY);
    if (made >= 0) return made;
  }
  // What is another one each time it is opened; or there is no /proc, or it is another user's.
  const int made = fcntl(descriptor, F_DUPFD_CLOEXEC, 0);
  return made >= 0 ? made : -errno;
}

std::ptrdiff_t read_some(int descriptor, void* into, std::size_t bytes) noexcept {
  return uninterrupted([&]() -> std::ptrdiff_t { return fails(call::pipe_read) ? -1 : read(descriptor, into, bytes); });
}

std::ptrdiff_t write_some(int descriptor, const void* from, std::size_t bytes) noexcept {
  const iovec all{const_cast<void*>(from), bytes};
  const std::ptrdiff_t written = uninterrupted([&]() -> std::ptrdiff_t {
    return fails(call::pipe_write) ? -1 : pwritev2(descriptor, &all, 1, -1, without_signal);
  });
  if (written != -EOPNOTSUPP && written != -EINVAL && written != -ENOSYS) return written;
  return write_with_signal_blocked(descriptor, from, bytes);
}

}  // namespace treadle::detail::os
