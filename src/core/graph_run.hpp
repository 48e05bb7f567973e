#pragma once

#include <treadle/detail/crew.hpp>
#include <treadle/detail/event.hpp>
#include <treadle/detail/graph_node.hpp>
#include <treadle/detail/internal_task.hpp>
#include <treadle/detail/system_policy.hpp>
#include <treadle/graph.hpp>
#include <treadle/thread_pool.hpp>

#include <atomic>
#include <cstdint>
#include <exception>
#include <memory>
#include <system_error>
#include <utility>
#include <vector>

namespace treadle::detail {

/// A graph's steps as a run needs them: checked, and in the state in which a round begins.
struct graph_plan {
  std::vector<std::unique_ptr<graph_node>> nodes;
  std::vector<graph_node*> sources;
  bool repeats = false;      ///< there are branches: a node may run more than once a round, or not at all
  bool must_refill = false;  ///< the last run was cut short: counts of arrivals are not full
};

/// The runs of one graph on one pool, one at a time. Made by the graph; freed by the last of the graph and its tickets,
/// which may lie in the pool's queues when the graph is gone.
class graph_run {
 public:
  graph_run(thread_pool& pool, std::uint32_t width);
  graph_run(const graph_run&) = delete;
  graph_run& operator=(const graph_run&) = delete;

  [[nodiscard]] bool is_for(thread_pool& pool, std::uint32_t width) const noexcept {
    return &pool_ == &pool && width_ == width;
  }
  [[nodiscard]] thread_pool& pool() const noexcept { return pool_; }

  /// Begins a run; returns why the pool refuses it. `plan` outlives the run. `takes_part`: the caller, inside the pool,
  /// runs what is ready, and waits next.
  [[nodiscard]] std::error_code begin(graph_plan& plan, const graph_order& order, bool takes_part) noexcept;
  /// Waits until the run is over: inside the pool by running what is ready of it.
  void wait() noexcept { pool_.core().is_inside() ? wait_inside() : wait_outside(); }
  /// Says whether the run failed or was cut short. After `wait`.
  [[nodiscard]] bool has_failed() const noexcept { return stopping_.load(std::memory_order_relaxed); }
  /// Returns what the run has thrown; null if it was cut short by a stop or a cancel. After `wait`.
  [[nodiscard]] std::exception_ptr take_error() noexcept { return std::exchange(error_, nullptr); }
  /// The graph lets go.
  static void close(graph_run* self) noexcept;

 private:
  struct ticket final : internal_task {
    ticket() noexcept : internal_task(ops, site_word::of_label("<graph>")) {}
    static void run(internal_task* called) noexcept;
    static bool cancel(internal_task* called) noexcept;
    static constexpr operations ops{&run, &cancel};

    graph_run* crew_of = nullptr;
    system_policy::plain<ticket*> next_idle{};
  };
  using crew_type = crew<system_policy, graph_node, ticket>;
  using orders = crew_type::orders;

  /// Nodes that a ticket runs before it goes to the end of the pool's queue.
  static constexpr std::uint32_t turn = 61;

  ~graph_run() = default;
  void work(orders now, ticket* by) noexcept;
  orders follow(graph_node& first, ticket* by, std::uint32_t& turns) noexcept;
  void run_node(graph_node& node, crew_type::list& made) noexcept;
  void release_successors(graph_node& node, std::size_t chosen, crew_type::list& made) noexcept;
  orders next_round(ticket* by) noexcept;
  bool give_turn_away(graph_node& next, ticket& by) noexcept;
  crew_type::list make_ready() noexcept;
  void queue(ticket* hired) noexcept;
  [[nodiscard]] bool must_stop() noexcept;
  void fail(std::exception_ptr error) noexcept;
  [[nodiscard]] bool nobody_comes(bool& nobody_came) noexcept;
  void wait_inside() noexcept;
  void wait_outside() noexcept;

  thread_pool& pool_;
  const std::uint32_t width_;
  crew_type crew_;
  event<system_policy> over_;
  graph_plan* plan_ = nullptr;
  graph_order order_;
  std::atomic<bool> stopping_{false};  ///< whoever sets it notes why; the crew's lock brings that to the waiter
  std::exception_ptr error_;           ///< null while stopping: cancelled
  const std::unique_ptr<ticket[]> tickets_;
};

}  // namespace treadle::detail
