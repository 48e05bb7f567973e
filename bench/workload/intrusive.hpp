#pragma once

#include "posting.hpp"

#include <new>

/// The rows for pools with intrusive tasks. A `Pool` has types `task` (with a `callback`) and `batch`, is made from a
/// number of workers, and offers `schedule(task&)`, `append(batch&, task&)`, `schedule(batch&)`.
namespace bench::intrusive {

template <class Pool>
using task_of = typename Pool::task;

/// Some rows run with bigger tasks: what a task holds beside its link and callback is the user's.
template <class Pool, std::size_t Bytes>
struct alignas(Bytes >= 64 ? 64 : alignof(void*)) padded_task : task_of<Pool> {
  std::byte padding[Bytes > sizeof(task_of<Pool>) ? Bytes - sizeof(task_of<Pool>) : 1];
};

/// Tasks that were written before, so that no page fault is measured.
template <class Pool, class Task>
std::vector<Task> make_tasks(std::uint64_t n) {
  std::vector<Task> tasks(n);
  for (Task& each : tasks) each.callback = [](task_of<Pool>*) noexcept { tick(); };
  return tasks;
}

template <class Pool, class Task>
void outside_with(const request& asked, answer& given) {
  Pool& pool = posting::make<Pool>(asked);
  std::vector<Task> tasks = make_tasks<Pool, Task>(asked.number("n", 1'000'000));
  measure(asked, given, tasks.size(), [&] {
    const std::uint64_t goal = ticks() + tasks.size();
    for (Task& each : tasks) pool.schedule(each);
    wait_for_ticks(goal);
  });
}

template <class Pool>
void empty_outside(const request& asked, answer& given) {
  if (asked.number("task_bytes", 0) == 64) return outside_with<Pool, padded_task<Pool, 64>>(asked, given);
  outside_with<Pool, task_of<Pool>>(asked, given);
}

template <class Pool>
void empty_batch(const request& asked, answer& given) {
  Pool& pool = posting::make<Pool>(asked);
  auto tasks = make_tasks<Pool, task_of<Pool>>(asked.number("n", 1'000'000));
  const std::size_t size = asked.number("batch", 1000);
  measure(asked, given, tasks.size(), [&] {
    const std::uint64_t goal = ticks() + tasks.size();
    for (std::size_t i = 0; i < tasks.size();) {
      typename Pool::batch linked;
      for (const std::size_t end = std::min(i + size, tasks.size()); i < end; ++i) pool.append(linked, tasks[i]);
      pool.schedule(linked);
    }
    wait_for_ticks(goal);
  });
}

template <class Pool>
void empty_spawned(const request& asked, answer& given) {
  struct spawner : task_of<Pool> {
    Pool* pool;
    std::vector<task_of<Pool>>* tasks;
  };
  Pool& pool = posting::make<Pool>(asked);
  auto tasks = make_tasks<Pool, task_of<Pool>>(asked.number("n", 1'000'000));
  spawner root;
  root.pool = &pool;
  root.tasks = &tasks;
  root.callback = [](task_of<Pool>* self) noexcept {
    auto* const root_task = static_cast<spawner*>(self);
    for (task_of<Pool>& each : *root_task->tasks) root_task->pool->schedule(each);
  };
  measure(asked, given, tasks.size(), [&] {
    const std::uint64_t goal = ticks() + tasks.size();
    pool.schedule(root);
    wait_for_ticks(goal);
  });
}

/// Runs a callable once; only for the start of a row.
template <class Pool>
auto poster(Pool& pool) {
  return [&pool](auto f) {
    struct holder : task_of<Pool> {
      decltype(f) function;
    };
    auto* const held = new holder{{}, std::move(f)};
    held->callback = [](task_of<Pool>* self) noexcept {
      auto* const run = static_cast<holder*>(self);
      run->function();
      delete run;
    };
    pool.schedule(*held);
  };
}

template <class Pool>
void wake(const request& asked, answer& given) {
  struct arriving : task_of<Pool> {
    handover slot;
  };
  pin_as_worker(asked);
  Pool& pool = posting::make<Pool>(asked);
  start_all_workers(asked.workers(), poster(pool));
  arriving handed;
  handed.callback = [](task_of<Pool>* self) noexcept { static_cast<arriving*>(self)->slot.arrive(); };
  measure_latency(asked, given, handed.slot, [&] { pool.schedule(handed); });
}

template <class Pool>
void trickle(const request& asked, answer& given) {
  Pool& pool = posting::make<Pool>(asked);
  start_all_workers(asked.workers(), poster(pool));
  std::vector<task_of<Pool>> tasks(64);
  for (task_of<Pool>& each : tasks) {
    each.callback = [](task_of<Pool>*) noexcept {
      spin_ns(trickle_task_ns);
      tick();
    };
  }
  std::uint64_t submitted = 0;
  const auto submit = [&] {
    // A slot comes round every 6 ms; on a machine busy with other things its last task may still be queued.
    if (submitted >= tasks.size()) wait_for_ticks(submitted - tasks.size() / 2);
    pool.schedule(tasks[submitted++ % tasks.size()]);
  };
  measure_trickle(asked, given, submit, [](std::uint64_t all) { wait_for_ticks(all); });
}

/// Sorts with tasks that are used again: a part hands its own task to its left half, a leaf leaves its task to the
/// thread that ran it. So the sort allocates as few tasks as it ever has queued.
template <class Pool>
struct sort_task : task_of<Pool> {
  Pool* pool = nullptr;
  sort_task* spare = nullptr;
  std::span<std::int32_t> part;

