#pragma once

#include <treadle/coro/detail/promise.hpp>

#include <coroutine>
#include <utility>

namespace treadle::coro {

/// A coroutine that starts when it is awaited or spawned, and gives a T, a T& or nothing. Move-only, awaited once.
/// Awaiting it is a call: it runs at once, on this thread, in the flow of whoever awaits it; what it throws arrives
/// there. Its frame comes from the thread's store of freed frames, and goes back there. After Lewis Baker's cppcoro.
template <class T = void>
class [[nodiscard]] task {
 public:
  class promise_type : public detail::promise_of<T> {
   public:
    task get_return_object() noexcept { return task(std::coroutine_handle<promise_type>::from_promise(*this)); }
  };

  task() noexcept = default;
  task(task&& other) noexcept : frame_(std::exchange(other.frame_, nullptr)) {}
  task& operator=(task&& other) noexcept {
    if (this != &other) {
      if (frame_) frame_.destroy();
      frame_ = std::exchange(other.frame_, nullptr);
    }
    return *this;
  }
  task(const task&) = delete;
  task& operator=(const task&) = delete;
  /// Ends one that has not started, or is over. One that is suspended in the middle is destroyed by nobody but whoever
  /// awaits it, when that is through.
  ~task() {
    if (frame_) frame_.destroy();
  }

  /// Says whether there is a coroutine, which a moved-from task lacks.
  [[nodiscard]] explicit operator bool() const noexcept { return frame_ != nullptr; }

  class [[nodiscard]] awaiter {
   public:
    explicit awaiter(std::coroutine_handle<promise_type> frame) noexcept : frame_(frame) {}
    [[nodiscard]] bool await_ready() const noexcept { return false; }
    template <std::derived_from<detail::promise_base> Promise>
    std::coroutine_handle<> await_suspend(std::coroutine_handle<Promise> awaiting) noexcept {
      detail::flow& running = awaiting.promise().running_flow();
      frame_.promise().set_flow(running);
      frame_.promise().set_awaited_by(awaiting);
      return running.transfer(frame_);
    }
    T await_resume() { return frame_.promise().take(); }

   private:
    std::coroutine_handle<promise_type> frame_;
  };

  /// Starts it. The task must not be empty, and must stay until it is over.
  awaiter operator co_await() const&& noexcept { return awaiter(frame_); }

  /// For treadle's own parts.
  [[nodiscard]] std::coroutine_handle<promise_type> frame() const noexcept { return frame_; }

 private:
  explicit task(std::coroutine_handle<promise_type> frame) noexcept : frame_(frame) {}

  std::coroutine_handle<promise_type> frame_;
};

}  // namespace treadle::coro
