#pragma once

#include <random.hpp>

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <vector>

/// Programs of tasks that any bytes spell: a test draws the bytes from a seed, a fuzzer makes them up. One program runs
/// on pools, by the oracle and on OpenMP, and all three must agree about every node.
namespace treadle::test::grammar {

/// How a parent hands a node on. A new kind of work is an enumerator here and a case in `pool_run::start`; the oracle
/// knows it by `is_awaited` alone.
enum class step : std::uint8_t {
  schedule,
  batched,  ///< with the next siblings that are, too
  post,
  submit_and_wait,
  submit_then_wait,  ///< after all siblings were started
  throwing,          ///< its result arrives as an exception
  forgotten_future,
  blocking_call,
  on_strand,
  across,  ///< on another pool
  across_and_wait,
  run_across,
  own_pool,         ///< on a pool that lives as long as the node's tree
  cancelled_pool,   ///< here, after a pool of its own was cancelled with work in it
  forked,           ///< as a branch of one fork_join with the next siblings that are, too
  forked_throwing,  ///< as the last branch of that, which throws its result
  after_skipping,   ///< here, after forks of which some were skipped for the throw of another
  count
};

/// Says whether the parent's value depends on the node's.
[[nodiscard]] bool is_awaited(step how) noexcept;

/// How the pools end. All but the first have one pool, which nothing outside of it needs.
enum class ending : std::uint8_t { drained, shut_down_at_once, destroyed_at_once, cancelled_midway, count };

struct node {
  static constexpr std::uint32_t none = UINT32_MAX;

  step how{};
  std::uint64_t seed = 0;
  std::uint32_t first_child = none, next_sibling = none, parent = none;
};

struct program {
  std::uint32_t pools = 1;
  ending end{};
  bool retires = false;      ///< its idle threads end at once
  bool spins = true;         ///< its idle workers spin before they park
  std::uint8_t lead_in = 0;  ///< how far it may come before it is cancelled
  std::uint32_t first_root = node::none;
  std::vector<node> nodes;  ///< a parent stands before its children
};

/// Reads a program: four bytes about the pools, then a byte a node, or the end of the innermost one that is open.
[[nodiscard]] program parse(std::span<const std::uint8_t> bytes);

[[nodiscard]] std::vector<std::uint8_t> random_bytes(random_source& random, std::size_t most);
[[nodiscard]] std::string to_hex(std::span<const std::uint8_t> bytes);
[[nodiscard]] std::vector<std::uint8_t> from_hex(const std::string& text);

[[nodiscard]] inline std::uint64_t mix(std::uint64_t a, std::uint64_t b) noexcept {
  return random_source(a ^ (b * 0x9e3779b97f4a7c15u)).next();
}

/// What each node of the program must leave, found without any thread.
[[nodiscard]] std::vector<std::uint64_t> evaluate(const program& meant);

/// The same by OpenMP's tasks. Empty where there is no OpenMP.
[[nodiscard]] std::vector<std::uint64_t> evaluate_with_openmp(const program& meant, int threads);

}  // namespace treadle::test::grammar
