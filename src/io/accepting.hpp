#pragma once

#include "../os/io/socket.hpp"

#include <cerrno>

namespace treadle::io::detail {

class watched;

/// Connections that broke while they waited concern nobody; see accept(2).
inline bool concerns_one_peer(int negated) noexcept { return negated == -ECONNABORTED || negated == -EPROTO; }

/// Takes the next connection that concerns somebody.
inline int accept_next(int listener, treadle::detail::os::socket_address& peer) noexcept {
  for (;;) {
    const int taken = treadle::detail::os::accept_from(listener, peer);
    if (!concerns_one_peer(taken)) return taken;
  }
}

/// The same, but first of those that the kernel has brought by itself. -EAGAIN: there is none, and an edge will come;
/// `watches`: only if the listener is watched. `starts`: the kernel is asked to bring more, if it can be.
[[nodiscard]] int accept_fed(watched& place, int listener, treadle::detail::os::socket_address& peer, bool starts,
                             bool& watches) noexcept;

}  // namespace treadle::io::detail
