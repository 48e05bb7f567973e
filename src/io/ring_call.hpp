#pragma once

#include "../os/io/uring.hpp"

#include <treadle/coro/detail/flow.hpp>
#include <treadle/coro/detail/promise.hpp>
#include <treadle/detail/meeting.hpp>
#include <treadle/detail/system_policy.hpp>

#include <cerrno>
#include <concepts>
#include <coroutine>
#include <cstddef>
#include <cstdint>

namespace treadle::io::detail {

namespace os = treadle::detail::os;

class worker_ring;

/// An operation that the kernel has, which lies in the frame of the coroutine that awaits it. Its result says, until
/// there is one, that the kernel does not have it.
struct operation {
  coro::detail::flow* waiting = nullptr;
  worker_ring* on = nullptr;
  std::int32_t result = -EOPNOTSUPP;
  treadle::detail::meeting<treadle::detail::system_policy> met;
};

/// Gives `request` to the kernel through the ring of the worker that runs `made.waiting`. Returns whether it did; then
/// `made` lasts until its end. Not if there is no ring to be had, or none any more.
[[nodiscard]] bool begin_operation(operation& made, const os::ring_request& request) noexcept;
/// Asks the kernel to end it soon. Any thread, as long as it lasts.
void cancel_operation(operation& begun) noexcept;
/// Says whether this process has rings at all, and whether sockets wait in them.
[[nodiscard]] bool has_rings() noexcept;
[[nodiscard]] bool has_rings_for_sockets() noexcept;
/// Says whether the kernel brings what comes at sockets by itself.
[[nodiscard]] bool has_feeds() noexcept;

/// What a wait for an operation of the kernel's is, however it may end.
class ring_wait {
 public:
  ring_wait(const ring_wait&) = delete;
  ring_wait& operator=(const ring_wait&) = delete;

 protected:
  explicit ring_wait(const os::ring_request& request) noexcept : request_(request) {}
  ~ring_wait() = default;

  /// `start` gives the operation to the kernel, and says whether that has it. Returns whether the coroutine sleeps.
  template <std::derived_from<coro::detail::promise_base> Promise, class Start>
  bool suspend(std::coroutine_handle<Promise> waiting, Start&& start) noexcept {
    coro::detail::flow& self = waiting.promise().running_flow();
    self.suspend_at(waiting);
    own_.waiting = &self;
    if (!start()) return false;
    self.shows(kind_of(request_.what), static_cast<std::uint64_t>(request_.descriptor));
    if (own_.met.wait()) return true;  // LAST TOUCH
    self.shows_nothing();
    return false;
  }

  os::ring_request request_;
  operation own_;

 private:
  [[nodiscard]] static coro::detail::wait_kind kind_of(os::ring_call what) noexcept;
};

/// Suspends the awaiting coroutine while the kernel carries `request` out. Returns what the system call would, negated
/// errors included; -EOPNOTSUPP if the ring has not taken it. A request to stop does not end it.
class [[nodiscard]] ring_call : ring_wait {
 public:
  explicit ring_call(const os::ring_request& request) noexcept : ring_wait(request) {}

  [[nodiscard]] bool await_ready() const noexcept { return !has_rings(); }
  template <std::derived_from<coro::detail::promise_base> Promise>
  bool await_suspend(std::coroutine_handle<Promise> waiting) noexcept {
    return suspend(waiting, [this] { return begin_operation(own_, request_); });
  }
  [[nodiscard]] std::ptrdiff_t await_resume() const noexcept { return own_.result; }
};

/// The same for what a peer may keep waiting for ever: a request to stop cancels it, and so does the end of the pool.
/// Then it returns -ECANCELED, unless it was done by then. Whoever sees that waits for an edge, and finds out why.
class [[nodiscard]] socket_call : ring_wait, coro::detail::flow_stops::node {
 public:
  explicit socket_call(const os::ring_request& request) noexcept : ring_wait(request), node(&reach) {}

  [[nodiscard]] bool await_ready() const noexcept { return !has_rings_for_sockets(); }
  template <std::derived_from<coro::detail::promise_base> Promise>
  bool await_suspend(std::coroutine_handle<Promise> waiting) noexcept {
    return suspend(waiting, [this] { return start(); });
  }
  [[nodiscard]] std::ptrdiff_t await_resume() noexcept;

 private:
  [[nodiscard]] bool start() noexcept;
  static void reach(node& reached, batch& woken) noexcept;

  bool begun_ = false;
};

}  // namespace treadle::io::detail
