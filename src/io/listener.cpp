#include "../os/io/socket.hpp"
#include "address_access.hpp"
#include "attempt.hpp"

#include <treadle/errc.hpp>
#include <treadle/io/listener.hpp>

#include <cerrno>
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
  const os::socket_address to = detail::address_access::read(at);
  if (to.bytes == 0) return std::make_error_code(std::errc::invalid_argument);
  const int made = os::make_socket(to, os::socket_kind::stream);
  if (made < 0) return system_error_of(made);
  result<descriptor> socket = descriptor::own(pool, made);
  if (!socket) return socket.error();
  listener ready(pool, *std::move(socket));
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
  result<descriptor> socket = descriptor::own(*pool_, static_cast<int>(*got));
  if (!socket) co_return socket.error();
  peer = detail::address_access::make(from);
  co_return stream(*std::move(socket));
}

coro::task<result<stream>> listener::accept() {
  address nobody;
  co_return co_await accept(nobody);
}

result<address> listener::local_address() const noexcept { return detail::address_access::of_socket(socket_.number()); }

}  // namespace treadle::io
