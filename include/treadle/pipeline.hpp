#pragma once

#include <treadle/detail/context.hpp>
#include <treadle/detail/pipeline_core.hpp>
#include <treadle/stop_token.hpp>
#include <treadle/thread_pool.hpp>
#include <treadle/worker.hpp>

#include <concepts>
#include <cstddef>
#include <functional>
#include <memory>
#include <optional>
#include <tuple>
#include <type_traits>
#include <utility>
#include <vector>

namespace treadle {

namespace detail {

template <stage_kind Kind, class F>
struct pipeline_stage {
  static constexpr stage_kind kind = Kind;
  F function;
};

template <class T>
inline constexpr stage_kind kind_of_stage = stage_kind::parallel;
template <stage_kind Kind, class F>
inline constexpr stage_kind kind_of_stage<pipeline_stage<Kind, F>> = Kind;

template <class F>
F& function_of(F& bare) noexcept {
  return bare;
}
template <stage_kind Kind, class F>
F& function_of(pipeline_stage<Kind, F>& stage) noexcept {
  return stage.function;
}
template <stage_kind Kind, class F>
const F& function_of(const pipeline_stage<Kind, F>& stage) noexcept {
  return stage.function;
}

template <class F, class Item>
decltype(auto) call_stage(F& function, Item&& item) {
  if constexpr (std::is_invocable_v<F&, worker&, Item>) {
    return std::invoke(function, current_worker(), std::forward<Item>(item));
  } else {
    return std::invoke(function, std::forward<Item>(item));
  }
}

/// The items that one token may hold, one for each stage.
template <class Item, class... Stages>
struct stage_items {
  using type = std::tuple<>;
};
template <class Item, class First, class... More>
struct stage_items<Item, First, More...> {
  using result = std::decay_t<decltype(call_stage(function_of(std::declval<First&>()), std::declval<Item>()))>;
  static_assert(sizeof...(More) == 0 || !std::is_void_v<result>, "a stage that is not the last must return an item");
  using type = decltype(std::tuple_cat(std::declval<std::tuple<std::optional<Item>>>(),
                                       std::declval<typename stage_items<result, More...>::type>()));
};

template <class Source>
using source_item = typename std::decay_t<decltype(call_on_worker(std::declval<Source&>()))>::value_type;

/// A pipeline with its callables, which lie with the caller: a worker that is late touches the core only.
template <class Source, class... Stages>
class typed_pipeline final : public pipeline_core {
  using items = typename stage_items<source_item<Source>, Stages...>::type;

 public:
  typed_pipeline(std::size_t tokens, const stop_token* stop, Source& source, Stages&... stages)
      : pipeline_core(tokens, {kind_of_stage<std::remove_const_t<Stages>>...}, stop),
        source_(source),
        stages_(stages...),
        items_(tokens != 0 ? tokens : 1) {}

 private:
  bool pull(std::size_t token) override {
    auto given = call_on_worker(source_);
    if (!given.has_value()) return false;
    std::get<0>(items_[token]).emplace(*std::move(given));
    return true;
  }

  void step(std::size_t stage, std::size_t token) override {
    [&]<std::size_t... Is>(std::index_sequence<Is...>) {
      static_cast<void>(((Is == stage && (step_of<Is>(items_[token]), true)) || ...));
    }
    (std::index_sequence_for<Stages...>());
  }

  template <std::size_t Stage>
  void step_of(items& held) {
    auto& item = std::get<Stage>(held);
    struct emptied {
      decltype(item) held_item;
      ~emptied() { held_item.reset(); }
    };
    const emptied after{item};
    auto& function = function_of(std::get<Stage>(stages_));
    if constexpr (Stage + 1 == sizeof...(Stages)) {
      static_cast<void>(call_stage(function, std::move(*item)));
    } else {
      std::get<Stage + 1>(held).emplace(call_stage(function, std::move(*item)));
    }
  }

  Source& source_;
  std::tuple<Stages&...> stages_;
  std::vector<items> items_;
};

template <class Source, class... Stages>
void run_pipeline(worker& self, std::size_t tokens, const stop_token* stop, Source& source, Stages&... stages) {
  std::make_shared<typed_pipeline<Source, Stages...>>(tokens, stop, source, stages...)->run(self);
}

template <class Source>
concept pipeline_source = std::is_invocable_v<Source&, worker&> || std::is_invocable_v<Source&>;

}  // namespace detail

/// Makes a stage that takes any number of items at once, as a bare callable does. It is called as `f(item)` or
/// `f(worker&, item)` with an item that it may move from.
template <class F>
[[nodiscard]] auto parallel(F&& function) {
  return detail::pipeline_stage<detail::stage_kind::parallel, std::decay_t<F>>{std::forward<F>(function)};
}
/// Makes a stage that takes one item at a time, in the order in which the source gave them.
template <class F>
[[nodiscard]] auto in_order(F&& function) {
  return detail::pipeline_stage<detail::stage_kind::in_order, std::decay_t<F>>{std::forward<F>(function)};
}
/// Makes a stage that takes one item at a time, in the order in which they come.
template <class F>
[[nodiscard]] auto one_at_a_time(F&& function) {
  return detail::pipeline_stage<detail::stage_kind::one_at_a_time, std::decay_t<F>>{std::forward<F>(function)};
}

/// Takes all that `source` gives, a std::optional a call and none at the end, through the stages; returns when all of
/// it is through. At most `max_tokens` items are under way at a time. `self` is the worker that calls: it works along,
/// and blocks as `blocking` does once all that is left is in other workers' hands.
///
/// The source is called by one worker at a time, and what one call of it or of a stage that takes one at a time does is
/// seen by the next. An item that comes early to such a stage is put aside, and no worker waits with it. After a throw
/// the source is not called again, what is under way goes on to the end, and the first exception is rethrown.
/// Allocates once for its tokens, and once whenever another worker is called in. No stage may wait for a later item.
template <detail::pipeline_source Source, class... Stages>
requires(sizeof...(Stages) > 0) void pipeline(worker& self, std::size_t max_tokens, Source&& source,
                                              Stages&&... stages) {
  detail::run_pipeline(self, max_tokens, nullptr, source, stages...);
}
/// The same on a pool: from outside it blocks, on one of its own workers it goes on there.
template <detail::pipeline_source Source, class... Stages>
requires(sizeof...(Stages) > 0) void pipeline(thread_pool& pool, std::size_t max_tokens, Source&& source,
                                              Stages&&... stages) {
  pool.run([&](worker& self) { detail::run_pipeline(self, max_tokens, nullptr, source, stages...); });
}
/// The same, but once a stop is requested the source is not called any more; what is under way goes on to the end, then
/// it throws std::system_error with `errc::cancelled`.
template <detail::pipeline_source Source, class... Stages>
requires(sizeof...(Stages) > 0) void pipeline(worker& self, const stop_token& stop, std::size_t max_tokens,
                                              Source&& source, Stages&&... stages) {
  detail::run_pipeline(self, max_tokens, &stop, source, stages...);
}
template <detail::pipeline_source Source, class... Stages>
requires(sizeof...(Stages) > 0) void pipeline(thread_pool& pool, const stop_token& stop, std::size_t max_tokens,
                                              Source&& source, Stages&&... stages) {
  pool.run([&](worker& self) { detail::run_pipeline(self, max_tokens, &stop, source, stages...); });
}

}  // namespace treadle
