#include "../os/io/socket.hpp"
#include "address_access.hpp"
#include "attempt.hpp"

#include <treadle/errc.hpp>
#include <treadle/io/stream.hpp>

#include <cerrno>
#include <utility>

namespace treadle::io {

namespace os = treadle::detail::os;
using detail::attempt;
using detail::direction;
using detail::system_error_of;

result<stream> stream::adopt(thread_pool& pool, int number) noexcept {
  result<descriptor> socket = descriptor::adopt(pool, number);
  if (!socket) return socket.error();
  return stream(*std::move(socket));
}

coro::task<result<stream>> stream::connect(thread_pool& pool, address peer) {
  const os::socket_address to = detail::address_access::read(peer);
  if (to.bytes == 0) co_return std::make_error_code(std::errc::invalid_argument);
  const int made = os::make_socket(to, os::socket_kind::stream);
  if (made < 0) co_return system_error_of(made);
  result<descriptor> socket = descriptor::own(pool, made);
  if (!socket) co_return socket.error();
  stream connected(*std::move(socket));
  int failed = os::connect_to(made, to);
  if (failed == -EINPROGRESS) {
    const result<void> settled = co_await connected.socket_.writable();
    if (!settled) co_return settled.error();
    failed = os::connect_result(made);
  }
  if (failed != 0) co_return system_error_of(failed);
  co_return std::move(connected);
}

coro::task<result<std::size_t>> stream::recv(std::span<std::byte> into) {
  const int number = socket_.number();
  const result<long> got = co_await attempt(*socket_.place_, number, direction::in,
                                            [&] { return os::receive(number, into.data(), into.size()); });
  if (!got) co_return got.error();
  co_return static_cast<std::size_t>(*got);
}

coro::task<result<std::size_t>> stream::recv_all(std::span<std::byte> into) {
  std::size_t done = 0;
  while (done < into.size()) {
    const result<std::size_t> got = co_await recv(into.subspan(done));
    if (!got) co_return got.error();
    if (*got == 0) break;
    done += *got;
  }
  co_return done;
}

coro::task<result<std::size_t>> stream::send(std::span<const std::byte> from) {
  const int number = socket_.number();
  const result<long> sent = co_await attempt(*socket_.place_, number, direction::out,
                                             [&] { return os::send(number, from.data(), from.size()); });
  if (!sent) co_return sent.error();
  co_return static_cast<std::size_t>(*sent);
}

coro::task<result<void>> stream::send_all(std::span<const std::byte> from) {
  while (!from.empty()) {
    const result<std::size_t> sent = co_await send(from);
    if (!sent) co_return sent.error();
    from = from.subspan(*sent);
  }
  co_return result<void>{};
}

result<void> stream::shutdown() noexcept {
  const int failed = os::end_sending(socket_.number());
  return failed != 0 ? system_error_of(failed) : std::error_code{};
}

result<void> stream::set_no_delay(bool on) noexcept {
  const int failed = os::set_no_delay(socket_.number(), on);
  return failed != 0 ? system_error_of(failed) : std::error_code{};
}

result<address> stream::local_address() const noexcept { return detail::address_access::of_socket(socket_.number()); }

}  // namespace treadle::io
