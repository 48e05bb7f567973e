#pragma once

#include <treadle/coro/detail/branches.hpp>
#include <treadle/coro/detail/frame_cache.hpp>
#include <treadle/coro/task.hpp>

#include <array>
#include <cstddef>
#include <tuple>
#include <type_traits>
#include <utility>
#include <vector>

namespace treadle::coro {

/// What `when_all(task...)` returns.
template <class... Ts>
class [[nodiscard]] all_of : public detail::branch_group {
 public:
  explicit all_of(task<Ts>&&... bodies) noexcept
      : branch_group(detail::stops_others::after_failure), bodies_(std::move(bodies)...) {
    adopt(branches_.data(), sizeof...(Ts));
    bind_all(std::index_sequence_for<Ts...>{});
  }
  auto await_resume() {
    const std::size_t failed = settle();
    return take(failed, std::index_sequence_for<Ts...>{});
  }

 private:
  template <std::size_t... I>
  void bind_all(std::index_sequence<I...>) noexcept {
    (bind(I, std::get<I>(bodies_)), ...);
  }
  template <std::size_t... I>
  auto take(std::size_t failed, std::index_sequence<I...>) {
    ((failed == I ? static_cast<void>(std::get<I>(bodies_).frame().promise().take()) : void()), ...);
    if constexpr (!(std::is_void_v<Ts> && ...)) {
      using results = std::tuple<std::conditional_t<std::is_reference_v<Ts>, Ts, typename detail::held<Ts>::type>...>;
      return results(detail::take_result(std::get<I>(bodies_))...);
    }
  }

  std::array<detail::branch, sizeof...(Ts)> branches_;
  std::tuple<task<Ts>...> bodies_;
};

/// What `when_all(std::vector<task>)` returns.
template <class T>
class [[nodiscard]] all_of_range : public detail::branch_group {
 public:
  static_assert(!std::is_reference_v<T>, "a vector holds no references");

  explicit all_of_range(std::vector<task<T>>&& bodies)
      : branch_group(detail::stops_others::after_failure), branches_(bodies.size()), bodies_(std::move(bodies)) {
    adopt(branches_.data(), branches_.size());
    for (std::size_t i = 0; i < bodies_.size(); ++i) bind(i, bodies_[i]);
  }
  auto await_resume() {
    const std::size_t failed = settle();
    if (failed != nobody) static_cast<void>(bodies_[failed].frame().promise().take());
    if constexpr (!std::is_void_v<T>) {
      std::vector<T> results;
      results.reserve(bodies_.size());
      for (const task<T>& each : bodies_) results.push_back(each.frame().promise().take());
      return results;
    }
  }

 private:
  std::vector<detail::branch, detail::frame_allocator<detail::branch>> branches_;
  std::vector<task<T>> bodies_;
};

/// Runs all tasks at the same time, each in a flow of its own with a copy of the awaiting coroutine's locals, and
/// awaits them all. Results come as a tuple: a reference stays one, void becomes std::monostate, all void become
/// nothing. After a throw the others are asked to stop, and awaited; then what was thrown first is rethrown. A
/// request to stop reaches them all.
template <class... Ts>
all_of<Ts...> when_all(task<Ts>... bodies) noexcept {
  return all_of<Ts...>(std::move(bodies)...);
}

/// The same for any number of tasks of one kind. Results come as a vector, in the order of the tasks. Allocates for
/// them and, from the store of frames, for the flows.
template <class T>
all_of_range<T> when_all(std::vector<task<T>> bodies) {
  return all_of_range<T>(std::move(bodies));
}

}  // namespace treadle::coro
