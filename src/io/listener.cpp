#include "../os/io/socket.hpp"
#include "accepting.hpp"
#include "address_access.hpp"
#include "attempt.hpp"
#include "feed.hpp"
#include "ring_attempt.hpp"

#include <treadle/errc.hpp>
#include <treadle/io/listener.hpp>

#include <cstdint>
#include <utility>

namespace treadle::io {

namespace os = treadle::detail::os;
using detail::direction;
using detail::system_error_of;

namespace detail {

namespace {

/// Connections that the kernel may accept before anybody asks: they are in its queue no longer.
constexpr std::uint32_t most_ahead = 64;

}  // namespace

int accept_fed(watched& place, int listener, os::socket_address& peer, bool starts, bool& watches) noexcept {
  watches = true;
  feed* const from = !has_feeds() ? nullptr : starts ? feed::of(place, feed::kind::connections) : place.fed_by();
  if (from == nullptr) return accept_next(listener, peer);
  for (;;) {
    feed::item item;
    switch (from->take(item)) {
      case feed::answer::taken:
        static_cast<void>(os::peer_address(item.value, peer));  // gone already: nobody's
        return item.value;
      case feed::answer::coming:
        watches = false;
        return -EAGAIN;
      case feed::answer::resting:
        break;
    }
    // The call says what it is by now that the kernel came to rest by.
    const int taken = accept_next(listener, peer);
    if (!would_block(taken) || item.value != 0 || !starts || !from->start(listener, most_ahead)) return taken;
  }
}

}  // namespace detail

result<listener> listener::listen(thread_pool& pool, const address& at, const listen_options& options) noexcept {
  const os::socket_address to = detail::address_access::read(at);
  if (to.bytes == 0) return std::make_error_code(std::errc::invalid_argument);
  const int made = os::make_socket(to, os::socket_kind::stream);
  if (made < 0) return system_error_of(made);
  result<descriptor> socket = descriptor::own(pool, made);
  if (!socket) return socket.error();
  listener ready(pool, *std::move(socket));
  for (const socket_option& each : options.socket_options) {
    if (const int failed = os::set_option(made, each.level, each.name, each.value); failed != 0) {
      return system_error_of(failed);
    }
  }
  if (const int failed = os::bind_and_listen(made, to, options.backlog); failed != 0) return system_error_of(failed);
  return ready;
}

coro::task<result<stream>> listener::accept(address& peer) {
  const int number = socket_.number_;
  os::socket_address from;
  result<long> got = std::make_error_code(std::errc::connection_aborted);
  if (detail::has_rings_for_sockets() && !detail::has_feeds()) {
    do {
      got = co_await detail::attempt_on_ring<long>(*socket_.place_, direction::in,
                                                   {os::ring_call::accept, number, &from, 0, 0},
                                                   [number, &from] { return detail::accept_next(number, from); });
    } while (!got && detail::concerns_one_peer(-got.error().value()));
    if (!got) co_return got.error();
  }
  while (!got) {
    const std::uint32_t seen = socket_.place_->edges(direction::in);
    bool watches = false;
    const int taken = detail::accept_fed(*socket_.place_, number, from, true, watches);
    if (taken >= 0) {
      got = long{taken};
      break;
    }
    if (!detail::would_block(taken)) co_return system_error_of(taken);
    if (watches) {
      if (const std::error_code refused = socket_.place_->watch(number, direction::in)) co_return refused;
    }
    if (const std::error_code ended = co_await socket_.place_->next_edge(direction::in, seen)) co_return ended;
  }
  result<descriptor> socket = descriptor::own(*pool_, static_cast<int>(*got));
  if (!socket) co_return socket.error();
  if (os::is_internet(from)) socket->place_->trust_short_reads();
  peer = detail::address_access::make(from);
  co_return stream(*std::move(socket));
}

coro::task<result<stream>> listener::accept() {
  address nobody;
  co_return co_await accept(nobody);
}

result<address> listener::local_address() const noexcept { return detail::address_access::of_socket(socket_.number_); }

}  // namespace treadle::io
