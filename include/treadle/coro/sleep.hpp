#pragma once

#include <treadle/coro/detail/sleeper.hpp>
#include <treadle/detail/deadline.hpp>

#include <chrono>

namespace treadle::coro {

/// What `sleep_for` and `sleep_until` return.
class [[nodiscard]] sleeping : public detail::sleeper {
 public:
  using detail::sleeper::sleeper;
  void await_resume() {
    if (!settle()) detail::throw_cancelled();
  }
};

/// Suspends the awaiting coroutine until `time` has passed since this call: never less, and while a worker is idle less
/// than a millisecond more. Holds no thread and allocates nothing, but for the wheels with the first timer of a pool.
/// Throws `errc::cancelled` if the coroutine is asked to stop before, or its pool is shut down; std::system_error if
/// there is no memory for the wheels. Does not suspend if the time has passed: `yield` lets others run.
template <class Rep, class Period>
sleeping sleep_for(std::chrono::duration<Rep, Period> time) noexcept {
  return sleeping(treadle::detail::deadline_after(time));
}

/// The same until a point in time, of any clock.
template <class Clock, class Duration>
sleeping sleep_until(std::chrono::time_point<Clock, Duration> time) noexcept {
  return sleeping(treadle::detail::deadline_at(time));
}

}  // namespace treadle::coro
