#pragma once

#include "../forking.hpp"
#include "../forks.hpp"

#include <memory>

namespace bench {

/// Leaves numbered from 0 on, ten children a node: the sum of the numbers. A leaf is the unit.
struct skynet {
  explicit skynet(const request& asked) : leaves(asked.number("n", 1'000'000)) {}

  [[nodiscard]] std::uint64_t units() const { return leaves; }
  void prepare() {}

  template <class Fork>
  static std::uint64_t sum(Fork here, std::uint64_t first, std::uint64_t size) {
    if (size == 1) return first;
    const std::uint64_t part = size / 10;
    return sum_over(here, 0, 10, [=](Fork to, std::uint64_t i) { return sum(to, first + i * part, part); });
  }
  /// A plain call has its arguments in registers; through a callable it would not.
  [[gnu::noinline]] static std::uint64_t sum(plain_fork here, std::uint64_t first, std::uint64_t size) {
    if (size == 1) return first;
    const std::uint64_t part = size / 10;
    std::uint64_t total = 0;
    for (std::uint64_t i = 0; i < 10; ++i) {
      total += sum(here, first + i * part, part);
      asm volatile("" : "+r"(total));
    }
    return total;
  }

  template <class Fork>
  void run(Fork here) {
    found = sum(here, 0, leaves);
  }
  [[nodiscard]] bool right() const { return found == leaves * (leaves - 1) / 2; }

  std::uint64_t leaves, found = 0;
};

/// The sum over a balanced tree of 2^depth - 1 nodes in memory, laid out in the order of the walk. A node is the unit.
struct tree_sum {
  struct node {
    std::uint64_t value;
    const node* left;
    const node* right;
  };

  explicit tree_sum(const request& asked)
      : count((std::uint64_t{1} << asked.number("depth", 24)) - 1), nodes(new node[count]) {
    build(nodes.get(), count);
  }

  static node* build(node* at, std::uint64_t size) {
    if (size == 0) return nullptr;
    const std::uint64_t half = size / 2;
    *at = {size, build(at + 1, half), build(at + 1 + half, half)};
    return at;
  }

  [[nodiscard]] std::uint64_t units() const { return count; }
  void prepare() {}

  template <class Fork>
  static std::uint64_t sum(Fork here, const node* at) {
    if (at == nullptr) return 0;
    if (at->left == nullptr) return at->value;
    const auto [left, right] = here.fork([at](Fork to) { return sum(to, at->left); },  //
                                         [at](Fork to) { return sum(to, at->right); });
    return left + right + at->value;
  }
  [[gnu::noinline]] static std::uint64_t sum(plain_fork here, const node* at) {
    if (at->left == nullptr) return at->value;
    std::uint64_t left = sum(here, at->left);
    asm volatile("" : "+r"(left));
    std::uint64_t right = sum(here, at->right);
    asm volatile("" : "+r"(right));
    return left + right + at->value;
  }

  template <class Fork>
  void run(Fork here) {
    found = sum(here, nodes.get());
  }
  /// Level k has 2^k nodes of size 2^(depth - k) - 1 each.
  [[nodiscard]] bool right() const {
    std::uint64_t expected = 0;
    for (std::uint64_t size = count, many = 1; size > 0; size /= 2, many *= 2) expected += size * many;
    return found == expected;
  }

  std::uint64_t count, found = 0;
  std::unique_ptr<node[]> nodes;
};

/// The number of nodes of a balanced tree, each counted by a call.
template <class Fork>
std::uint64_t count_tree(Fork here, unsigned depth) {
  if (depth == 0) return 1;
  const auto [left, right] = here.fork([depth](Fork to) { return count_tree(to, depth - 1); },
                                       [depth](Fork to) { return count_tree(to, depth - 1); });
  return left + right + 1;
}
inline std::uint64_t count_tree(plain_fork, unsigned depth) { return count_tree_plain(depth); }

/// Small trees one after the other, called on a worker.
template <class Pool>
void small_trees(const request& asked, answer& given) {
  Pool& pool = *new Pool(asked.workers());
  pool.enter([&](auto here) {
    measure_small_trees(asked, given, [&](std::uint64_t n, unsigned depth) {
      for (std::uint64_t i = 0; i < n; ++i) keep(count_tree(here, depth));
    });
  });
}

/// The same from outside, each by a call into the pool; that call is the unit.
template <class Pool>
void entered_trees(const request& asked, answer& given) {
  Pool& pool = *new Pool(asked.workers());
  const std::uint64_t n = asked.number("n", 1000);
  measure(asked, given, n, [&] {
    for (std::uint64_t i = 0; i < n; ++i) keep(pool.enter([](auto here) { return count_tree(here, 9); }));
  });
}

}  // namespace bench
