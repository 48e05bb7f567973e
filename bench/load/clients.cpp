#include "clients.hpp"

#include "../workload/clock.hpp"

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <cstdio>
#include <cstdlib>

namespace load {

namespace {

constexpr int batch = 256;

[[noreturn]] void give_up(const char* what) {
  std::perror(what);
  std::_Exit(2);
}

int connect_to(std::uint16_t port) {
  const int made = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  if (made < 0) give_up("socket");
  const int on = 1;
  setsockopt(made, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
  const linger reset{1, 0};
  setsockopt(made, SOL_SOCKET, SO_LINGER, &reset, sizeof reset);
  sockaddr_in to{};
  to.sin_family = AF_INET;
  to.sin_port = htons(port);
  to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  if (connect(made, reinterpret_cast<const sockaddr*>(&to), sizeof to) != 0) give_up("connect");
  return made;
}

}  // namespace

clients::clients(std::uint16_t port, std::size_t count, std::size_t bytes)
    : epoll_(epoll_create1(EPOLL_CLOEXEC)), all_(count), message_(bytes, 'x'), room_(bytes), ready_(batch) {
  if (epoll_ < 0) give_up("epoll_create1");
  for (std::size_t i = 0; i < count; ++i) {
    all_[i].socket = connect_to(port);
    epoll_event wanted{};
    wanted.events = EPOLLIN;
    wanted.data.u64 = i;
    if (epoll_ctl(epoll_, EPOLL_CTL_ADD, all_[i].socket, &wanted) != 0) give_up("epoll_ctl");
  }
}

clients::~clients() {
  for (const connection& each : all_) close(each.socket);
  close(epoll_);
}

void clients::send(std::size_t index) {
  connection& to = all_[index];
  to.missing = message_.size();
  if (::send(to.socket, message_.data(), message_.size(), MSG_NOSIGNAL | MSG_DONTWAIT) !=
      static_cast<ssize_t>(message_.size())) {
    give_up("send");
  }
}

bool clients::take(std::size_t index) {
  connection& from = all_[index];
  const ssize_t got = recv(from.socket, room_.data(), from.missing, MSG_DONTWAIT);
  if (got <= 0) give_up("recv");
  from.missing -= static_cast<std::size_t>(got);
  return from.missing == 0;
}

int clients::wait(std::uint64_t until_ns) {
  const std::uint64_t now = bench::wall_ns();
  const std::uint64_t left = until_ns > now ? until_ns - now : 0;
  std::array<epoll_event, batch> events;
  // epoll_wait counts in milliseconds.
  int count = epoll_wait(epoll_, events.data(), batch, left >= 50'000'000 ? static_cast<int>(left / 1'000'000) : 0);
  if (count == 0 && left > 0 && left < 50'000'000) {
    const timespec sleep{0, static_cast<long>(left)};
    pollfd instance{epoll_, POLLIN, 0};
    if (ppoll(&instance, 1, &sleep, nullptr) > 0) count = epoll_wait(epoll_, events.data(), batch, 0);
  }
  for (int i = 0; i < count; ++i) ready_[static_cast<std::size_t>(i)] = events[static_cast<std::size_t>(i)].data.u64;
  return count;
}

void clients::round_trip() {
  std::size_t missing = all_.size();
  for (std::size_t i = 0; i < all_.size(); ++i) send(i);
  while (missing != 0) receive(UINT64_MAX, [&](std::size_t) { --missing; });
}

}  // namespace load
