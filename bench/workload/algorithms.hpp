#pragma once

#include "contender.hpp"

#include <algorithm>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <numeric>
#include <string>
#include <vector>

/// The rows for loops and algorithms. A `Pool` is made from a number of workers and offers `inside(f)`, which calls `f`
/// on the pool and waits; and, to be called there, `for_each_index(n, body)`, `sum(values)`, `scan(values)` in place,
/// and `sort(values)`.
namespace bench {

/// A body that is nothing, but that no compiler can leave out or join with the next.
struct opaque_body {
  void operator()(std::uint64_t index) const { asm volatile("" : : "r"(index)); }
};

/// Many short loops one after the other; a loop is the unit.
template <class Pool>
void short_loops(const request& asked, answer& given) {
  Pool& pool = *new Pool(asked.workers());
  const std::uint64_t loops = asked.number("loops", 1000), indices = asked.number("n", 1000);
  pool.inside([&] {
    measure(asked, given, loops, [&] {
      for (std::uint64_t i = 0; i < loops; ++i) pool.for_each_index(indices, opaque_body{});
    });
  });
}

/// Few bodies of a known length; a loop is the unit.
template <class Pool>
void long_bodies(const request& asked, answer& given) {
  Pool& pool = *new Pool(asked.workers());
  const std::uint64_t loops = asked.number("loops", 10), body_ns = asked.number("body_us", 100) * 1000;
  pool.inside([&] {
    measure(asked, given, loops, [&] {
      for (std::uint64_t i = 0; i < loops; ++i) pool.for_each_index(64, [=](std::uint64_t) { spin_ns(body_ns); });
    });
  });
}

/// Numbers in the order that was asked for, the same for all contenders: `random`, `sorted`, or `few` distinct ones.
template <class T>
void fill_ordered(std::vector<T>& values, const std::string& order) {
  std::uint64_t x = 0x9e3779b97f4a7c15u;
  for (std::size_t i = 0; i < values.size(); ++i) {
    x ^= x << 13;
    x ^= x >> 7;
    x ^= x << 17;
    values[i] = static_cast<T>(order == "sorted" ? i : order == "few" ? x % 16 : x >> 8);
  }
}

inline void require(bool right) {
  if (right) return;
  std::fprintf(stderr, "the result is wrong\n");
  std::exit(1);
}

template <class Pool, class T>
void reduce_numbers(const request& asked, answer& given) {
  Pool& pool = *new Pool(asked.workers());
  std::vector<T> values(asked.number("n", 32'000'000));
  fill_ordered(values, "random");
  const T expected = std::accumulate(values.begin(), values.end(), T{});
  T found{};
  pool.inside([&] { measure(asked, given, 1, [&] { found = pool.sum(values); }); });
  require(found == expected);
}

template <class Pool, class T>
void scan_numbers(const request& asked, answer& given) {
  Pool& pool = *new Pool(asked.workers());
  std::vector<T> values(asked.number("n", 32'000'000));
  const auto before = [&] { fill_ordered(values, "random"); };
  pool.inside([&] { measure(asked, given, 1, before, [&] { pool.scan(values); }); });
  std::vector<T> expected(values.size());
  fill_ordered(expected, "random");
  std::partial_sum(expected.begin(), expected.end(), expected.begin());
  require(values == expected);
}

template <class Pool, class T>
void sort_numbers(const request& asked, answer& given) {
  Pool& pool = *new Pool(asked.workers());
  const std::string order = asked.text("order", "random");
  std::vector<T> values(asked.number("n", 10'000'000));
  std::uint64_t sum = 0;
  const auto before = [&] {
    fill_ordered(values, order);
    sum = std::accumulate(values.begin(), values.end(), std::uint64_t{});
  };
  pool.inside([&] { measure(asked, given, 1, before, [&] { pool.sort(values); }); });
  require(std::is_sorted(values.begin(), values.end()));
  require(sum == std::accumulate(values.begin(), values.end(), std::uint64_t{}));
}

/// A row for numbers of as many bits as are asked for.
template <void (*Narrow)(const request&, answer&), void (*Wide)(const request&, answer&)>
void of_width(const request& asked, answer& given) {
  (asked.number("bits", 32) == 32 ? Narrow : Wide)(asked, given);
}

template <class Pool>
inline constexpr entry loop_rows[] = {{"short_loops", short_loops<Pool>}, {"long_bodies", long_bodies<Pool>}};

template <class Pool>
inline constexpr entry number_rows[] = {
    {"reduce", of_width<reduce_numbers<Pool, std::uint32_t>, reduce_numbers<Pool, std::uint64_t>>},
    {"scan", of_width<scan_numbers<Pool, std::uint32_t>, scan_numbers<Pool, std::uint64_t>>},
    {"sort", of_width<sort_numbers<Pool, std::uint32_t>, sort_numbers<Pool, std::uint64_t>>},
};

}  // namespace bench
