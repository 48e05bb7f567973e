#include "socket.hpp"

#include "../fault.hpp"
#include "uninterrupted.hpp"

#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

namespace treadle::detail::os {

namespace {

const sockaddr* as_sockaddr(const socket_address& address) noexcept {
  return reinterpret_cast<const sockaddr*>(address.room);
}
sockaddr* as_sockaddr(socket_address& address) noexcept { return reinterpret_cast<sockaddr*>(address.room); }

static_assert(sizeof(socket_address::room) >= sizeof(sockaddr_un) && alignof(socket_address) >= alignof(sockaddr_in6));

}  // namespace

bool make_address(family of, const char* text, std::uint16_t port, socket_address& into) noexcept {
  into = {};
  switch (of) {
    case family::ipv4: {
      sockaddr_in made{};
      made.sin_family = AF_INET;
      made.sin_port = htons(port);
      if (inet_pton(AF_INET, text, &made.sin_addr) != 1) return false;
      std::memcpy(into.room, &made, into.bytes = sizeof made);
      return true;
    }
    case family::ipv6: {
      sockaddr_in6 made{};
      made.sin6_family = AF_INET6;
      made.sin6_port = htons(port);
      if (inet_pton(AF_INET6, text, &made.sin6_addr) != 1) return false;
      std::memcpy(into.room, &made, into.bytes = sizeof made);
      return true;
    }
    case family::local:
      break;
  }
  sockaddr_un made{};
  made.sun_family = AF_UNIX;
  const std::size_t length = std::strlen(text);
  if (length == 0 || length >= sizeof made.sun_path) return false;
  std::memcpy(made.sun_path, text, length);
  const bool is_abstract = text[0] == '@';
  if (is_abstract) made.sun_path[0] = '\0';
  std::memcpy(into.room, &made, sizeof made);
  into.bytes = static_cast<std::uint32_t>(offsetof(sockaddr_un, sun_path) + length + (is_abstract ? 0 : 1));
  return true;
}

bool is_internet(const socket_address& address) noexcept {
  const sa_family_t kind = as_sockaddr(address)->sa_family;
  return address.bytes >= sizeof kind && (kind == AF_INET || kind == AF_INET6);
}

family read_address(const socket_address& from, char* text, std::uint16_t& port) noexcept {
  text[0] = '\0';
  port = 0;
  const sa_family_t kind = from.bytes >= sizeof(sa_family_t) ? as_sockaddr(from)->sa_family : sa_family_t{AF_UNIX};
  if (kind == AF_INET) {
    sockaddr_in read{};
    std::memcpy(&read, from.room, sizeof read);
    inet_ntop(AF_INET, &read.sin_addr, text, INET6_ADDRSTRLEN);
    port = ntohs(read.sin_port);
    return family::ipv4;
  }
  if (kind == AF_INET6) {
    sockaddr_in6 read{};
    std::memcpy(&read, from.room, sizeof read);
    inet_ntop(AF_INET6, &read.sin6_addr, text, INET6_ADDRSTRLEN);
    port = ntohs(read.sin6_port);
    return family::ipv6;
  }
  constexpr std::size_t path_at = offsetof(sockaddr_un, sun_path);
  if (from.bytes > path_at) {
    const std::size_t length = from.bytes - path_at;
    std::memcpy(text, from.room + path_at, length);
    text[length] = '\0';
    if (text[0] == '\0') text[0] = '@';
  }
  return family::local;
}

int make_socket(const socket_address& like, socket_kind kind) noexcept {
  if (fails(call::socket)) return -errno;
  const int type = kind == socket_kind::stream ? SOCK_STREAM : SOCK_DGRAM;
  const int made = socket(as_sockaddr(like)->sa_family, type | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  return made >= 0 ? made : -errno;
}

int bind_to(int socket, const socket_address& at) noexcept {
  if (fails(call::bind)) return -errno;
  return bind(socket, as_sockaddr(at), at.bytes) == 0 ? 0 : -errno;
}

int bind_and_listen(int socket, const socket_address& at, int backlog) noexcept {
  const int on = 1;
  if (as_sockaddr(at)->sa_family != AF_UNIX &&
      (fails(call::setsockopt) || setsockopt(socket, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on) != 0)) {
    return -errno;
  }
  if (const int failed = bind_to(socket, at); failed != 0) return failed;
  return !fails(call::listen) && listen(socket, backlog) == 0 ? 0 : -errno;
}

int accept_from(int listener, socket_address& peer) noexcept {
  return uninterrupted([&] {
    if (fails(call::accept)) return -1;
    socklen_t bytes = sizeof peer.room;
    const int made = accept4(listener, as_sockaddr(peer), &bytes, SOCK_NONBLOCK | SOCK_CLOEXEC);
    peer.bytes = made >= 0 ? static_cast<std::uint32_t>(bytes) : 0;
    return made;
  });
}

int connect_to(int socket, const socket_address& peer) noexcept {
  if (fails(call::connect)) return -errno;
  if (connect(socket, as_sockaddr(peer), peer.bytes) == 0) return 0;
  // Interrupted, it goes on by itself, as one that is in progress does.
  return errno == EINTR ? -EINPROGRESS : -errno;
}

int connect_result(int socket) noexcept {
  int error = 0;
  socklen_t bytes = sizeof error;
  if (fails(call::getsockopt) || getsockopt(socket, SOL_SOCKET, SO_ERROR, &error, &bytes) != 0) return -errno;
  return -error;
}

std::ptrdiff_t receive(int socket, void* into, std::size_t bytes, bool& emptied) noexcept {
  if (bytes > 1 && fails(call::receive_short)) bytes = 1 + bytes / 16;
  const std::ptrdiff_t got =
      uninterrupted([&]() -> std::ptrdiff_t { return fails(call::receive) ? -1 : recv(socket, into, bytes, 0); });
  emptied = got > 0 && static_cast<std::size_t>(got) < bytes;
  return got;
}

std::ptrdiff_t send(int socket, const void* from, std::size_t bytes) noexcept {
  if (bytes > 1 && fails(call::send_short)) bytes = 1 + bytes / 16;
  return uninterrupted(
      [&]() -> std::ptrdiff_t { return fails(call::send) ? -1 : ::send(socket, from, bytes, MSG_NOSIGNAL); });
}

std::ptrdiff_t receive_from(int socket, void* into, std::size_t bytes, socket_address& peer) noexcept {
  return uninterrupted([&]() -> std::ptrdiff_t {
    if (fails(call::receive)) return -1;
    socklen_t length = sizeof peer.room;
    // The flag has the kernel say how long the datagram is, not how much of it there was room for.
    const std::ptrdiff_t got = recvfrom(socket, into, bytes, MSG_TRUNC, as_sockaddr(peer), &length);
    peer.bytes = got >= 0 ? static_cast<std::uint32_t>(length) : 0;
    if (got <= static_cast<std::ptrdiff_t>(bytes)) return got;
    errno = EMSGSIZE;
    return -1;
  });
}

std::ptrdiff_t send_to(int socket, const void* from, std::size_t bytes, const socket_address& peer) noexcept {
  const sockaddr* const to = peer.bytes != 0 ? as_sockaddr(peer) : nullptr;
  return uninterrupted([&]() -> std::ptrdiff_t {
    return fails(call::send) ? -1 : sendto(socket, from, bytes, MSG_NOSIGNAL, to, peer.bytes);
  });
}

int end_sending(int socket) noexcept { return !fails(call::shutdown) && shutdown(socket, SHUT_WR) == 0 ? 0 : -errno; }

int own_address(int socket, socket_address& into) noexcept {
  socklen_t bytes = sizeof into.room;
  if (fails(call::getsockname) || getsockname(socket, as_sockaddr(into), &bytes) != 0) return -errno;
  into.bytes = static_cast<std::uint32_t>(bytes);
  return 0;
}

int peer_address(int socket, socket_address& into) noexcept {
  socklen_t bytes = sizeof into.room;
  into.bytes = 0;
  if (fails(call::getsockname) || getpeername(socket, as_sockaddr(into), &bytes) != 0) return -errno;
  into.bytes = static_cast<std::uint32_t>(bytes);
  return 0;
}

bool may_change_receiving(int level, int name) noexcept {
  if (level == SOL_SOCKET) {
    return name != SO_KEEPALIVE && name != SO_RCVBUF && name != SO_SNDBUF && name != SO_PRIORITY && name != SO_MARK;
  }
  return level != IPPROTO_TCP || (name != TCP_NODELAY && name != TCP_KEEPIDLE && name != TCP_KEEPINTVL &&
                                  name != TCP_KEEPCNT && name != TCP_USER_TIMEOUT && name != TCP_QUICKACK);
}

int set_option(int socket, int level, int name, int value) noexcept {
  if (fails(call::setsockopt)) return -errno;
  return setsockopt(socket, level, name, &value, sizeof value) == 0 ? 0 : -errno;
}

int set_no_delay(int socket, bool on) noexcept { return set_option(socket, IPPROTO_TCP, TCP_NODELAY, on ? 1 : 0); }

int set_nonblocking(int descriptor) noexcept {
  const int flags = fails(call::fcntl) ? -1 : fcntl(descriptor, F_GETFL);
  if (flags < 0) return -errno;
  if ((flags & O_NONBLOCK) != 0) return 0;
  return !fails(call::fcntl) && fcntl(descriptor, F_SETFL, flags | O_NONBLOCK) == 0 ? 0 : -errno;
}

}  // namespace treadle::detail::os
