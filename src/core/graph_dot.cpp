#include "graph_core.hpp"

#include <treadle/graph.hpp>

#include <string>
#include <string_view>

namespace treadle::detail {

namespace {

std::string quoted(std::string_view text) {
  std::string result = "\"";
  for (const char each : text) {
    if (each == '"' || each == '\\') result += '\\';
    if (each == '\n') {
      result += "\\n";
    } else {
      result += each;
    }
  }
  return result + "\"";
}

}  // namespace

/// Writes one graph and, as clusters in it, those that its nodes run. Nodes go by numbers, for names may be the same.
class dot_writer {
 public:
  [[nodiscard]] std::string take(const graph_core& whole, const auto& core_of) {
    text_ = "digraph " + quoted(whole.title()) + " {\n";
    write(whole, core_of, "  ", "n");
    return std::move(text_ += "}\n");
  }

 private:
  void write(const graph_core& of, const auto& core_of, const std::string& indent, const std::string& prefix) {
    const auto id = [&](const graph_node& node) { return prefix + std::to_string(node.index); };
    for (const auto& each : of.nodes()) {
      const bool is_graph = each->is == graph_node::kind::subgraph;
      const char* const shape = each->is_branch() ? "diamond" : is_graph ? "box3d" : "box";
      text_ += indent + id(*each) + " [label=" + quoted(each->title()) + ", shape=" + shape + "];\n";
      // A graph in itself, which no run would accept, is written as a node.
      if (is_graph && depth_ < deepest) write_cluster(*each, core_of, indent, id(*each));
      for (std::size_t i = 0; i < each->successors.size(); ++i) {
        text_ += indent + id(*each) + " -> " + id(*each->successors[i]);
        if (each->is_branch()) text_ += " [style=dashed, label=\"" + std::to_string(i) + "\"]";
        text_ += ";\n";
      }
    }
  }

  void write_cluster(const graph_node& node, const auto& core_of, const std::string& indent, const std::string& id) {
    const graph_core& inner = core_of(*node.inner());
    ++depth_;
    text_ += indent + "subgraph cluster_" + id + " {\n" + indent + "  label=" + quoted(node.title()) + ";\n";
    write(inner, core_of, indent + "  ", id + "_");
    text_ += indent + "}\n";
    --depth_;
  }

  static constexpr int deepest = 8;
  std::string text_;
  int depth_ = 0;
};

std::string graph_core::dot() const {
  return dot_writer().take(*this, [](const graph& inner) -> const graph_core& { return *inner.core_; });
}

}  // namespace treadle::detail
