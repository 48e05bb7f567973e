#pragma once

#include <cstddef>
#include <cstdint>

/// The calls on sockets and other descriptors that do not block. Those that can fail return a negated errno.
namespace treadle::detail::os {

/// Room for any socket address; `bytes` of it are used.
struct socket_address {
  alignas(8) unsigned char room[128] = {};
  std::uint32_t bytes = 0;
};

enum class family { ipv4, ipv6, local };

/// Reads "127.0.0.1", "::1" or, for `local`, a path, where a leading '@' stands for the abstract namespace. False if it
/// is none.
[[nodiscard]] bool make_address(family of, const char* text, std::uint16_t port, socket_address& into) noexcept;
/// Says whether a stream socket with this address speaks TCP.
[[nodiscard]] bool is_internet(const socket_address& address) noexcept;
/// Writes the address into `text`, of 128 bytes at least, and returns the family and the port.
family read_address(const socket_address& from, char* text, std::uint16_t& port) noexcept;

enum class socket_kind { stream, datagram };

/// Returns a new socket for addresses like `like`.
[[nodiscard]] int make_socket(const socket_address& like, socket_kind kind) noexcept;
/// Gives it the address `at`; 0 as its port is any that is free.
[[nodiscard]] int bind_to(int socket, const socket_address& at) noexcept;
[[nodiscard]] int bind_and_listen(int socket, const socket_address& at, int backlog) noexcept;
/// Returns the new connection's socket.
[[nodiscard]] int accept_from(int listener, socket_address& peer) noexcept;
/// Returns 0, or -EINPROGRESS: then `connect_result` tells once the socket is writable.
[[nodiscard]] int connect_to(int socket, const socket_address& peer) noexcept;
[[nodiscard]] int connect_result(int socket) noexcept;
/// `emptied`: something came, and less than was asked for.
[[nodiscard]] std::ptrdiff_t receive(int socket, void* into, std::size_t bytes, bool& emptied) noexcept;
[[nodiscard]] std::ptrdiff_t send(int socket, const void* from, std::size_t bytes) noexcept;
/// Receives one datagram, and says from whom. Returns -EMSGSIZE if it is longer than `bytes`; then it is gone.
[[nodiscard]] std::ptrdiff_t receive_from(int socket, void* into, std::size_t bytes, socket_address& peer) noexcept;
/// Sends one datagram; `peer` empty: to whom the socket is connected.
[[nodiscard]] std::ptrdiff_t send_to(int socket, const void* from, std::size_t bytes,
                                     const socket_address& peer) noexcept;
/// Ends the sending half.
[[nodiscard]] int end_sending(int socket) noexcept;
[[nodiscard]] int own_address(int socket, socket_address& into) noexcept;
/// Empty if it fails, or the peer has no name.
[[nodiscard]] int peer_address(int socket, socket_address& into) noexcept;
/// Says whether with that option a short read might say something else than that there is no more: all may, but for
/// some that are known.
[[nodiscard]] bool may_change_receiving(int level, int name) noexcept;
[[nodiscard]] int set_option(int socket, int level, int name, int value) noexcept;
[[nodiscard]] int set_no_delay(int socket, bool on) noexcept;
/// Makes the descriptor one whose calls do not block.
[[nodiscard]] int set_nonblocking(int descriptor) noexcept;

}  // namespace treadle::detail::os
