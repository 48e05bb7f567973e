#include "graph_core.hpp"

#include <treadle/detail/pool_core.hpp>
#include <treadle/errc.hpp>
#include <treadle/graph.hpp>

#include <algorithm>
#include <cstdint>
#include <system_error>

namespace treadle::detail {

graph_node::~graph_node() = default;

// ---- building -----------------------------------------------------------------------------------------------------

void graph_core::refuse(errc why, const std::string& details) const {
  std::string what = "treadle::graph";
  if (!title_.empty()) what += " " + title_;
  if (!details.empty()) what += ": " + details;
  throw std::system_error(make_error_code(why), what);
}

graph_node& graph_core::append(std::unique_ptr<graph_node> made, graph& owner) {
  if (is_running()) refuse(errc::graph_is_running);
  made->owner = &owner;
  made->index = plan_.nodes.size();
  plan_.nodes.push_back(std::move(made));
  changed_ = true;
  return *plan_.nodes.back();
}

void graph_core::connect(graph_node& earlier, graph_node& later) {
  if (is_running()) refuse(errc::graph_is_running);
  if (earlier.owner != later.owner) refuse(errc::foreign_node, earlier.title() + " -> " + later.title());
  earlier.successors.push_back(&later);
  changed_ = true;
}

// ---- checking -----------------------------------------------------------------------------------------------------

std::vector<const graph_node*> graph_core::find_cycle() const {
  // Kahn's algorithm: takes away, again and again, what nothing is before.
  std::vector<std::uint32_t> before(nodes().size());
  const auto for_each_step = [](const graph_node& node, auto&& f) {
    if (node.is_branch()) return;
    for (const graph_node* const later : node.successors) f(*later);
  };
  for (const auto& each : nodes()) {
    for_each_step(*each, [&](const graph_node& later) { ++before[later.index]; });
  }
  std::vector<const graph_node*> free;
  for (const auto& each : nodes()) {
    if (before[each->index] == 0) free.push_back(each.get());
  }
  for (std::size_t at = 0; at < free.size(); ++at) {
    for_each_step(*free[at], [&](const graph_node& later) {
      if (--before[later.index] == 0) free.push_back(&later);
    });
  }
  if (free.size() == nodes().size()) return {};
  // Each of the rest has one of the rest before it: walking back from any leads into a circle.
  std::vector<const graph_node*> predecessor(nodes().size(), nullptr);
  const graph_node* at = nullptr;
  for (const auto& each : nodes()) {
    if (before[each->index] == 0) continue;
    at = each.get();
    for_each_step(*each, [&](const graph_node& later) { predecessor[later.index] = each.get(); });
  }
  std::vector<bool> seen(nodes().size(), false);
  for (; !seen[at->index]; at = predecessor[at->index]) seen[at->index] = true;
  std::vector<const graph_node*> cycle{at};
  for (const graph_node* each = predecessor[at->index]; each != at; each = predecessor[each->index]) {
    cycle.push_back(each);
  }
  std::reverse(cycle.begin(), cycle.end());
  const auto first =
      std::min_element(cycle.begin(), cycle.end(), [](const auto* a, const auto* b) { return a->index < b->index; });
  std::rotate(cycle.begin(), first, cycle.end());
  return cycle;
}

namespace {

/// Returns the names in the circle, some of them if it is long.
std::string circle(const std::vector<const graph_node*>& cycle) {
  constexpr std::size_t at_most = 40, at_the_end = 4;
  std::string text;
  for (std::size_t i = 0; i < cycle.size(); ++i) {
    if (cycle.size() > at_most && i == at_most - at_the_end) {
      i = cycle.size() - at_the_end;
      text += "... -> ";
    }
    text += cycle[i]->title() + " -> ";
  }
  return text + cycle.front()->title();
}

}  // namespace

void graph_core::make_plan() {
  if (!changed_) return;
  if (const auto cycle = find_cycle(); !cycle.empty()) refuse(errc::graph_cycle, circle(cycle));
  struct degrees {
    std::uint32_t steps = 0, branches = 0;
  };
  std::vector<degrees> before(nodes().size());
  bool repeats = false;
  for (const auto& each : nodes()) {
    repeats |= each->is_branch();
    for (const graph_node* const later : each->successors) {
      ++(each->is_branch() ? before[later->index].branches : before[later->index].steps);
    }
  }
  std::vector<graph_node*> sources;
  for (const auto& each : nodes()) {
    const degrees& of = before[each->index];
    each->predecessors.arm(of.steps);
    if (of.steps == 0 && of.branches == 0) sources.push_back(each.get());
  }
  if (sources.empty()) refuse(errc::graph_has_no_source);
  plan_.sources = std::move(sources);
  plan_.repeats = repeats;
  changed_ = false;
}

// ---- running ------------------------------------------------------------------------------------------------------

graph_core::~graph_core() {
  if (is_running()) {
    if (run_->pool().core().is_inherited()) return;  // what runs it is in the parent process
    run_->wait();
    if (const std::exception_ptr uncollected = run_->take_error()) {
      run_->pool().core().report_unhandled(uncollected);
    }
  }
  if (run_ != nullptr) graph_run::close(run_);
}

void graph_core::claim() {
  if (running_.exchange(true, std::memory_order_acquire)) refuse(errc::graph_is_running);  // E-GRAPH
}

void graph_core::adopt(thread_pool& pool) {
  const std::uint32_t width = std::max(pool.worker_limit(), 1U);
  if (run_ != nullptr && run_->is_for(pool, width)) return;
  auto* const fresh = new graph_run(pool, width);
  if (run_ != nullptr) graph_run::close(run_);
  run_ = fresh;
}

void graph_core::launch(thread_pool& pool, const graph_order& order, bool takes_part) {
  claim();
  try {
    if (nodes().empty()) {
      release();
      return;
    }
    make_plan();
    adopt(pool);
    if (const std::error_code refused = run_->begin(plan_, order, takes_part && pool.core().is_inside())) {
      throw std::system_error(refused, "treadle::graph: refused by the pool");
    }
  } catch (...) {
    release();
    throw;
  }
}

void graph_core::wait() {
  if (!is_running()) return;
  if (run_->pool().core().is_inherited()) refuse(errc::inherited_by_fork);
  run_->wait();
  const bool failed = run_->has_failed();
  const std::exception_ptr thrown = run_->take_error();
  plan_.must_refill = failed;
  release();
  if (thrown != nullptr) std::rethrow_exception(thrown);
  if (failed) refuse(errc::cancelled, "steps were skipped");
}

}  // namespace treadle::detail

