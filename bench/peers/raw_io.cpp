// The servers with nothing between them and the kernel: one thread, one epoll instance, and for a request the same
// system calls that a library has to make.
#include "../workload/serving.hpp"

#include <netinet/in.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <thread>

namespace {

constexpr int batch = 64;

int listen_anywhere() {
  const int made = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  sockaddr_in at{};
  at.sin_family = AF_INET;
  at.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t bytes = sizeof at;
  if (bind(made, reinterpret_cast<const sockaddr*>(&at), bytes) != 0 || listen(made, 4096) != 0 ||
      getsockname(made, reinterpret_cast<sockaddr*>(&at), &bytes) != 0) {
    std::perror("listen");
    std::_Exit(2);
  }
  bench::announce(ntohs(at.sin_port));
  return made;
}

void watch(int epoll, int socket) {
  epoll_event wanted{};
  wanted.events = EPOLLIN | EPOLLRDHUP | static_cast<std::uint32_t>(EPOLLET);
  wanted.data.fd = socket;
  epoll_ctl(epoll, EPOLL_CTL_ADD, socket, &wanted);
}

/// Sends back what there is. With `asks_again`, until the kernel says that there is no more; else it knows that from a
/// read that does not fill the room.
void answer(int socket, std::span<char> room, bool asks_again) {
  for (;;) {
    const ssize_t got = recv(socket, room.data(), room.size(), 0);
    if (got < 0 && errno == EAGAIN) return;
    if (got <= 0 || send(socket, room.data(), static_cast<std::size_t>(got), MSG_NOSIGNAL) != got) {
      close(socket);
      return;
    }
    if (!asks_again && static_cast<std::size_t>(got) < room.size()) return;
  }
}

[[noreturn]] void serve(bool asks_again) {
  const int listener = listen_anywhere(), epoll = epoll_create1(EPOLL_CLOEXEC);
  watch(epoll, listener);
  std::array<epoll_event, batch> events;
  std::array<char, bench::room_bytes> room;
  for (;;) {
    const int count = epoll_wait(epoll, events.data(), batch, -1);
    for (int i = 0; i < count; ++i) {
      const int socket = events[static_cast<std::size_t>(i)].data.fd;
      if (socket == listener) {
        for (int made = 0; (made = accept4(listener, nullptr, nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC)) >= 0;) {
          watch(epoll, made);
        }
      } else {
        answer(socket, room, asks_again);
      }
    }
  }
}

void serve_echo(const bench::request& asked, bench::answer&) { serve(asked.text("form", "again") == "again"); }

/// The computations have threads of their own, as many as there are processors, and nobody hands them over.
void serve_and_compute(const bench::request& asked, bench::answer&) {
  for (unsigned i = 0; i < asked.workers(); ++i) {
    std::thread([&asked, i] {
      const bool at_once = asked.text("mode", "staggered") == "at_once";
      const std::uint64_t first = bench::wall_ns() + (at_once ? 0 : i * 50'000'000);
      for (std::uint64_t next = first;; next += 100'000'000) {
        bench::sleep_until_ns(next);
        bench::compute();
      }
    }).detach();
  }
  serve(true);
}

constexpr bench::entry servers[] = {{"echo_server", serve_echo}, {"bound_server", serve_and_compute}};

}  // namespace

int main(int argc, char** argv) { bench::serve(argc, argv, servers); }
