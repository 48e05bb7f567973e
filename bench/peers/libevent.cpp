#include "../workload/serving.hpp"

#include <event2/buffer.h>
#include <event2/bufferevent.h>
#include <event2/event.h>
#include <event2/listener.h>
#include <netinet/in.h>

namespace {

void answer(bufferevent* peer, void*) { bufferevent_write_buffer(peer, bufferevent_get_input(peer)); }

void leave(bufferevent* peer, short, void*) { bufferevent_free(peer); }

void accept(evconnlistener* listener, int socket, sockaddr*, int, void*) {
  bufferevent* const peer = bufferevent_socket_new(evconnlistener_get_base(listener), socket, BEV_OPT_CLOSE_ON_FREE);
  bufferevent_setcb(peer, answer, nullptr, leave, nullptr);
  bufferevent_enable(peer, EV_READ | EV_WRITE);
}

void serve_echo(const bench::request&, bench::answer&) {
  event_base* const base = event_base_new();
  sockaddr_in at{};
  at.sin_family = AF_INET;
  at.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t bytes = sizeof at;
  evconnlistener* const listener =
      evconnlistener_new_bind(base, accept, nullptr, LEV_OPT_CLOSE_ON_EXEC | LEV_OPT_CLOSE_ON_FREE, 4096,
                              reinterpret_cast<const sockaddr*>(&at), static_cast<int>(bytes));
  if (listener == nullptr ||
      getsockname(evconnlistener_get_fd(listener), reinterpret_cast<sockaddr*>(&at), &bytes) != 0) {
    std::_Exit(2);
  }
  bench::announce(ntohs(at.sin_port));
  event_base_dispatch(base);
}

constexpr bench::entry rows[] = {{"echo_server", serve_echo}};

}  // namespace

int main(int argc, char** argv) { bench::serve(argc, argv, rows); }