// ---- the public face ------------------------------------------------------------------------------------------------

namespace treadle {

namespace {

class graph_in_graph final : public detail::graph_node {
 public:
  graph_in_graph(std::string name, graph& inner) : graph_node(kind::subgraph, std::move(name)), inner_(inner) {}
  std::size_t invoke(worker& self, const stop_token* stop) override {
    stop != nullptr ? inner_.run(self.pool(), *stop) : inner_.run(self.pool());
    return no_choice;
  }
  [[nodiscard]] const graph* inner() const noexcept override { return &inner_; }

 private:
  graph& inner_;
};

}  // namespace

graph::graph(std::string name) : core_(std::make_unique<detail::graph_core>(std::move(name))) {}
graph::~graph() = default;

void graph::node::connect(detail::graph_node& earlier, detail::graph_node& later) {
  earlier.owner->core_->connect(earlier, later);
}

graph::node graph::append(std::unique_ptr<detail::graph_node> made) {
  return node(core_->append(std::move(made), *this));
}

graph::node graph::add_graph(std::string name, graph& inner) {
  return append(std::make_unique<graph_in_graph>(std::move(name), inner));
}

void graph::run_order(thread_pool& pool, const detail::graph_order& order) {
  core_->launch(pool, order, true);
  core_->wait();
}

void graph::start_order(thread_pool& pool, const detail::graph_order& order) { core_->launch(pool, order, false); }

void graph::run_times(thread_pool& pool, std::size_t times, const stop_token* stop) {
  if (times == 0) return;
  run_order(
      pool,
      {.again = [](void* left) { return --*static_cast<std::size_t*>(left) != 0; }, .context = &times, .stop = stop});
}

void graph::wait() { core_->wait(); }
bool graph::is_running() const noexcept { return core_->is_running(); }
std::size_t graph::size() const noexcept { return core_->nodes().size(); }
const std::string& graph::name() const noexcept { return core_->title(); }
std::string graph::dot() const { return core_->dot(); }

}  // namespace treadle
