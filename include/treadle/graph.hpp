#pragma once

#include <treadle/config.hpp>
#include <treadle/detail/graph_node.hpp>
#include <treadle/stop_token.hpp>
#include <treadle/thread_pool.hpp>

#include <concepts>
#include <cstddef>
#include <memory>
#include <string>
#include <type_traits>
#include <utility>

namespace treadle {

namespace detail {

class graph_core;

/// How often a graph runs, and what may stop it. All of it outlives the run.
struct graph_order {
  bool (*again)(void*) = nullptr;  ///< asked after each round whether there is one more; null: there is none
  void* context = nullptr;
  const stop_token* stop = nullptr;
};

}  // namespace detail

/// Steps and what comes before what, to be run on a pool any number of times. A step starts when all that precede it
/// are over, and sees what they did; steps that are ready run in parallel, in no promised order. After a branch, only
/// the successor that it chooses starts, whatever else precedes that one; so a branch may lead back, and loop. No step
/// runs beside itself: one that is chosen again while it runs, runs again after that.
///
/// One thread at a time builds it, and not while it runs. It runs once at a time. All members may be called from any
/// thread. Allocates when it is built, at the first run after that, and at the first run on another pool; not
/// otherwise. Must outlive its nodes' handles; a pool must outlive the runs on it. Semantics of branches after
/// Taskflow's condition tasks (Huang et al., 2021); how it works: docs/design/graph.md.
class TREADLE_EXPORT graph {
 public:
  /// A handle on one step, to be copied at will; valid as long as the graph. None of its members blocks. They are for
  /// the thread that builds the graph, and throw std::system_error: `errc::graph_is_running`; `errc::foreign_node` if a
  /// node is another graph's; std::bad_alloc. Then nothing was changed.
  class TREADLE_EXPORT node {
   public:
    /// Lets this step come before each of `later`; returns itself. A branch numbers its successors in the order of
    /// these calls, from 0. Allocates.
    template <std::same_as<node>... Nodes>
    node precede(Nodes... later) const {
      (connect(*state_, *later.state_), ...);
      return *this;
    }
    /// Lets this step come after each of `earlier`; returns itself. Allocates.
    template <std::same_as<node>... Nodes>
    node succeed(Nodes... earlier) const {
      (connect(*earlier.state_, *state_), ...);
      return *this;
    }

    /// Returns the name; `#` and the node's number if it has none.
    [[nodiscard]] std::string name() const { return state_->title(); }
    [[nodiscard]] std::size_t successors() const noexcept { return state_->successors.size(); }
    friend bool operator==(const node&, const node&) = default;

   private:
    friend class graph;
    explicit node(detail::graph_node& state) noexcept : state_(&state) {}
    static void connect(detail::graph_node& earlier, detail::graph_node& later);

    detail::graph_node* state_;
  };

  /// The name is for `dot` and error messages. Allocates.
  explicit graph(std::string name = {});
  /// Waits for a run that was started and not waited for; an exception of that goes to the pool's
  /// `unhandled_exception`.
  ~graph();
  graph(const graph&) = delete;
  graph& operator=(const graph&) = delete;

  /// Adds a step that calls `f()`, or `f(worker&)`, once each time it is run. Allocates. Throws std::bad_alloc, what
  /// moving `f` throws, and std::system_error with `errc::graph_is_running`.
  template <detail::graph_step F>
  node add(std::string name, F&& f) {
    return append(make(detail::graph_node::kind::step, std::move(name), std::forward<F>(f)));
  }
  template <detail::graph_step F>
  node add(F&& f) {
    return add(std::string(), std::forward<F>(f));
  }

  /// Adds a branch: `f()` or `f(worker&)` returns the number of the successor to run. With a number that no successor
  /// has, none runs. Throws as `add` does.
  template <detail::graph_branch F>
  node add_branch(std::string name, F&& f) {
    return append(make(detail::graph_node::kind::branch, std::move(name), std::forward<F>(f)));
  }
  template <detail::graph_branch F>
  node add_branch(F&& f) {
    return add_branch(std::string(), std::forward<F>(f));
  }

