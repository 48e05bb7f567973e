#pragma once

#include "idle.hpp"
#include "latency.hpp"
#include "quicksort.hpp"
#include "ticks.hpp"

#include <memory>

/// The rows for pools that take callables. A `Pool` is made from a number of workers and has `post(f)` for
/// submissions from outside and `spawn(f)` for those of a running task.
namespace bench::posting {

/// Never destroyed: a row ends with its process.
template <class Pool>
Pool& make(const request& asked) {
  return *new Pool(asked.workers());
}

template <class Pool>
void empty_outside(const request& asked, answer& given) {
  Pool& pool = make<Pool>(asked);
  const std::uint64_t n = asked.number("n", 1'000'000);
  measure(asked, given, n, [&] {
    const std::uint64_t goal = ticks() + n;
    for (std::uint64_t i = 0; i < n; ++i) pool.post([] { tick(); });
    wait_for_ticks(goal);
  });
}

template <class Pool>
void empty_spawned(const request& asked, answer& given) {
  Pool& pool = make<Pool>(asked);
  const std::uint64_t n = asked.number("n", 1'000'000);
  measure(asked, given, n, [&] {
    const std::uint64_t goal = ticks() + n;
    pool.post([&pool, n] {
      for (std::uint64_t i = 0; i < n; ++i) pool.spawn([] { tick(); });
    });
    wait_for_ticks(goal);
  });
}

template <class Pool>
void wake(const request& asked, answer& given) {
  pin_as_worker(asked);
  Pool& pool = make<Pool>(asked);
  start_all_workers(asked.workers(), [&](auto f) { pool.post(f); });
  handover slot;
  measure_latency(asked, given, slot, [&] { pool.post([&slot] { slot.arrive(); }); });
}

template <class Pool>
void trickle(const request& asked, answer& given) {
  Pool& pool = make<Pool>(asked);
  start_all_workers(asked.workers(), [&](auto f) { pool.post(f); });
  const auto submit = [&] {
    pool.post([] {
      spin_ns(trickle_task_ns);
      tick();
    });
  };
  measure_trickle(asked, given, submit, [](std::uint64_t tasks) { wait_for_ticks(tasks); });
}

/// Sorts one part; every element counts once, the pivots by themselves.
template <class Pool>
void sort_part(Pool& pool, std::span<std::int32_t> values) {
  if (values.size() <= insertion_limit) {
    insertion_sort(values);
    return tick(values.size());
  }
  const std::size_t pivot = partition(values);
  pool.spawn([&pool, left = values.first(pivot)] { sort_part(pool, left); });
  pool.spawn([&pool, right = values.subspan(pivot + 1)] { sort_part(pool, right); });
  tick();
}

/// Sorts by `sort(values)`; the array is shuffled anew outside the clock.
template <class Sort>
void measure_sort(const request& asked, answer& given, std::vector<std::int32_t>& values, Sort sort) {
  const auto shuffle = [&] { fill_shuffled(values); };
  measure(asked, given, 1, shuffle, [&] { sort(std::span(values)); });
  require_sorted(values);
}

template <class Pool>
void quicksort(const request& asked, answer& given) {
  Pool& pool = make<Pool>(asked);
  std::vector<std::int32_t> values(asked.number("n", 10'000'000));
  measure_sort(asked, given, values, [&](std::span<std::int32_t> all) {
    const std::uint64_t goal = ticks() + all.size();
    pool.post([&pool, all] { sort_part(pool, all); });
    wait_for_ticks(goal);
  });
}

template <class Pool>
void idle(const request& asked, answer& given) {
  Pool& pool = make<Pool>(asked);
  constexpr std::uint64_t n = 100'000;
  for (std::uint64_t i = 0; i < n; ++i) pool.post([] { tick(); });
  wait_for_ticks(n);
  measure_idle(asked, given);
}

/// All rows above, for the table of a contender.
template <class Pool>
inline constexpr entry rows[] = {
    {"empty_outside", empty_outside<Pool>},
    {"empty_spawned", empty_spawned<Pool>},
    {"wake", wake<Pool>},
    {"trickle", trickle<Pool>},
    {"quicksort", quicksort<Pool>},
    {"idle", idle<Pool>},
};

}  // namespace bench::posting
