#pragma once

#include "graph_run.hpp"

#include <treadle/detail/graph_node.hpp>
#include <treadle/graph.hpp>

#include <atomic>
#include <cstddef>
#include <exception>
#include <memory>
#include <string>
#include <utility>
#include <vector>

namespace treadle::detail {

/// What a graph is made of, and its run.
class graph_core {
 public:
  explicit graph_core(std::string title) : title_(std::move(title)) {}
  ~graph_core();
  graph_core(const graph_core&) = delete;
  graph_core& operator=(const graph_core&) = delete;

  graph_node& append(std::unique_ptr<graph_node> made, graph& owner);
  void connect(graph_node& earlier, graph_node& later);

  /// Begins a run if there is anything to run. Throws why it may not. `takes_part`: as for graph_run.
  void launch(thread_pool& pool, const graph_order& order, bool takes_part);
  void wait();

  [[nodiscard]] bool is_running() const noexcept { return running_.load(std::memory_order_acquire); }  // E-GRAPH
  [[nodiscard]] const std::vector<std::unique_ptr<graph_node>>& nodes() const noexcept { return plan_.nodes; }
  [[nodiscard]] const std::string& title() const noexcept { return title_; }
  [[nodiscard]] std::string dot() const;

 private:
  [[noreturn]] void refuse(errc why, const std::string& details = {}) const;
  void claim();
  void release() noexcept { running_.store(false, std::memory_order_release); }  // E-GRAPH
  void make_plan();
  void adopt(thread_pool& pool);
  /// Returns the nodes of a circle of steps, in order from the one that was added first; none if there is no circle.
  [[nodiscard]] std::vector<const graph_node*> find_cycle() const;

  const std::string title_;
  graph_plan plan_;
  bool changed_ = false;  ///< the plan is older than the nodes
  graph_run* run_ = nullptr;
  std::atomic<bool> running_{false};
};

}  // namespace treadle::detail
