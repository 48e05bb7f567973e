#pragma once

#include <treadle/assert.hpp>
#include <treadle/coro/detail/flow.hpp>
#include <treadle/coro/detail/frame_cache.hpp>

#include <concepts>
#include <coroutine>
#include <exception>
#include <memory>
#include <optional>
#include <type_traits>
#include <utility>

namespace treadle::coro::detail {

/// What the frames of all tasks have: the flow that they run in, who awaits them, how they ended.
class promise_base : public in_frame_store {
 public:
  /// The end of a task: control goes to whoever awaits it, or the flow is over.
  struct final_wait {
    [[nodiscard]] bool await_ready() const noexcept { return false; }
    template <std::derived_from<promise_base> Promise>
    std::coroutine_handle<> await_suspend(std::coroutine_handle<Promise> ended) const noexcept {
      promise_base& self = ended.promise();
      if (self.awaited_by_) return self.flow_->transfer(self.awaited_by_);
      return self.flow_->end();  // LAST TOUCH: the frame may be gone
    }
    void await_resume() const noexcept {}
  };

  [[nodiscard]] std::suspend_always initial_suspend() const noexcept { return {}; }
  [[nodiscard]] final_wait final_suspend() const noexcept { return {}; }
  void unhandled_exception() noexcept { error_ = std::current_exception(); }

  void set_flow(flow& running) noexcept { flow_ = &running; }
  void set_awaited_by(std::coroutine_handle<> awaiting) noexcept { awaited_by_ = awaiting; }
  [[nodiscard]] flow& running_flow() const noexcept {
    TREADLE_DEBUG_ASSERT(flow_ != nullptr, 0, 0);
    return *flow_;
  }
  [[nodiscard]] std::exception_ptr& error() noexcept { return error_; }

 private:
  flow* flow_ = nullptr;
  std::coroutine_handle<> awaited_by_;
  std::exception_ptr error_;
};

/// How results are kept: values as they are, references as pointers.
template <class T>
class promise_of : public promise_base {
 public:
  template <class U>
  requires std::constructible_from<T, U>
  void return_value(U&& value) noexcept(std::is_nothrow_constructible_v<T, U>) {
    value_.emplace(std::forward<U>(value));
  }
  T take() {
    if (error() != nullptr) std::rethrow_exception(std::exchange(error(), nullptr));
    TREADLE_ASSERT(value_.has_value(), 0, 0);
    return std::move(*value_);
  }

 private:
  std::optional<T> value_;
};

template <class T>
requires std::is_reference_v<T>
class promise_of<T> : public promise_base {
 public:
  void return_value(T value) noexcept { value_ = std::addressof(value); }
  T take() {
    if (error() != nullptr) std::rethrow_exception(std::exchange(error(), nullptr));
    return static_cast<T>(*value_);
  }

 private:
  std::remove_reference_t<T>* value_ = nullptr;
};

template <class T>
requires std::is_void_v<T>
class promise_of<T> : public promise_base {
 public:
  void return_void() const noexcept {}
  void take() {
    if (error() != nullptr) std::rethrow_exception(std::exchange(error(), nullptr));
  }
};

}  // namespace treadle::coro::detail
