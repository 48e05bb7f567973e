#include "pool_run.hpp"

#include <treadle/fork_join.hpp>

#include <array>
#include <atomic>
#include <cstddef>
#include <optional>

namespace treadle::test::grammar {

/// Runs the forked siblings from `first` on as the branches of one tree. Returns the sibling behind them.
std::uint32_t pool_run::start_forks(std::uint32_t first, thread_pool& home) {
  std::vector<std::uint32_t> branches;
  std::uint32_t next = first;
  while (next != node::none && at(next).how == step::forked) {
    branches.push_back(std::exchange(next, at(next).next_sibling));
  }
  std::uint32_t thrower = node::none;
  if (next != node::none && at(next).how == step::forked_throwing) {
    thrower = next;
    branches.push_back(std::exchange(next, at(next).next_sibling));
  }
  try {
    fork(branches, home);
    if (thrower != node::none) fault("the exception of a branch was lost: node " + std::to_string(thrower));
  } catch (std::uint64_t thrown) {
    if (thrower == node::none || thrown != cells_[thrower].result) fault("a fork threw what another branch did");
  }
  return next;
}

/// Halves, and halves of these, down to one branch each. Its visits may do what any others may: schedule, wait, fork.
void pool_run::fork(std::span<const std::uint32_t> branches, thread_pool& home) {
  if (branches.size() > 1) {
    const std::size_t half = branches.size() / 2;
    fork_join([&] { fork(branches.first(half), home); }, [&] { fork(branches.subspan(half), home); });
    return;
  }
  const std::uint32_t index = branches.front();
  const std::uint64_t value = visit(index, home);
  if (at(index).how == step::forked_throwing) throw value;
}

namespace {

/// A tree of forks of which some leaves throw their number.
struct skipping_tree {
  static constexpr std::size_t leaves = 8;

  void run(std::size_t first, std::size_t count) {
    if (count == 1) {
      runs[first].fetch_add(1, std::memory_order_relaxed);
      if ((throwers >> first & 1) != 0) throw first;
      return;
    }
    const std::size_t half = count / 2;
    fork_join([&] { run(first, half); }, [&] { run(first + half, count - half); });
  }

  std::uint64_t throwers = 0;
  std::array<std::atomic<std::uint32_t>, leaves> runs{};
};

}  // namespace

/// Of what several branches throw the first in the order of the arguments arrives; what stands before that has run, what
/// stands behind it has run once or was skipped, and nothing runs on.
void pool_run::skip_forks(std::uint64_t seed) {
  skipping_tree tree;
  tree.throwers = seed % 5 == 0 ? 0 : seed >> 8 & seed >> 16;
  std::optional<std::size_t> thrown;
  try {
    tree.run(0, skipping_tree::leaves);
  } catch (std::size_t leaf) {
    thrown = leaf;
  }
  std::optional<std::size_t> expected;
  for (std::size_t leaf = skipping_tree::leaves; leaf-- > 0;) {
    if ((tree.throwers >> leaf & 1) != 0) expected = leaf;
  }
  if (thrown != expected) fault("not the first exception of a fork arrived");
  for (std::size_t leaf = 0; leaf < skipping_tree::leaves; ++leaf) {
    const std::uint32_t runs = tree.runs[leaf].load(std::memory_order_relaxed);
    if (runs > 1 || (runs == 0 && leaf <= expected.value_or(skipping_tree::leaves))) {
      fault("branch " + std::to_string(leaf) + " ran " + std::to_string(runs) + " times");
    }
  }
}

}  // namespace treadle::test::grammar
