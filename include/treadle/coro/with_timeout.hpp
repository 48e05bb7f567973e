#pragma once

#include <treadle/coro/detail/branches.hpp>
#include <treadle/coro/detail/sleeper.hpp>
#include <treadle/coro/task.hpp>
#include <treadle/detail/deadline.hpp>
#include <treadle/errc.hpp>
#include <treadle/result.hpp>

#include <array>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <exception>
#include <system_error>
#include <utility>

namespace treadle::coro {

/// What `with_timeout` and `with_deadline` return.
template <class T>
class [[nodiscard]] timed : public detail::branch_group {
 public:
  timed(std::int64_t deadline_ns, task<T>&& body)
      : branch_group(detail::stops_others::always), body_(std::move(body)), limit_(detail::sleeps_until(deadline_ns)) {
    adopt(branches_.data(), branches_.size());
    bind(of_body, body_);
    bind(of_limit, limit_);
    if (deadline_ns != treadle::detail::no_deadline) {
      set_latest(std::chrono::steady_clock::time_point(std::chrono::nanoseconds(deadline_ns)));
    }
  }
  T await_resume() {
    const bool was_stopped = settle() == of_limit;
    auto& ended = body_.frame().promise();
    if constexpr (treadle::detail::is_result<T>) {
      if (ended.error() == nullptr) {
        T returned = ended.take();
        if (was_stopped && returned.error() == errc::cancelled && is_over_time()) return errc::timed_out;
        return returned;
      }
    }
    if (was_stopped && ended.error() != nullptr && detail::says_cancelled(ended.error()) && is_over_time()) {
      throw std::system_error(make_error_code(errc::timed_out), "treadle::coro::with_timeout");
    }
    return ended.take();
  }

 private:
  static constexpr std::size_t of_body = 0, of_limit = 1;

  /// Says why the body was stopped: the time has passed. Else sleeping failed, or whoever awaits was asked to stop,
  /// too.
  bool is_over_time() { return limit_.frame().promise().take() && !is_stopped(); }

  std::array<detail::branch, 2> branches_;
  task<T> body_;
  task<bool> limit_;
};

/// Runs `body`, as a flow of its own with a copy of the awaiting coroutine's locals, and awaits it; once `time` has
/// passed since this call, asks it to stop, and still awaits it: nothing runs on behind your back. Then throws
/// `errc::timed_out`, unless `body` was over with a result or threw something else than `errc::cancelled` all the same:
/// that arrives, so nothing that it got is lost. A body that returns a `result` says so in it: `errc::cancelled`
/// becomes `errc::timed_out`. Inside, `this_coro::locals().deadline` is the earlier of the inherited one and this. A
/// request to stop the awaiting coroutine reaches `body`; then it is `errc::cancelled` that arrives. A time that has
/// passed already lets `body` run to its first wait; a pool that is shut down keeps no time, and asks `body` to stop,
/// under drain, too. Allocates from the store of frames; throws std::bad_alloc.
template <class Rep, class Period, class T>
timed<T> with_timeout(std::chrono::duration<Rep, Period> time, task<T> body) {
  return timed<T>(treadle::detail::deadline_after(time), std::move(body));
}

/// The same until a point in time, of any clock.
template <class Clock, class Duration, class T>
timed<T> with_deadline(std::chrono::time_point<Clock, Duration> time, task<T> body) {
  return timed<T>(treadle::detail::deadline_at(time), std::move(body));
}

}  // namespace treadle::coro