  /// Adds a step that runs another graph as a whole, on the same pool and under the same stop token. `inner` must
  /// outlive the runs, and is in no two steps that may run at once. Throws as `add` does.
  node add_graph(std::string name, graph& inner);

  /// Runs the graph once and returns when it is over. Outside of `pool` it blocks; on a worker of it, it runs this
  /// graph's ready nodes here, and nothing else, and then gives its slot away until the others are over.
  /// After a throw, nodes that have not started are skipped, those that have are awaited, and the first exception is
  /// rethrown. Throws std::system_error before anything runs: with what `pool` refuses it for; with
  /// `errc::graph_is_running`; with `errc::graph_cycle` for a cycle without a branch, whose nodes it names;
  /// with `errc::graph_has_no_source` if no node is without a predecessor. With `errc::cancelled` when the pool
  /// was cancelled before the end. The graph may be run again after any of these. An empty graph is over at once.
  void run(thread_pool& pool) { run_order(pool, {}); }
  /// The same; a node before whose start a stop was requested is skipped, and then `errc::cancelled` is thrown.
  void run(thread_pool& pool, const stop_token& stop) { run_order(pool, {.stop = &stop}); }

  /// Runs the graph `times` times, one after the other. Blocks, and throws, as `run` does.
  void run_n(thread_pool& pool, std::size_t times) { run_times(pool, times, nullptr); }
  void run_n(thread_pool& pool, std::size_t times, const stop_token& stop) { run_times(pool, times, &stop); }

  /// Runs the graph again and again until `over()` returns true. It is asked before each run, the first time here and
  /// then on any thread of the pool, never while a node runs; what it throws ends the run. Blocks, and throws, as `run`
  /// does.
  template <std::predicate Predicate>
  void run_until(thread_pool& pool, Predicate&& over) {
    run_while_not(pool, over, nullptr);
  }
  template <std::predicate Predicate>
  void run_until(thread_pool& pool, Predicate&& over, const stop_token& stop) {
    run_while_not(pool, over, &stop);
  }

  /// Starts a run and returns; `wait` must follow before the next. Throws as `run` does, but for what the run itself
  /// throws. Does not block. `stop`, if given, must outlive the run.
  void start(thread_pool& pool) { start_order(pool, {}); }
  void start(thread_pool& pool, const stop_token& stop) { start_order(pool, {.stop = &stop}); }
  /// Waits for the run that was started, as `run` does, and throws what it threw. Returns at once if there is none. One
  /// thread at a time. Throws std::system_error with `errc::inherited_by_fork` for a run of the parent process.
  void wait();

  /// Says whether a run has been started that nobody has waited for to the end.
  [[nodiscard]] bool is_running() const noexcept;
  [[nodiscard]] std::size_t size() const noexcept;
  [[nodiscard]] bool empty() const noexcept { return size() == 0; }
  [[nodiscard]] const std::string& name() const noexcept;

  /// Returns the graph in Graphviz' language, inner graphs as clusters: what a branch leads to is dashed and numbered.
  /// Not while the graph is being built. Allocates.
  [[nodiscard]] std::string dot() const;

 private:
  friend class detail::graph_core;

  template <class F>
  static std::unique_ptr<detail::graph_node> make(detail::graph_node::kind what, std::string name, F&& f) {
    return std::make_unique<detail::callable_node<std::decay_t<F>>>(what, std::move(name), std::forward<F>(f));
  }
  node append(std::unique_ptr<detail::graph_node> made);
  void run_order(thread_pool& pool, const detail::graph_order& order);
  void start_order(thread_pool& pool, const detail::graph_order& order);
  void run_times(thread_pool& pool, std::size_t times, const stop_token* stop);

  template <class Predicate>
  void run_while_not(thread_pool& pool, Predicate& over, const stop_token* stop) {
    if (empty() || over()) return;
    auto* const asked = std::addressof(over);
    run_order(pool, {.again = [](void* context) { return !(**static_cast<decltype(asked)*>(context))(); },
                     .context = const_cast<void*>(static_cast<const void*>(&asked)),
                     .stop = stop});
  }

  const std::unique_ptr<detail::graph_core> core_;
};

}  // namespace treadle
