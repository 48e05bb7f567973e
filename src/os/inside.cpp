#include "fault.hpp"
#include "os.hpp"

#include <poll.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>

namespace treadle::detail::os {

namespace {

constexpr int patience_ms = 1'000;

bool becomes_writable(int descriptor) noexcept {
  pollfd asked{descriptor, POLLOUT, 0};
  int ready = poll(&asked, 1, patience_ms);
  while (ready < 0 && errno == EINTR) ready = poll(&asked, 1, patience_ms);
  return ready > 0;
}

}  // namespace

std::uint32_t process_number() noexcept { return static_cast<std::uint32_t>(getpid()); }

std::uint32_t thread_number() noexcept { return static_cast<std::uint32_t>(syscall(SYS_gettid)); }

void* map_pages(std::size_t bytes) noexcept {
  if (fails(call::map)) return nullptr;
  void* const made = mmap(nullptr, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  return made != MAP_FAILED ? made : nullptr;
}

int write_all(int descriptor, const char* text, std::size_t bytes) noexcept {
  const int errno_before = errno;
  int failed = 0;
  while (bytes != 0 && failed == 0) {
    const ssize_t written = fails(call::write) ? -1 : write(descriptor, text, bytes);
    if (written >= 0) {
      text += written;
      bytes -= static_cast<std::size_t>(written);
    } else if (errno != EINTR && !(errno == EAGAIN && becomes_writable(descriptor))) {
      failed = -errno;
    }
  }
  errno = errno_before;
  return failed;
}

}  // namespace treadle::detail::os
