#pragma once

#include "contender.hpp"

#include <cstdint>
#include <cstdio>
#include <cstdlib>

namespace bench {

/// Fibonacci numbers by the rule that defines them: nothing but forks. fib(n) forks once for each n from 2 on.
inline std::uint64_t forks_of_fib(std::uint64_t n) {
  std::uint64_t before = 0, last = 0;
  for (std::uint64_t i = 2; i <= n; ++i) {
    const std::uint64_t next = before + last + 1;
    before = last;
    last = next;
  }
  return last;
}

/// A plain call for each fork and each branch that the compiler can neither inline nor turn into a loop.
[[gnu::noinline]] inline std::uint64_t fib_plain(std::uint64_t n) {
  if (n < 2) return n;
  std::uint64_t first = fib_plain(n - 1);
  asm volatile("" : "+r"(first));
  std::uint64_t second = fib_plain(n - 2);
  asm volatile("" : "+r"(second));
  return first + second;
}

/// Measures `fib(n)`; a fork is the unit.
template <class Fib>
void measure_fib(const request& asked, answer& given, Fib&& fib) {
  const std::uint64_t n = asked.number("n", 32);
  std::uint64_t result = 0;
  measure(asked, given, forks_of_fib(n), [&] { result = fib(n); });
  if (result != fib_plain(n)) {
    std::fprintf(stderr, "fib(%ju) came out wrong\n", static_cast<std::uintmax_t>(n));
    std::exit(1);
  }
}

/// The number of nodes of a balanced tree, each counted by a plain call.
[[gnu::noinline]] inline std::uint64_t count_tree_plain(unsigned depth) {
  if (depth == 0) return 1;
  std::uint64_t left = count_tree_plain(depth - 1);
  asm volatile("" : "+r"(left));
  std::uint64_t right = count_tree_plain(depth - 1);
  asm volatile("" : "+r"(right));
  return left + right + 1;
}

/// Measures trees of 1,023 nodes, one after the other; a fork is the unit.
template <class Count>
void measure_small_trees(const request& asked, answer& given, Count&& count_all) {
  constexpr unsigned depth = 9;
  const std::uint64_t n = asked.number("n", 10'000);
  measure(asked, given, n * ((1u << depth) - 1), [&] { count_all(n, depth); });
}

}  // namespace bench
