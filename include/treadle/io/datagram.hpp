#pragma once

#include <treadle/config.hpp>
#include <treadle/coro/task.hpp>
#include <treadle/io/address.hpp>
#include <treadle/io/descriptor.hpp>
#include <treadle/result.hpp>
#include <treadle/thread_pool.hpp>

#include <cstddef>
#include <span>
#include <utility>

namespace treadle::io {

/// A UDP or Unix socket for datagrams: each arrives whole or not at all. Several coroutines may send and receive.
/// Move-only; must outlive every operation on it, and its pool it.
///
/// All operations are coroutines that suspend and never block a worker. Each may fail with `errc::cancelled` if the
/// coroutine was asked to stop before it was done, `errc::shut_down` if the pool is, and with the errors of the system
/// call; where the socket is connected, also with those that an earlier datagram met, as
/// `std::errc::connection_refused`.
class TREADLE_EXPORT datagram {
 public:
  /// What has been received.
  struct received {
    std::size_t bytes = 0;
    address from;  ///< none if the sender has no address, as Unix sockets may not
  };

  datagram() noexcept = default;

  /// Opens a socket that receives at `at`; port 0 is any that is free, and `local_address` says which. Any thread; does
  /// not block. Fails as `socket` and `bind` do.
  static result<datagram> bind(thread_pool& pool, const address& at) noexcept;
  /// Opens one that sends to `peer` only, and receives from it only. A Unix socket made so has no address of its own,
  /// so nobody can answer it. Any thread; does not block. Fails as `socket` and `connect` do.
  static result<datagram> connect(thread_pool& pool, const address& peer) noexcept;

  /// Has this socket send to `peer` only, and receive from it only. Any thread, while nobody sends; does not block.
  result<void> connect_to(const address& peer) noexcept;

  /// Waits for one datagram and puts it into `into`, which has room for 65,535 bytes if it is to have room for any. One
  /// that is longer than `into` is gone, and the call fails with `std::errc::message_size`: nothing is cut off in
  /// silence. An empty datagram is one of 0 bytes, and no end.
  coro::task<result<received>> recv_from(std::span<std::byte> into);
  /// Sends `from` as one datagram, and waits if there is no room for it. One that is too long for its protocol fails
  /// with `std::errc::message_size`. A Unix socket whose receiver has no room for one more fails with EAGAIN: no edge
  /// would tell; one that is connected waits.
  coro::task<result<void>> send_to(std::span<const std::byte> from, address peer);
  /// The same to whom the socket is connected.
  coro::task<result<void>> send(std::span<const std::byte> from);

  [[nodiscard]] result<address> local_address() const noexcept;
  /// Returns the socket, owned by this.
  [[nodiscard]] descriptor& socket() noexcept { return socket_; }
  explicit operator bool() const noexcept { return static_cast<bool>(socket_); }
  /// Closes the socket. No operation is under way.
  void close() noexcept { socket_.close(); }

 private:
  explicit datagram(descriptor socket) noexcept : socket_(std::move(socket)) {}
  static result<datagram> open(thread_pool& pool, const address& like) noexcept;

  descriptor socket_;
};

}  // namespace treadle::io
