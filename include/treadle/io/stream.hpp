#pragma once

#include <treadle/config.hpp>
#include <treadle/coro/task.hpp>
#include <treadle/io/address.hpp>
#include <treadle/io/descriptor.hpp>
#include <treadle/io/recv_stream.hpp>
#include <treadle/result.hpp>
#include <treadle/thread_pool.hpp>

#include <cstddef>
#include <span>

namespace treadle::io {

/// A connected TCP or Unix socket. One coroutine may receive while another sends. Move-only; must outlive every
/// operation on it, and its pool it.
///
/// All operations are coroutines that suspend and never block a worker. Each may fail with `errc::cancelled` if the
/// coroutine was asked to stop before it was done, `errc::shut_down` if the pool is, and with the errors of the system
/// call.
class TREADLE_EXPORT stream {
 public:
  stream() noexcept = default;

  /// Connects to `peer`; `io::connect` takes names and several addresses. A Unix socket whose listener has no room for
  /// one more fails with EAGAIN: no edge would tell.
  static coro::task<result<stream>> connect(thread_pool& pool, address peer);
  /// Takes over a connected socket, as `descriptor::adopt` does.
  static result<stream> adopt(thread_pool& pool, int number) noexcept;

  /// Receives what there is, at most `into.size()` bytes, and waits if there is nothing. Returns how many; 0 at the end
  /// of the stream, or if `into` is empty.
  coro::task<result<std::size_t>> recv(std::span<std::byte> into);
  /// Receives until `into` is full or the stream ends. Returns how many bytes; fewer than asked for at the end.
  coro::task<result<std::size_t>> recv_all(std::span<std::byte> into);
  /// Returns what receives in chunks, without a buffer of the caller's: for many connections that are mostly silent.
  /// Any thread; begins nothing yet. One at a time.
  [[nodiscard]] io::recv_stream recv_stream(recv_stream_options options = {}) noexcept {
    return io::recv_stream(*socket_.place_, socket_.number_, options);
  }
  /// Sends as much as there is room for, at least one byte unless `from` is empty. Returns how many.
  coro::task<result<std::size_t>> send(std::span<const std::byte> from);
  /// Sends all of it. When it fails, some may have been sent.
  coro::task<result<void>> send_all(std::span<const std::byte> from);

  /// Ends the sending half: the peer receives 0 once it has all. Any thread; does not block.
  result<void> shutdown() noexcept;
  /// Sends small pieces at once instead of waiting for more (TCP_NODELAY).
  result<void> set_no_delay(bool on) noexcept;
  /// Sets one of the system's options that are a number or a switch, as setsockopt(2) names them:
  /// `set_option(SOL_SOCKET, SO_KEEPALIVE, 1)`. Any thread; does not block. Fails as that does.
  result<void> set_option(int level, int name, int value) noexcept;
  /// Returns the address of this end.
  [[nodiscard]] result<address> local_address() const noexcept;
  /// Returns the address of the other end, which may have none. Fails with `std::errc::not_connected` if that is gone.
  [[nodiscard]] result<address> peer_address() const noexcept;
  /// Returns the socket, owned by this: to wait until it is readable, or to set options of the system.
  [[nodiscard]] descriptor& socket() noexcept { return socket_; }
  explicit operator bool() const noexcept { return static_cast<bool>(socket_); }
  /// Closes the socket. No operation is under way.
  void close() noexcept { socket_.close(); }

 private:
  friend class listener;
  friend class operation;
  explicit stream(descriptor socket) noexcept : socket_(std::move(socket)) {}
  coro::task<result<std::size_t>> receives(std::span<std::byte> into);
  coro::task<result<std::size_t>> sends(std::span<const std::byte> from);

  descriptor socket_;
};

}  // namespace treadle::io
