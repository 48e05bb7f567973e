#pragma once

#include <treadle/coro/channel.hpp>
#include <treadle/coro/detail/selection.hpp>

#include <array>
#include <concepts>
#include <coroutine>
#include <cstddef>
#include <optional>
#include <tuple>
#include <utility>
#include <variant>

namespace treadle::coro {

/// What `select` returns.
template <class... Operations>
class [[nodiscard]] selected {
 public:
  using result = std::variant<typename Operations::result...>;

  explicit selected(Operations&&... operations) noexcept
      : parts_(operations.begin(selection_.state())...),
        all_(std::apply(
            [](auto&... each) { return std::array<detail::channel_part*, sizeof...(Operations)>{&each...}; }, parts_)) {
  }
  bool await_ready() noexcept { return selection_.try_now(all_); }
  template <std::derived_from<detail::promise_base> Promise>
  bool await_suspend(std::coroutine_handle<Promise> waiting) noexcept {
    return selection_.suspend(waiting, all_);
  }
  result await_resume() {
    const std::size_t chosen = selection_.settle(all_);
    if (chosen == detail::selection::nobody) detail::throw_cancelled();
    return take(chosen, std::index_sequence_for<Operations...>{});
  }

 private:
  template <std::size_t... I>
  result take(std::size_t chosen, std::index_sequence<I...>) {
    std::optional<result> taken;
    ((chosen == I ? static_cast<void>(taken.emplace(std::in_place_index<I>, std::get<I>(parts_).result())) : void()),
     ...);
    return std::move(*taken);
  }

  detail::selection selection_;
  std::tuple<typename Operations::part...> parts_;
  std::array<detail::channel_part*, sizeof...(Operations)> all_;
};

/// Waits until one of several operations, `a.receive()` or `b.send(item)`, can be done, and does that one and no other;
/// of several that can be done at once, the one named first. The index of the variant says which it was, its value is
/// that operation's result: an item or none from `receive`, whether it was let in from `send`. The items of those not
/// done are gone. Throws `errc::cancelled`, with nothing done, if the coroutine was asked to stop before.
template <class... Operations>
requires(sizeof...(Operations) > 0) selected<Operations...> select(Operations... operations)
noexcept { return selected<Operations...>(std::move(operations)...); }

}  // namespace treadle::coro
