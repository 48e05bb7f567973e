#pragma once

#include <treadle/detail/system_policy.hpp>
#include <treadle/scope_task.hpp>
#include <treadle/stop_token.hpp>
#include <treadle/worker.hpp>

#include <atomic>
#include <cstddef>
#include <functional>
#include <iterator>
#include <memory>
#include <type_traits>
#include <utility>
#include <vector>

namespace treadle::detail {

template <class F, class... Args>
inline constexpr bool is_child =
    std::is_invocable_v<F&, Args..., worker&, const stop_token&> || std::is_invocable_v<F&, Args..., worker&> ||
    std::is_invocable_v<F&, Args..., const stop_token&> || std::is_invocable_v<F&, Args...>;

/// Calls `f(args...)`, with the worker, the token or both behind if it takes them.
template <class F, class... Args>
void call_child(F& f, worker& self, const stop_token& stop, Args&&... args) {
  if constexpr (std::is_invocable_v<F&, Args..., worker&, const stop_token&>) {
    static_cast<void>(std::invoke(f, std::forward<Args>(args)..., self, stop));
  } else if constexpr (std::is_invocable_v<F&, Args..., worker&>) {
    static_cast<void>(std::invoke(f, std::forward<Args>(args)..., self));
  } else if constexpr (std::is_invocable_v<F&, Args..., const stop_token&>) {
    static_cast<void>(std::invoke(f, std::forward<Args>(args)..., stop));
  } else {
    static_cast<void>(std::invoke(f, std::forward<Args>(args)...));
  }
}

/// A callable and its child in one allocation; gone after its one call.
template <class F>
class spawned final : public scope_task {
 public:
  template <class Callable>
  requires(!std::is_same_v<std::remove_cvref_t<Callable>, spawned>) explicit spawned(Callable&& callable)
      : scope_task(&run, &discard), function_(std::forward<Callable>(callable)) {}

 private:
  static void run(scope_task& child, worker& self, const stop_token& stop) {
    const std::unique_ptr<spawned> called(static_cast<spawned*>(&child));
    call_child(called->function_, self, stop);
  }
  static void discard(scope_task& child) noexcept { delete static_cast<spawned*>(&child); }

  F function_;
};

/// One callable and a child for each element of a range; gone after the last child.
template <class F, class Iterator>
class spawned_range {
 public:
  template <class Callable>
  spawned_range(Callable&& callable, Iterator first, Iterator last)
      : function_(std::forward<Callable>(callable)), elements_(count(first, last)), left_(elements_.size()) {
    for (element& each : elements_) {
      each.range = this;
      each.at = first++;
      if (&each != elements_.data()) (&each - 1)->next.store(&each, std::memory_order_relaxed);
    }
  }

  [[nodiscard]] scope_task* first() noexcept { return elements_.data(); }
  [[nodiscard]] scope_task* last() noexcept { return &elements_.back(); }
  [[nodiscard]] std::size_t size() const noexcept { return elements_.size(); }

 private:
  struct element final : scope_task {
    element() noexcept : scope_task(&run, &discard) {}
    spawned_range* range = nullptr;
    Iterator at{};
  };

  static std::size_t count(Iterator first, Iterator last) {
    return static_cast<std::size_t>(std::distance(first, last));
  }
  static void run(scope_task& child, worker& self, const stop_token& stop) {
    auto& called = static_cast<element&>(child);
    const std::unique_ptr<spawned_range, leaver> leave(called.range);
    call_child(called.range->function_, self, stop, *called.at);
  }
  static void discard(scope_task& child) noexcept { leaver{}(static_cast<element&>(child).range); }

  struct leaver {
    void operator()(spawned_range* range) const noexcept {
      if (range->left_.fetch_sub(1, std::memory_order_acq_rel) == 1) delete range;  // E-SCOPE
    }
  };

  F function_;
  std::vector<element> elements_;
  system_policy::atomic<std::size_t> left_;
};

}  // namespace treadle::detail
