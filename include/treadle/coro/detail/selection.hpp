#pragma once

#include <treadle/coro/detail/waiter.hpp>

#include <concepts>
#include <coroutine>
#include <cstddef>
#include <span>

namespace treadle::coro::detail {

/// One of the things that a coroutine waits for at channels: to send or to receive at one of them.
struct channel_part : waiter {
  explicit channel_part(wait_state& of) noexcept : waiter(of) {}

  [[nodiscard]] virtual treadle::detail::brief_lock<system_policy>& lock() noexcept = 0;
  [[nodiscard]] virtual bool is_ready() noexcept = 0;  ///< a hint, unless the lock is held
  // With the lock held:
  virtual void take_now(batch& woken) noexcept = 0;  ///< only if ready; adds whom that wakes
  virtual void link() noexcept = 0;
  virtual void unlink() noexcept = 0;

  bool chosen = false;  ///< set with the lock held by who ends the wait here

 protected:
  ~channel_part() = default;
};

/// A wait at one or several channels, which exactly one of them, or a request to stop, ends.
class TREADLE_EXPORT selection {
 public:
  static constexpr std::size_t nobody = static_cast<std::size_t>(-1);

  /// Takes the first that is ready. Returns whether there was one.
  bool try_now(std::span<channel_part* const> parts) noexcept;
  /// Returns false if the wait is over already.
  template <std::derived_from<promise_base> Promise>
  bool suspend(std::coroutine_handle<Promise> waiting, std::span<channel_part* const> parts) noexcept {
    flow& self = waiting.promise().running_flow();
    self.suspend_at(waiting);
    return begin(self, parts);
  }
  /// Ends the wait. Returns which part was chosen, or nobody if it was stopped.
  [[nodiscard]] std::size_t settle(std::span<channel_part* const> parts) noexcept;

  [[nodiscard]] wait_state& state() noexcept { return state_; }

 private:
  bool begin(flow& self, std::span<channel_part* const> parts) noexcept;

  wait_state state_;
  bool suspended_ = false;
  bool slept_ = false;  ///< and was woken: its wait is over, and who has ended it has left the lock
};

}  // namespace treadle::coro::detail
