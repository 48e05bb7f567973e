#include "../os/io/epoll.hpp"
#include "../os/io/socket.hpp"
#include "attempt.hpp"

#include <treadle/errc.hpp>
#include <treadle/io/listener.hpp>

#include <cerrno>
#include <cstring>
#include <utility>

namespace treadle::io {

namespace os = treadle::detail::os;
using detail::direction;
using detail::system_error_of;

namespace {

/// Connections that broke while they waited concern nobody; see accept(2).
bool concerns_one_peer(int negated) noexcept { return negated == -ECONNABORTED || negated == -EPROTO; }

}  // namespace

result<listener> listener::listen(thread_pool& pool, const address& at, int backlog) noexcept {
  os::socket_address to;
  std::memcpy(to.room, at.room_, sizeof to.room);
  to.bytes = at.bytes_;
  if (to.bytes == 0) return std::make_error_code(std::errc::invalid_argument);
  const result<detail::watched*> place = detail::acquire_watched(pool);
  if (!place) return place.error();
  const int made = os::make_stream_socket(to);
  if (made < 0) {
    detail::release_watched(**place, -1);
    return system_error_of(made);
  }
  listener ready(pool, descriptor(made, **place));
  if (const int failed = os::bind_and_listen(made, to, backlog); failed != 0) return system_error_of(failed);
  return ready;
}

coro::task<result<stream>> listener::accept(address& peer) {
  const int number = socket_.number();
  os::socket_address from;
  const result<long> got = co_await detail::attempt(*socket_.place_, number, direction::in, [&] {
    int taken = os::accept_from(number, from);
    while (concerns_one_peer(taken)) taken = os::accept_from(number, from);
    return taken;
  });
  if (!got) co_return got.error();
  const auto made = static_cast<int>(*got);
  const result<detail::watched*> place = detail::acquire_watched(*pool_);
  if (!place) {
    os::close_descriptor(made);
    co_return place.error();
  }
  std::memcpy(peer.room_, from.room, sizeof from.room);
  peer.bytes_ = from.bytes;
  co_return stream(descriptor(made, **place));
}

coro::task<result<stream>> listener::accept() {
  address nobody;
  co_return co_await accept(nobody);
}

result<address> listener::local_address() const noexcept {
  os::socket_address own;
  if (const int failed = os::own_address(socket_.number(), own); failed != 0) return system_error_of(failed);
  address made;
  std::memcpy(made.room_, own.room, sizeof own.room);
  made.bytes_ = own.bytes;
  return made;
}

}  // namespace treadle::io