  static inline constinit thread_local sort_task* spares = nullptr;

  static sort_task* take(Pool* pool) {
    sort_task* taken = spares;
    if (taken != nullptr) {
      spares = taken->spare;
    } else {
      constexpr std::size_t block = 256;
      sort_task* const fresh = new sort_task[block];
      for (std::size_t i = 1; i < block; ++i) fresh[i].leave();
      taken = fresh;
    }
    taken->pool = pool;
    taken->callback = run;
    return taken;
  }

  void leave() noexcept {
    spare = spares;
    spares = this;
  }

  static void run(task_of<Pool>* base) noexcept {
    auto* const self = static_cast<sort_task*>(base);
    const std::span<std::int32_t> part = self->part;
    if (part.size() <= insertion_limit) {
      self->leave();
      insertion_sort(part);
      return tick(part.size());
    }
    const std::size_t pivot = partition(part);
    Pool& pool = *self->pool;
    sort_task* const right = take(&pool);
    self->part = part.first(pivot);
    right->part = part.subspan(pivot + 1);
    pool.schedule(*self);
    pool.schedule(*right);
    tick();
  }
};

template <class Pool>
void quicksort(const request& asked, answer& given) {
  Pool& pool = posting::make<Pool>(asked);
  std::vector<std::int32_t> values(asked.number("n", 10'000'000));
  posting::measure_sort(asked, given, values, [&](std::span<std::int32_t> all) {
    const std::uint64_t goal = ticks() + all.size();
    sort_task<Pool>* const root = sort_task<Pool>::take(&pool);
    root->part = all;
    pool.schedule(*root);
    wait_for_ticks(goal);
  });
}

template <class Pool>
void idle(const request& asked, answer& given) {
  Pool& pool = posting::make<Pool>(asked);
  auto tasks = make_tasks<Pool, task_of<Pool>>(100'000);
  for (task_of<Pool>& each : tasks) pool.schedule(each);
  wait_for_ticks(tasks.size());
  measure_idle(asked, given);
}

template <class Pool>
inline constexpr entry rows[] = {
    {"empty_outside", empty_outside<Pool>},
    {"empty_batch", empty_batch<Pool>},
    {"empty_spawned", empty_spawned<Pool>},
    {"wake", wake<Pool>},
    {"trickle", trickle<Pool>},
    {"quicksort", quicksort<Pool>},
    {"idle", idle<Pool>},
};

}  // namespace bench::intrusive
