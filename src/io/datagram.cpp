#include "../os/io/epoll.hpp"
#include "../os/io/socket.hpp"
#include "address_access.hpp"
#include "attempt.hpp"

#include <treadle/io/datagram.hpp>

#include <cerrno>
#include <utility>

namespace treadle::io {

namespace os = treadle::detail::os;
using detail::attempt;
using detail::direction;
using detail::system_error_of;

result<datagram> datagram::open(thread_pool& pool, const address& like) noexcept {
  const os::socket_address of = detail::address_access::read(like);
  if (of.bytes == 0) return std::make_error_code(std::errc::invalid_argument);
  const int made = os::make_socket(of, os::socket_kind::datagram);
  if (made < 0) return system_error_of(made);
  result<descriptor> socket = descriptor::own(pool, made);
  if (!socket) return socket.error();
  return datagram(*std::move(socket));
}

result<datagram> datagram::bind(thread_pool& pool, const address& at) noexcept {
  result<datagram> made = open(pool, at);
  if (!made) return made;
  const int failed = os::bind_to(made->socket_.number_, detail::address_access::read(at));
  if (failed != 0) return system_error_of(failed);
  return made;
}

result<datagram> datagram::connect(thread_pool& pool, const address& peer) noexcept {
  result<datagram> made = open(pool, peer);
  if (!made) return made;
  if (const result<void> connected = made->connect_to(peer); !connected) return connected.error();
  return made;
}

result<void> datagram::connect_to(const address& peer) noexcept {
  const os::socket_address to = detail::address_access::read(peer);
  if (to.bytes == 0) return std::make_error_code(std::errc::invalid_argument);
  const int failed = os::connect_to(socket_.number_, to);
  return failed != 0 ? system_error_of(failed) : std::error_code{};
}

coro::task<result<datagram::received>> datagram::recv_from(std::span<std::byte> into) {
  const int number = socket_.number_;
  os::socket_address peer;
  const result<long> got = co_await attempt(*socket_.place_, number, direction::in,
                                            [&] { return os::receive_from(number, into.data(), into.size(), peer); });
  if (!got) co_return got.error();
  co_return received{static_cast<std::size_t>(*got), detail::address_access::make(peer)};
}

coro::task<result<void>> datagram::send_to(std::span<const std::byte> from, address peer) {
  const int number = socket_.number_;
  const os::socket_address to = detail::address_access::read(peer);
  if (to.bytes == 0) co_return std::make_error_code(std::errc::invalid_argument);
  if (peer.kind() == address::family::local) {
    const auto sent = os::send_to(number, from.data(), from.size(), to);
    co_return sent < 0 ? system_error_of(sent) : std::error_code{};
  }
  const result<long> sent = co_await attempt(*socket_.place_, number, direction::out,
                                             [&] { return os::send_to(number, from.data(), from.size(), to); });
  co_return sent.error();
}

coro::task<result<void>> datagram::send(std::span<const std::byte> from) {
  const int number = socket_.number_;
  const result<long> sent = co_await attempt(*socket_.place_, number, direction::out,
                                             [&] { return os::send_to(number, from.data(), from.size(), {}); });
  co_return sent.error();
}

result<address> datagram::local_address() const noexcept { return detail::address_access::of_socket(socket_.number_); }

}  // namespace treadle::io
