#pragma once

#include "../forking.hpp"

#include <algorithm>
#include <atomic>
#include <cstddef>
#include <vector>

namespace bench {

/// One question to branch and bound: can `items` be chosen for `room` so that their value is at least `target`?
struct knapsack_case {
  struct item {
    std::int32_t value, weight;
  };
  std::vector<item> items;  ///< by value for weight, the best first
  std::int32_t room = 0, target = 0;
  bool possible = false;

  knapsack_case(std::size_t count, std::uint64_t seed, bool is_possible) : items(count), possible(is_possible) {
    std::uint64_t x = seed * 0x9e3779b97f4a7c15u + 1;
    const auto below = [&x](std::uint64_t bound) {
      x ^= x << 13;
      x ^= x >> 7;
      x ^= x << 17;
      return static_cast<std::int32_t>(x % bound);
    };
    for (item& each : items) {
      each.weight = 100 + below(900);
      each.value = each.weight + 100;
      room += each.weight;
    }
    room /= 2;
    std::sort(items.begin(), items.end(), [](const item& a, const item& b) {
      return a.value * b.weight != b.value * a.weight ? a.value * b.weight > b.value * a.weight : a.weight < b.weight;
    });
    target = best_value() + (possible ? 0 : 1);
  }

  /// By dynamic programming, to know what the search has to find.
  [[nodiscard]] std::int32_t best_value() const {
    std::vector<std::int32_t> best(static_cast<std::size_t>(room) + 1);
    for (const item& each : items) {
      const auto weight = static_cast<std::size_t>(each.weight);
      for (std::size_t i = best.size(); i-- > weight;) best[i] = std::max(best[i], best[i - weight] + each.value);
    }
    return best.back();
  }
};

/// Branch and bound over some dozen questions, one after the other, hard ones: value and weight hang together
/// (Pisinger, Where are the hard knapsack problems?, 2005). Half of them can be met: whoever finds how cancels the rest
/// of that search. The others have to be searched to the end.
struct knapsack {
  explicit knapsack(const request& asked) {
    for (std::uint64_t seed = 1; seed <= asked.number("n", 64); ++seed) {
      cases.emplace_back(asked.number("items", 46), seed, seed % 2 == 0);
    }
  }

  [[nodiscard]] std::uint64_t units() const { return 1; }
  void prepare() {}

  /// Says whether filling `room` with what is left, the last item in part, still reaches the target.
  static bool can_reach(const knapsack_case& asked, std::size_t next, std::int32_t room, std::int32_t value) {
    for (; next < asked.items.size(); ++next) {
      const knapsack_case::item& each = asked.items[next];
      if (each.weight > room) return value + room * each.value / each.weight >= asked.target;
      room -= each.weight;
      value += each.value;
    }
    return value >= asked.target;
  }

  /// Returns how many nodes it has visited.
  template <class Fork>
  std::uint64_t search(Fork here, const knapsack_case& asked, std::size_t next, std::int32_t room, std::int32_t value) {
    if (found.load(std::memory_order_relaxed)) return 0;
    if (value >= asked.target) found.store(true, std::memory_order_relaxed);
    if (next == asked.items.size() || !can_reach(asked, next, room, value)) return 1;
    const knapsack_case::item& item = asked.items[next];
    if (item.weight > room) return search(here, asked, next + 1, room, value) + 1;
    const auto [with, without] =
        here.fork([&](Fork to) { return search(to, asked, next + 1, room - item.weight, value + item.value); },
                  [&](Fork to) { return search(to, asked, next + 1, room, value); });
    return with + without + 1;
  }

  template <class Fork>
  void run(Fork here) {
    nodes = 0;
    for (const knapsack_case& each : cases) {
      found.store(false, std::memory_order_relaxed);
      nodes += search(here, each, 0, each.room, 0);
      if (found.load(std::memory_order_relaxed) != each.possible) wrong = true;
    }
  }
  [[nodiscard]] bool right() const { return !wrong; }
  void report(answer& given) const { given.add("nodes", static_cast<double>(nodes)); }

  std::vector<knapsack_case> cases;
  std::atomic<bool> found{false};
  std::uint64_t nodes = 0;
  bool wrong = false;
};

}  // namespace bench
