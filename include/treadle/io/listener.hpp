#pragma once

#include <treadle/config.hpp>
#include <treadle/coro/task.hpp>
#include <treadle/io/address.hpp>
#include <treadle/io/descriptor.hpp>
#include <treadle/io/listen_options.hpp>
#include <treadle/io/stream.hpp>
#include <treadle/result.hpp>
#include <treadle/thread_pool.hpp>

namespace treadle::io {

/// A socket that accepts connections. Move-only; must outlive every `accept`, and its pool it.
class TREADLE_EXPORT listener {
 public:
  listener() noexcept = default;

  /// Listens at `at`; port 0 is any that is free, and `local_address` says which. Any thread; does not block. Fails as
  /// `socket`, `setsockopt`, `bind` and `listen` do.
  static result<listener> listen(thread_pool& pool, const address& at, const listen_options& options = {}) noexcept;

  /// Waits for a connection. Several coroutines may. Fails with `errc::cancelled` if the coroutine was asked to stop,
  /// `errc::shut_down` if the pool is, and as `accept` does; connections that were given up while they waited are
  /// skipped. After `std::errc::too_many_files_open` and the like it still waits: sleep before the next try.
  coro::task<result<stream>> accept();
  /// The same, and says who it is.
  coro::task<result<stream>> accept(address& peer);

  [[nodiscard]] result<address> local_address() const noexcept;
  [[nodiscard]] descriptor& socket() noexcept { return socket_; }
  explicit operator bool() const noexcept { return static_cast<bool>(socket_); }
  /// Closes the socket, and the connections that nobody has fetched. Nobody waits for one.
  void close() noexcept { socket_.close(); }

 private:
  friend class operation;

  listener(thread_pool& pool, descriptor socket) noexcept : pool_(&pool), socket_(std::move(socket)) {}

  thread_pool* pool_ = nullptr;
  descriptor socket_;
};

}  // namespace treadle::io
