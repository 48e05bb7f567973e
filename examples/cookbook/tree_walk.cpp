// Walks a tree whose shape nobody knows before: each node is a child of one scope, and its children are children, too.
#include <treadle/treadle.hpp>

#include <atomic>
#include <cstdio>
#include <memory>
#include <vector>

struct node : treadle::scope_task {  // the node itself is the work: the walk allocates nothing
  node() noexcept : scope_task(&visit) {}
  static void visit(scope_task& child, treadle::worker& self, const treadle::stop_token& stop);

  int value = 1;
  std::vector<std::unique_ptr<node>> below;
  struct walk* of = nullptr;
};

struct walk {
  treadle::scope scope;
  std::atomic<int> sum{0};
};

void node::visit(scope_task& child, treadle::worker&, const treadle::stop_token&) {
  node& self = static_cast<node&>(child);
  for (const std::unique_ptr<node>& each : self.below) each->of = self.of;
  for (const std::unique_ptr<node>& each : self.below) self.of->scope.spawn(*each);
  self.of->sum.fetch_add(self.value, std::memory_order_relaxed);
}

std::unique_ptr<node> make_tree(int depth) {
  auto root = std::make_unique<node>();
  for (int i = 0; i < depth; ++i) root->below.push_back(make_tree(i));
  return root;
}

int main() {
  const std::unique_ptr<node> root = make_tree(12);  // 2^12 nodes, deep here and flat there
  walk w{treadle::scope(treadle::default_pool())};
  root->of = &w;
  w.scope.spawn(*root);
  w.scope.wait();
  std::printf("%d nodes\n", w.sum.load());
  return w.sum.load() == 4096 ? 0 : 1;
}
