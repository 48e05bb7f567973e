#pragma once

#include <treadle/config.hpp>
#include <treadle/coro/detail/wakeable.hpp>
#include <treadle/detail/deadline.hpp>
#include <treadle/detail/internal_task.hpp>
#include <treadle/detail/meeting.hpp>
#include <treadle/detail/system_policy.hpp>
#include <treadle/detail/timer_wheel.hpp>
#include <treadle/io/address.hpp>
#include <treadle/io/descriptor.hpp>
#include <treadle/io/detail/watched.hpp>
#include <treadle/io/listener.hpp>
#include <treadle/io/stream.hpp>
#include <treadle/result.hpp>
#include <treadle/thread_pool.hpp>

#include <atomic>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <system_error>

namespace treadle::io {

/// A call on a socket or another descriptor that calls a function back, for programs without coroutines. Intrusive:
/// derive from it, add your fields. Allocates nothing.
///
/// An operation is at rest or under way. `receive` and the others start it, from any thread, one at a time; they try
/// the call at once and never block. The callback is called once for each start that has succeeded, as a task of the
/// pool, never inside the start; the operation is at rest again when that begins, so the callback may start it anew or
/// free it. It gives the result by `error` and `bytes`, `accepted` or `connected`. What the operation works on, and the
/// bytes, must stay until then.
/// A pool that is shut down ends the wait with `errc::shut_down`. A start of an operation that is under way aborts, as
/// does its destruction.
class TREADLE_EXPORT operation : private coro::detail::wakeable {
 public:
  using callback_type = void (*)(operation&) noexcept;

  /// Makes an operation at rest, whose callback is called on `pool`, which must outlive it.
  operation(thread_pool& pool, callback_type on_end) noexcept;
  /// Every `cancel` must have returned.
  ~operation();

  // Each of these returns why it has not started: `errc::shut_down`, `errc::inherited_by_fork`, or the fault of the
  // pool's configuration; `connect` also what keeps it from a socket, and `std::errc::invalid_argument` for an address
  // that is none. Then nothing has been done, and the callback is not called.

  /// Receives what there is, at most `into.size()` bytes, once there is something; 0 `bytes` at the end of the stream.
  [[nodiscard]] std::error_code receive(stream& from, std::span<std::byte> into) noexcept;
  /// Sends as much as there is room for, at least one byte unless `from` is empty.
  [[nodiscard]] std::error_code send(stream& into, std::span<const std::byte> from) noexcept;
  /// Sends all of it. When it fails, `bytes` says how many were sent.
  [[nodiscard]] std::error_code send_all(stream& into, std::span<const std::byte> from) noexcept;
  /// Accepts one connection: see `accepted`. Fails as `listener::accept` does.
  [[nodiscard]] std::error_code accept(listener& at) noexcept;
  /// Connects to `peer` as `stream::connect` does: see `connected`. The socket belongs to the operation's pool.
  [[nodiscard]] std::error_code connect(const address& peer) noexcept;
  /// Waits as `descriptor::readable` does.
  [[nodiscard]] std::error_code readable(descriptor& at) noexcept;
  /// Waits as `descriptor::writable` does.
  [[nodiscard]] std::error_code writable(descriptor& at) noexcept;

  /// Gives the next start a deadline, counted from now: an operation that still waits by then ends with
  /// `errc::timed_out`, never early, having received and sent nothing but what `send_all` had sent. Of an operation at
  /// rest, by whoever starts it; does not block. One that need not wait does not hear of it, even if the time has
  /// passed. The first one that waits in a pool allocates the pool's timers, so `errc::out_of_memory` may be its end;
  /// without a deadline nothing is paid for it.
  template <class Rep, class Period>
  void expires_after(std::chrono::duration<Rep, Period> time) noexcept {
    set_deadline(treadle::detail::deadline_after(time));
  }
  /// The same for a point in time, of any clock.
  template <class Clock, class Duration>
  void expires_at(std::chrono::time_point<Clock, Duration> time) noexcept {
    set_deadline(treadle::detail::deadline_at(time));
  }

  /// Asks the operation that is under way to end: unless it is over before, its callback is called with
  /// `errc::cancelled`, and it has received and sent nothing but what `send_all` had sent. One at rest stays as it is.
  /// One whose callback is about to start it anew is at rest. Any thread; does not block.
  void cancel() noexcept;

  /// Returns how the latest operation has ended: `errc::cancelled`, `errc::timed_out`, `errc::shut_down`, EAGAIN if the
  /// pool can get no thread to wait in, or what the system said. For its callback, and until the next start.
  [[nodiscard]] std::error_code error() const noexcept { return error_; }
  /// Returns how many bytes were received or sent.
  [[nodiscard]] std::size_t bytes() const noexcept { return done_; }
  /// Hands the accepted connection over; without one, a stream without a socket.
  [[nodiscard]] stream accepted() noexcept { return std::move(made_); }
  /// The same of `connect`.
  [[nodiscard]] stream connected() noexcept { return std::move(made_); }
  [[nodiscard]] bool is_under_way() const noexcept { return under_way_.load(std::memory_order_relaxed); }

 private:
  enum class kind : std::uint8_t { receive, send, send_all, accept, connect, readiness };

  /// The deadline of an operation that waits, from its first wait on.
  struct expiry final : treadle::detail::internal_task {
    explicit expiry(operation& limited) noexcept;
    static void run(internal_task* queued) noexcept;
    static bool run_unqueued(internal_task* queued) noexcept;
    static constexpr operations ops{&run, &run_unqueued};

    operation& of;
    treadle::detail::timer_node<treadle::detail::system_policy> node;
    /// Of the end of the operation, and of an expiry that came meanwhile: who is second calls back.
    treadle::detail::meeting<treadle::detail::system_policy> met;
    std::error_code why;  ///< set if it is by this that the operation was asked to end
  };

  void set_deadline(std::int64_t deadline_ns) noexcept;
  [[nodiscard]] std::error_code arm_expiry() noexcept;
  [[nodiscard]] std::error_code start(kind what, descriptor& at, detail::direction which) noexcept;
  [[nodiscard]] bool step() noexcept;
  [[nodiscard]] bool is_over() noexcept;
  [[nodiscard]] std::ptrdiff_t call(std::uint32_t seen) noexcept;
  [[nodiscard]] std::ptrdiff_t send_more() noexcept;
  [[nodiscard]] std::ptrdiff_t take_connection() noexcept;
  void finish() noexcept;
  void call_back() noexcept;
  static void run_queued(internal_task* queued) noexcept;
  static bool cancel_queued(internal_task* queued) noexcept;
  static constexpr operations ops{&run_queued, &cancel_queued};

  const callback_type on_end_;
  thread_pool& runs_on_;
  detail::watched* place_ = nullptr;
  int number_ = -1;
  kind what_ = kind::readiness;
  detail::direction which_ = detail::direction::in;
  treadle::detail::system_policy::atomic<bool> under_way_{false};
  std::byte* into_ = nullptr;
  const std::byte* from_ = nullptr;
  std::size_t size_ = 0, done_ = 0;
  thread_pool* accepts_for_ = nullptr;
  int failed_at_once_ = 0;  ///< what `connect` has said, negated
  std::error_code error_;
  stream made_;
  std::optional<detail::watched::wait> wait_;  ///< without one only the callback is left
  std::int64_t deadline_ns_ = treadle::detail::no_deadline;
  std::optional<expiry> expiry_;
};

}  // namespace treadle::io
