#pragma once

#include <treadle/coro/detail/frame_cache.hpp>

#include <coroutine>
#include <cstddef>
#include <exception>
#include <iterator>
#include <memory>
#include <type_traits>
#include <utility>

namespace treadle::coro {

/// A sequence that a coroutine computes one value at a time, by `co_yield`, on the thread of whoever reads it. It
/// awaits nothing. Move-only, read once, by one thread at a time; destroying it ends the coroutine where it stands.
/// `*it` refers to what was yielded until the next `++it`; what the coroutine throws comes out of `begin` or `++it`.
template <class T>
class [[nodiscard]] generator {
 public:
  class promise_type : public detail::in_frame_store {
   public:
    generator get_return_object() noexcept {
      return generator(std::coroutine_handle<promise_type>::from_promise(*this));
    }
    [[nodiscard]] static std::suspend_always initial_suspend() noexcept { return {}; }
    [[nodiscard]] static std::suspend_always final_suspend() noexcept { return {}; }
    // A temporary lives until the coroutine is resumed.
    std::suspend_always yield_value(std::remove_reference_t<T>& value) noexcept {
      value_ = std::addressof(value);
      return {};
    }
    std::suspend_always yield_value(std::remove_reference_t<T>&& value) noexcept requires(!std::is_reference_v<T>) {
      value_ = std::addressof(value);
      return {};
    }
    static void return_void() noexcept {}
    void unhandled_exception() noexcept { error_ = std::current_exception(); }
    template <class Awaited>
    std::suspend_never await_transform(Awaited&&) = delete;

   private:
    friend class generator;
    std::remove_reference_t<T>* value_ = nullptr;
    std::exception_ptr error_;
  };

  class iterator {
   public:
    using iterator_category = std::input_iterator_tag;
    using value_type = std::remove_cvref_t<T>;
    using difference_type = std::ptrdiff_t;
    using reference = std::remove_reference_t<T>&;
    using pointer = std::remove_reference_t<T>*;

    iterator() noexcept = default;
    reference operator*() const noexcept { return *frame_.promise().value_; }
    pointer operator->() const noexcept { return frame_.promise().value_; }
    iterator& operator++() {
      advance(frame_);
      return *this;
    }
    void operator++(int) { ++*this; }
    friend bool operator==(const iterator& at, std::default_sentinel_t) noexcept { return at.frame_.done(); }

   private:
    friend class generator;
    explicit iterator(std::coroutine_handle<promise_type> frame) noexcept : frame_(frame) {}
    std::coroutine_handle<promise_type> frame_;
  };

  generator(generator&& other) noexcept : frame_(std::exchange(other.frame_, nullptr)) {}
  generator& operator=(generator&& other) noexcept {
    if (this != &other) {
      if (frame_) frame_.destroy();
      frame_ = std::exchange(other.frame_, nullptr);
    }
    return *this;
  }
  generator(const generator&) = delete;
  generator& operator=(const generator&) = delete;
  ~generator() {
    if (frame_) frame_.destroy();
  }

  /// Computes the first value. Once a generator.
  iterator begin() {
    advance(frame_);
    return iterator(frame_);
  }
  [[nodiscard]] static std::default_sentinel_t end() noexcept { return {}; }

 private:
  explicit generator(std::coroutine_handle<promise_type> frame) noexcept : frame_(frame) {}

  static void advance(std::coroutine_handle<promise_type> frame) {
    frame.resume();
    if (frame.promise().error_ != nullptr) std::rethrow_exception(std::exchange(frame.promise().error_, nullptr));
  }

  std::coroutine_handle<promise_type> frame_;
};

}  // namespace treadle::coro
