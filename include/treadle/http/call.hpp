#pragma once

#include <treadle/coro/spawn.hpp>

#include <utility>

namespace treadle::http {

/// A request that calls back: what `client::start` returns. Move-only; destroying it leaves the request to run.
class call {
 public:
  call() noexcept = default;
  explicit call(coro::join_handle<void> running) noexcept : running_(std::move(running)) {}

  /// Aborts the request: unless it is over, its callback gets `errc::cancelled`. Any thread that owns this; does not
  /// block.
  void cancel() noexcept { running_.request_stop(); }
  /// Says whether the callback has returned.
  [[nodiscard]] bool is_done() const noexcept { return running_.is_done(); }
  /// Blocks until the callback has returned; not inside it.
  void wait() { running_.wait(); }

 private:
  coro::join_handle<void> running_;
};

}  // namespace treadle::http
