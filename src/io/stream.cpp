#include "../os/io/socket.hpp"
#include "address_access.hpp"
#include "attempt.hpp"
#include "ring_attempt.hpp"

#include <treadle/errc.hpp>
#include <treadle/io/stream.hpp>

#include <algorithm>
#include <cerrno>
#include <utility>

namespace treadle::io {

namespace os = treadle::detail::os;
using detail::direction;
using detail::system_error_of;
using detail::would_block;

namespace {

result<std::size_t> bytes_or_error(std::ptrdiff_t returned) noexcept {
  if (returned < 0) return system_error_of(returned);
  return static_cast<std::size_t>(returned);
}

}  // namespace

// Receiving and sending do by themselves what `attempt` does: a coroutine for each call is a third of what a short
// message costs in user space.

result<stream> stream::adopt(thread_pool& pool, int number) noexcept {
  result<descriptor> socket = descriptor::adopt(pool, number);
  if (!socket) return socket.error();
  return stream(*std::move(socket));
}

coro::task<result<stream>> stream::connect(thread_pool& pool, address peer) {
  os::socket_address to = detail::address_access::read(peer);
  if (to.bytes == 0) co_return std::make_error_code(std::errc::invalid_argument);
  const int made = os::make_socket(to, os::socket_kind::stream);
  if (made < 0) co_return system_error_of(made);
  result<descriptor> socket = descriptor::own(pool, made);
  if (!socket) co_return socket.error();
  if (os::is_internet(to)) socket->place_->trust_short_reads();
  stream connected(*std::move(socket));
  std::ptrdiff_t failed = co_await detail::socket_call({os::ring_call::connect, made, &to, 0, 0});
  if (detail::was_only_tried(failed)) failed = os::connect_to(made, to);
  if (failed == -EINPROGRESS || failed == -EALREADY) {  // by a ring that has given it up
    const result<void> settled = co_await connected.socket_.writable();
    if (!settled) co_return settled.error();
    failed = os::connect_result(made);
  }
  if (failed != 0) co_return system_error_of(failed);
  co_return std::move(connected);
}

namespace {

/// The number of bytes as the kernel counts them.
std::uint32_t at_most_at_once(std::size_t bytes) noexcept {
  return static_cast<std::uint32_t>(std::min<std::size_t>(bytes, 1u << 30));
}

coro::task<result<std::size_t>> receives_on_ring(detail::watched& place, int number, std::span<std::byte> into) {
  return detail::attempt_on_ring<std::size_t>(
      place, direction::in, {os::ring_call::receive, number, into.data(), at_most_at_once(into.size()), 0},
      [number, into] {
        bool emptied = false;
        return os::receive(number, into.data(), into.size(), emptied);
      });
}

coro::task<result<std::size_t>> sends_on_ring(detail::watched& place, int number, std::span<const std::byte> from) {
  return detail::attempt_on_ring<std::size_t>(
      place, direction::out,
      {os::ring_call::send, number, const_cast<std::byte*>(from.data()), at_most_at_once(from.size()), 0},
      [number, from] { return os::send(number, from.data(), from.size()); });
}

}  // namespace

coro::task<result<std::size_t>> stream::recv(std::span<std::byte> into) {
  return detail::has_rings_for_sockets() ? receives_on_ring(*socket_.place_, socket_.number_, into) : receives(into);
}

coro::task<result<std::size_t>> stream::receives(std::span<std::byte> into) {
  detail::watched& place = *socket_.place_;
  const int number = socket_.number_;
  for (;;) {
    const std::uint32_t seen = place.edges(direction::in);
    if (!place.is_drained(seen)) {
      bool emptied = false;
      const std::ptrdiff_t got = os::receive(number, into.data(), into.size(), emptied);
      if (!would_block(got)) {
        place.note_receive(seen, emptied);
        co_return bytes_or_error(got);
      }
    }
    if (const std::error_code refused = place.watch(number, direction::in)) co_return refused;
    if (const std::error_code ended = co_await place.next_edge(direction::in, seen)) co_return ended;
  }
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
  return detail::has_rings_for_sockets() ? sends_on_ring(*socket_.place_, socket_.number_, from) : sends(from);
}

coro::task<result<std::size_t>> stream::sends(std::span<const std::byte> from) {
  detail::watched& place = *socket_.place_;
  const int number = socket_.number_;
  for (;;) {
    const std::uint32_t seen = place.edges(direction::out);
    const std::ptrdiff_t sent = os::send(number, from.data(), from.size());
    if (!would_block(sent)) co_return bytes_or_error(sent);
    if (const std::error_code refused = place.watch(number, direction::out)) co_return refused;
    if (const std::error_code ended = co_await place.next_edge(direction::out, seen)) co_return ended;
  }
}

coro::task<result<void>> stream::send_all(std::span<const std::byte> from) {
  if (from.empty()) co_return result<void>{};
  // Most fits at once: only for what does not is a coroutine of its own worth its price.
  const std::ptrdiff_t at_once = os::send(socket_.number_, from.data(), from.size());
  if (at_once < 0 && !would_block(at_once)) co_return system_error_of(at_once);
  if (at_once > 0) from = from.subspan(static_cast<std::size_t>(at_once));
  while (!from.empty()) {
    const result<std::size_t> sent = co_await send(from);
    if (!sent) co_return sent.error();
    from = from.subspan(*sent);
  }
  co_return result<void>{};
}

result<void> stream::shutdown() noexcept {
  const int failed = os::end_sending(socket_.number_);
  return failed != 0 ? system_error_of(failed) : std::error_code{};
}

result<void> stream::set_no_delay(bool on) noexcept {
  const int failed = os::set_no_delay(socket_.number_, on);
  return failed != 0 ? system_error_of(failed) : std::error_code{};
}

result<void> stream::set_option(int level, int name, int value) noexcept {
  if (os::may_change_receiving(level, name)) socket_.place_->doubt_short_reads();
  const int failed = os::set_option(socket_.number_, level, name, value);
  return failed != 0 ? system_error_of(failed) : std::error_code{};
}

result<address> stream::peer_address() const noexcept {
  os::socket_address peer;
  if (const int failed = os::peer_address(socket_.number_, peer); failed != 0) return system_error_of(failed);
  return detail::address_access::make(peer);
}

result<address> stream::local_address() const noexcept { return detail::address_access::of_socket(socket_.number_); }

}  // namespace treadle::io
