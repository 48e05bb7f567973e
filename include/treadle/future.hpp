#pragma once

#include <treadle/detail/deadline.hpp>
#include <treadle/detail/future_state.hpp>
#include <treadle/errc.hpp>

#include <chrono>
#include <system_error>
#include <utility>

namespace treadle {

enum class future_status { ready, timeout };

/// The result of a submitted callable, to be taken once. Move-only; used by one thread at a time.
/// Dropping it detaches the task: it still runs, and what it throws goes to `pool_hooks::unhandled_exception`, whose
/// context must live as long.
template <class R>
class future {
 public:
  constexpr future() noexcept = default;
  explicit future(detail::future_result<R>* state) noexcept : state_(state) {}
  future(future&& other) noexcept : state_(std::exchange(other.state_, nullptr)) {}
  future& operator=(future&& other) noexcept {
    if (this != &other) {
      drop();
      state_ = std::exchange(other.state_, nullptr);
    }
    return *this;
  }
  future(const future&) = delete;
  future& operator=(const future&) = delete;
  ~future() { drop(); }

  /// Says whether there is a result to wait for: false when default made, moved from, or taken by `get`.
  [[nodiscard]] bool valid() const noexcept { return state_ != nullptr; }
  /// Says whether the task is over. Does not block.
  [[nodiscard]] bool is_ready() const noexcept { return state_ != nullptr && state_->is_done(); }

  /// Waits until the task is over. On a worker of its pool it runs the task here if it has not started, and else gives
  /// its slot away and sleeps; it runs nothing that it does not wait for. Outside, it sleeps, or runs the task here if
  /// the pool has no worker, or all of them block and no spare comes. Returns `errc::would_deadlock` for a task that is
  /// below on this thread's own stack.
  [[nodiscard]] std::error_code wait() const noexcept {
    return state_ != nullptr ? state_->wait() : make_error_code(std::errc::invalid_argument);
  }

  /// Waits until the task is over or the time has passed. Runs nothing.
  template <class Rep, class Period>
  [[nodiscard]] future_status wait_for(std::chrono::duration<Rep, Period> timeout) const noexcept {
    if (state_ == nullptr) return future_status::timeout;
    return state_->wait_until(detail::deadline_after(timeout)) ? future_status::ready : future_status::timeout;
  }
  template <class Clock, class Duration>
  [[nodiscard]] future_status wait_until(std::chrono::time_point<Clock, Duration> deadline) const noexcept {
    if (state_ == nullptr) return future_status::timeout;
    return state_->wait_until(detail::deadline_at(deadline)) ? future_status::ready : future_status::timeout;
  }

  /// Waits as `wait` does, then returns the result or rethrows the task's exception. Throws std::system_error with
  /// `errc::cancelled` or `errc::would_deadlock`. The future is not valid afterwards.
  R get() {
    if (state_ == nullptr) throw std::system_error(make_error_code(std::errc::invalid_argument), "future has no state");
    if (const std::error_code error = state_->wait()) throw std::system_error(error, "treadle::future::get");
    const future taken(std::move(*this));
    taken.state_->rethrow();
    return taken.state_->take();
  }

 private:
  void drop() noexcept {
    if (state_ != nullptr) std::exchange(state_, nullptr)->drop_reference();
  }

  detail::future_result<R>* state_ = nullptr;
};

}  // namespace treadle
