#pragma once

#include <treadle/io/socket_option.hpp>

#include <span>

namespace treadle::io {

/// How to listen.
struct listen_options {
  int backlog = 4096;  ///< how many connections may wait to be accepted
  /// Set in this order before the socket has its address: SO_REUSEPORT, SO_RCVBUF, IPV6_V6ONLY, TCP_FASTOPEN. Read
  /// during the call only.
  std::span<const socket_option> socket_options = {};
};

}  // namespace treadle::io
