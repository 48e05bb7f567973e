#pragma once

#include <treadle/batch.hpp>
#include <treadle/config.hpp>
#include <treadle/coro/detail/flow.hpp>
#include <treadle/coro/task.hpp>
#include <treadle/detail/system_policy.hpp>

#include <atomic>
#include <chrono>
#include <concepts>
#include <coroutine>
#include <cstddef>
#include <functional>
#include <type_traits>
#include <variant>

namespace treadle::coro::detail {

class branch_group;

/// One of several flows that a coroutine awaits together.
struct TREADLE_EXPORT branch final : flow {
  branch() noexcept : flow(nullptr, &ended, {}) {}
  static std::coroutine_handle<> ended(flow& over) noexcept;

  branch_group* group = nullptr;
  const std::exception_ptr* error = nullptr;
};

/// When the first to end stops the others.
enum class stops_others { after_failure, always };

/// Flows that start together and are all awaited. They lie beside the group, in the frame of whoever awaits them. A
/// request to stop the awaiting flow reaches them.
class TREADLE_EXPORT branch_group : flow_stops::node {
 public:
  static constexpr std::size_t nobody = static_cast<std::size_t>(-1);

  branch_group(stops_others when) noexcept : node(&reach), when_(when) {}
  branch_group(const branch_group&) = delete;
  branch_group& operator=(const branch_group&) = delete;

  void adopt(branch* first, std::size_t count) noexcept {
    first_ = first;
    count_ = count;
  }
  template <class T>
  void bind(std::size_t index, const task<T>& body) noexcept {
    auto& promise = body.frame().promise();
    promise.set_flow(first_[index]);
    first_[index].set_root(body.frame(), promise.error());
    first_[index].error = &promise.error();
  }
  [[nodiscard]] bool await_ready() const noexcept { return count_ == 0; }
  template <std::derived_from<promise_base> Promise>
  void await_suspend(std::coroutine_handle<Promise> awaiting) noexcept {
    flow& parent = awaiting.promise().running_flow();
    parent.suspend_at(awaiting);
    start(parent);  // LAST TOUCH
  }
  /// All are over. Returns who stopped the others, or nobody.
  std::size_t settle() noexcept;

 protected:
  /// The branches' locals name no later deadline.
  void set_latest(std::chrono::steady_clock::time_point deadline) noexcept { latest_ = deadline; }
  /// Says whether the awaiting flow was asked to stop.
  [[nodiscard]] bool is_stopped() const noexcept { return parent_->stop_requested(); }

 private:
  friend struct branch;
  void start(flow& parent) noexcept;
  std::coroutine_handle<> one_ended(branch& over) noexcept;
  static void reach(node& reached, batch& woken) noexcept;

  branch* first_ = nullptr;
  std::size_t count_ = 0;
  flow* parent_ = nullptr;
  std::chrono::steady_clock::time_point latest_ = std::chrono::steady_clock::time_point::max();
  const stops_others when_;
  treadle::detail::system_policy::atomic<std::size_t> running_{0};
  treadle::detail::system_policy::atomic<std::size_t> decider_{nobody};
};

/// What holds a T where nothing may be held: void as std::monostate, a reference in a wrapper.
template <class T>
struct held {
  using type = T;
};
template <class T>
struct held<T&> {
  using type = std::reference_wrapper<T>;
};
template <>
struct held<void> {
  using type = std::monostate;
};

/// Takes a task's result as something that can be an argument.
template <class T>
decltype(auto) take_result(const task<T>& over) {
  if constexpr (std::is_void_v<T>) {
    over.frame().promise().take();
    return std::monostate{};
  } else {
    return over.frame().promise().take();
  }
}

}  // namespace treadle::coro::detail
