#pragma once

#include <treadle/coro/detail/branches.hpp>
#include <treadle/coro/detail/frame_cache.hpp>
#include <treadle/coro/task.hpp>

#include <array>
#include <cstddef>
#include <optional>
#include <tuple>
#include <type_traits>
#include <utility>
#include <variant>
#include <vector>

namespace treadle::coro {

/// What `when_any(task...)` returns.
template <class... Ts>
class [[nodiscard]] any_of : public detail::branch_group {
 public:
  using result = std::variant<typename detail::held<Ts>::type...>;

  explicit any_of(task<Ts>&&... bodies) noexcept
      : branch_group(detail::stops_others::always), bodies_(std::move(bodies)...) {
    adopt(branches_.data(), sizeof...(Ts));
    bind_all(std::index_sequence_for<Ts...>{});
  }
  result await_resume() {
    std::optional<result> taken;
    take(settle(), taken, std::index_sequence_for<Ts...>{});
    return std::move(*taken);
  }

 private:
  template <std::size_t... I>
  void bind_all(std::index_sequence<I...>) noexcept {
    (bind(I, std::get<I>(bodies_)), ...);
  }
  template <std::size_t... I>
  void take(std::size_t first, std::optional<result>& taken, std::index_sequence<I...>) {
    ((first == I ? static_cast<void>(taken.emplace(std::in_place_index<I>, detail::take_result(std::get<I>(bodies_))))
                 : void()),
     ...);
  }

  std::array<detail::branch, sizeof...(Ts)> branches_;
  std::tuple<task<Ts>...> bodies_;
};

/// Which task of a vector was the first, and its result.
template <class T>
struct first_result {
  std::size_t index = 0;
  T value;
};

/// What `when_any(std::vector<task>)` returns.
template <class T>
class [[nodiscard]] any_of_range : public detail::branch_group {
 public:
  explicit any_of_range(std::vector<task<T>>&& bodies)
      : branch_group(detail::stops_others::always), branches_(bodies.size()), bodies_(std::move(bodies)) {
    adopt(branches_.data(), branches_.size());
    for (std::size_t i = 0; i < bodies_.size(); ++i) bind(i, bodies_[i]);
  }
  first_result<typename detail::held<T>::type> await_resume() {
    const std::size_t first = settle();
    return {first, detail::take_result(bodies_[first])};
  }

 private:
  std::vector<detail::branch, detail::frame_allocator<detail::branch>> branches_;
  std::vector<task<T>> bodies_;
};

/// Runs all tasks at the same time, as `when_all` does. The first that is over, by a result or by a throw, has decided:
/// the others are asked to stop, and awaited, so nothing of them runs any more when this returns. Gives the result of
/// the first as the alternative of a variant (void as std::monostate, a reference in a std::reference_wrapper), or
/// rethrows.
template <class... Ts>
requires(sizeof...(Ts) > 0) any_of<Ts...> when_any(task<Ts>... bodies)
noexcept { return any_of<Ts...>(std::move(bodies)...); }

/// The same for tasks of one kind, at least one. Allocates from the store of frames.
template <class T>
any_of_range<T> when_any(std::vector<task<T>> bodies) {
  TREADLE_ASSERT(!bodies.empty(), 0, 0);
  return any_of_range<T>(std::move(bodies));
}

}  // namespace treadle::coro
