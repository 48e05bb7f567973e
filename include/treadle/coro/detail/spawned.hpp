#pragma once

#include <treadle/config.hpp>
#include <treadle/coro/detail/flow.hpp>
#include <treadle/coro/detail/waiter.hpp>
#include <treadle/coro/task.hpp>
#include <treadle/detail/completion.hpp>

#include <coroutine>
#include <exception>
#include <memory>
#include <optional>
#include <stop_token>
#include <system_error>
#include <utility>

namespace treadle::coro::detail {

/// A spawned flow and what is known of its end. Two references: the flow's, until it is over, and the handle's.
class TREADLE_EXPORT spawned : public in_frame_store {
 public:
  spawned(treadle::detail::pool_core& pool, treadle::detail::site_word made_at) noexcept;
  virtual ~spawned();
  spawned(const spawned&) = delete;
  spawned& operator=(const spawned&) = delete;

  /// Passes a request of `stop` on, as long as the flow lasts.
  void listen_to(std::stop_token stop);

  [[nodiscard]] bool is_done() const noexcept { return completion_.is_done(); }
  /// Blocks until the flow is over. On a worker another one takes its place meanwhile; with no thread of the pool, runs
  /// what is queued.
  /// Returns `errc::inherited_by_fork` in a child of fork(), where nobody goes on with it.
  [[nodiscard]] std::error_code wait() noexcept;
  void request_stop() noexcept { static_cast<void>(flow_.request_stop()); }
  /// The handle lets go. An exception that nobody has seen, and that is not the answer to a request to stop, goes to
  /// the pool's hook.
  void drop_reference() noexcept;

  [[nodiscard]] flow& running() noexcept { return flow_; }
  [[nodiscard]] wait_queue& joining() noexcept { return joining_; }
  [[nodiscard]] bool is_over_locked() const noexcept { return over_; }

 protected:
  /// The exception that the flow's outermost coroutine ended with, if nobody has taken it.
  [[nodiscard]] virtual std::exception_ptr& error() noexcept = 0;

 private:
  struct own_flow : flow {
    own_flow(spawned& of, treadle::detail::pool_core& runs_on, treadle::detail::site_word made_at) noexcept
        : flow(&runs_on, &ended, made_at), owner(&of) {}
    spawned* owner;
  };
  struct stopper {
    spawned* stopped;
    void operator()() const noexcept { stopped->request_stop(); }
  };

  static std::coroutine_handle<> ended(flow& over) noexcept;
  void wait_outside() noexcept;
  void wait_on_worker() noexcept;

  own_flow flow_;
  treadle::detail::completion<system_policy> completion_;
  wait_queue joining_;
  bool over_ = false;  ///< guarded by the lock of `joining_`
  std::optional<std::stop_callback<stopper>> listening_;
};

template <class T>
class spawned_task final : public spawned {
 public:
  spawned_task(treadle::detail::pool_core& pool, source_site made_at, task<T>&& body) noexcept
      : spawned(pool, treadle::detail::site_word::of(made_at)), body_(std::move(body)) {
    auto& promise = body_.frame().promise();
    promise.set_flow(running());
    running().set_root(body_.frame(), promise.error());
  }
  /// Only when done.
  T take() { return body_.frame().promise().take(); }

 private:
  std::exception_ptr& error() noexcept override { return body_.frame().promise().error(); }

  task<T> body_;
};

}  // namespace treadle::coro::detail
