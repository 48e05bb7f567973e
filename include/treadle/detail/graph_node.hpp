#pragma once

#include <treadle/config.hpp>
#include <treadle/detail/arrivals.hpp>
#include <treadle/detail/context.hpp>
#include <treadle/detail/system_policy.hpp>
#include <treadle/stop_token.hpp>
#include <treadle/worker.hpp>

#include <concepts>
#include <cstddef>
#include <cstdint>
#include <string>
#include <type_traits>
#include <utility>
#include <vector>

namespace treadle {
class graph;
}

namespace treadle::detail {

/// One step of a graph, without its callable's type. The graph owns it.
class TREADLE_EXPORT graph_node {
 public:
  static constexpr std::size_t no_choice = SIZE_MAX;
  enum class kind : std::uint8_t { step, branch, subgraph };

  graph_node(kind what, std::string title) : title_of(std::move(title)), is(what) {}
  virtual ~graph_node();
  graph_node(const graph_node&) = delete;
  graph_node& operator=(const graph_node&) = delete;

  /// Calls the callable. Returns the number of the successor to run, if it is a branch. `stop`: that of the run, or
  /// null.
  virtual std::size_t invoke(worker& self, const stop_token* stop) = 0;
  /// Returns the graph that the node runs, or null.
  [[nodiscard]] virtual const graph* inner() const noexcept { return nullptr; }

  [[nodiscard]] bool is_branch() const noexcept { return is == kind::branch; }
  /// Returns the node's name; its number where it has none.
  [[nodiscard]] std::string title() const { return title_of.empty() ? "#" + std::to_string(index) : title_of; }

  system_policy::plain<graph_node*> ready_next{};
  system_policy::plain<std::uint32_t> owed{};  ///< runs that it is ready for, the present one included; if nodes repeat
  arrivals<system_policy> predecessors;        ///< those that are no branches
  std::vector<graph_node*> successors;
  std::string title_of;
  graph* owner = nullptr;
  std::size_t index = 0;
  const kind is;
};

template <class F, class... Arguments>
using step_result = std::invoke_result_t<std::decay_t<F>&, Arguments...>;

template <class F>
concept any_step = std::is_invocable_v < std::decay_t<F>
&, worker& > || std::is_invocable_v<std::decay_t<F>&>;

/// A callable without a result, which may take the worker it runs on.
template <class F>
concept graph_step = any_step<F> && std::is_void_v < result_on_worker < std::decay_t<F>
& >> ;

/// The same with a number as its result.
template <class F>
concept graph_branch = any_step<F> && std::integral < result_on_worker < std::decay_t<F>
& >> ;

template <class F>
class callable_node final : public graph_node {
 public:
  template <class Callable>
  callable_node(kind what, std::string title, Callable&& callable)
      : graph_node(what, std::move(title)), function_(std::forward<Callable>(callable)) {}

  std::size_t invoke(worker& self, const stop_token* /*stop*/) override {
    const auto call = [&]() -> decltype(auto) {
      if constexpr (takes_worker<F&>) {
        return function_(self);
      } else {
        return function_();
      }
    };
    if constexpr (std::is_void_v<decltype(call())>) {
      call();
      return no_choice;
    } else {
      const auto chosen = static_cast<long long>(call());
      return chosen < 0 ? no_choice : static_cast<std::size_t>(chosen);
    }
  }

 private:
  F function_;
};

}  // namespace treadle::detail
