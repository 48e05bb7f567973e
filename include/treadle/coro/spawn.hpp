#pragma once

#include <treadle/assert.hpp>
#include <treadle/coro/detail/spawned.hpp>
#include <treadle/coro/task.hpp>
#include <treadle/errc.hpp>
#include <treadle/source_site.hpp>
#include <treadle/thread_pool.hpp>

#include <coroutine>
#include <stop_token>
#include <system_error>
#include <utility>

namespace treadle::coro {

/// The result to come of a spawned task. Move-only, used by one thread at a time. Destroying it leaves the task to run.
template <class T>
class [[nodiscard]] join_handle {
 public:
  join_handle() noexcept = default;
  explicit join_handle(detail::spawned_task<T>* state) noexcept : state_(state) {}
  join_handle(join_handle&& other) noexcept : state_(std::exchange(other.state_, nullptr)) {}
  join_handle& operator=(join_handle&& other) noexcept {
    if (this != &other) {
      detach();
      state_ = std::exchange(other.state_, nullptr);
    }
    return *this;
  }
  join_handle(const join_handle&) = delete;
  join_handle& operator=(const join_handle&) = delete;
  ~join_handle() { detach(); }

  /// Says whether there is a task to wait for.
  [[nodiscard]] bool valid() const noexcept { return state_ != nullptr; }
  [[nodiscard]] bool is_done() const noexcept { return state_ != nullptr && state_->is_done(); }

  /// Asks the task to stop: its waits end by `errc::cancelled`, and `stop_requested` says so. It is over when a join
  /// returns. Any thread; does not block.
  void request_stop() noexcept {
    if (state_ != nullptr) state_->request_stop();
  }
  /// Lets go of the task. What it throws goes to `pool_hooks::unhandled_exception`, but for `errc::cancelled` after a
  /// request to stop.
  void detach() noexcept {
    if (state_ != nullptr) std::exchange(state_, nullptr)->drop_reference();
  }

  /// Blocks until the task is over, then returns its result or rethrows what it threw. The handle is not valid
  /// afterwards. For threads outside; on a worker another one takes its place meanwhile. With no thread of the pool at
  /// all, runs what is queued there. Throws std::system_error if there is no task, or in a child of fork().
  T wait() {
    if (state_ == nullptr) {
      throw std::system_error(std::make_error_code(std::errc::invalid_argument), "treadle: the handle has no task");
    }
    if (const std::error_code error = state_->wait())
      throw std::system_error(error, "treadle::coro::join_handle::wait");
    const join_handle taken(std::move(*this));
    return taken.state_->take();
  }

  /// Suspends the awaiting coroutine until the task is over; the same result. A request to stop ends the wait only, by
  /// `errc::cancelled`: then the handle is still valid.
  class [[nodiscard]] awaiter : public detail::queued_wait<awaiter> {
   public:
    static constexpr auto waits_for = detail::wait_kind::join;
    explicit awaiter(join_handle& of) noexcept : detail::queued_wait<awaiter>(of.state_->joining()), of_(&of) {}
    [[nodiscard]] bool try_now() const noexcept { return of_->state_->is_over_locked(); }
    T await_resume() {
      if (!this->settle()) detail::throw_cancelled();
      const join_handle taken(std::move(*of_));
      return taken.state_->take();
    }

   private:
    join_handle* of_;
  };
  /// The handle must be valid.
  awaiter operator co_await() & noexcept {
    TREADLE_ASSERT(state_ != nullptr, 0, 0);
    return awaiter(*this);
  }
  awaiter operator co_await() && noexcept {
    TREADLE_ASSERT(state_ != nullptr, 0, 0);
    return awaiter(*this);
  }

 private:
  detail::spawned_task<T>* state_ = nullptr;
};

/// Starts `body` on `pool`, in a flow of its own that begins with a copy of the caller's locals, and returns its
/// handle. A request of `stop` reaches it. Allocates from the store of frames. Throws std::system_error when the pool
/// refuses, std::bad_alloc. The pool must outlive the task.
template <class T>
join_handle<T> spawn(thread_pool& pool, task<T> body, std::stop_token stop = {},
                     source_site site = source_site::current()) {
  TREADLE_ASSERT(static_cast<bool>(body), 0, 0);
  treadle::detail::admission admitted(pool.core());
  if (admitted.error()) throw std::system_error(admitted.error(), "treadle::coro::spawn");
  auto* const state = new detail::spawned_task<T>(pool.core(), site, std::move(body));
  join_handle<T> handle(state);
  try {
    state->listen_to(std::move(stop));
  } catch (...) {
    state->drop_reference();
    throw;
  }
  detail::flow::start(state->running(), admitted);
  return handle;
}

}  // namespace treadle::coro
