#include "socket.hpp"

#include "../fault.hpp"

#include <fcntl.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>

namespace treadle::detail::os {

int make_client_socket(int family, int kind, int protocol) noexcept {
  if (fails(call::socket)) return -errno;
  const int made = socket(family, kind | SOCK_CLOEXEC | SOCK_NONBLOCK, protocol);
  return made >= 0 ? made : -errno;
}

int duplicate_socket(int socket) noexcept {
  if (fails(call::duplicate)) return -errno;
  const int made = fcntl(socket, F_DUPFD_CLOEXEC, 0);
  return made >= 0 ? made : -errno;
}

void close_client_socket(int socket) noexcept { static_cast<void>(close(socket)); }

}  // namespace treadle::detail::os
