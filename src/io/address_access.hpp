#pragma once

#include "../os/io/socket.hpp"

#include <treadle/io/address.hpp>

#include <cstring>

namespace treadle::io::detail {

/// What an address holds is the system's, which its public face does not show.
struct address_access {
  static treadle::detail::os::socket_address read(const address& from) noexcept {
    treadle::detail::os::socket_address made;
    static_assert(sizeof made.room == sizeof from.room_);
    std::memcpy(made.room, from.room_, sizeof made.room);
    made.bytes = from.bytes_;
    return made;
  }
  static address make(const treadle::detail::os::socket_address& from) noexcept {
    address made;
    std::memcpy(made.room_, from.room, sizeof from.room);
    made.bytes_ = from.bytes;
    return made;
  }
  /// Returns the address that a socket is bound to.
  static result<address> of_socket(int socket) noexcept {
    treadle::detail::os::socket_address own;
    const int failed = treadle::detail::os::own_address(socket, own);
    if (failed != 0) return std::error_code(-failed, std::system_category());
    return make(own);
  }
};

}  // namespace treadle::io::detail
