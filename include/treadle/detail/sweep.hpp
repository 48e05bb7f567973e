#pragma once

#include <treadle/detail/task_queue.hpp>
#include <treadle/detail/worker_list.hpp>

#include <cstddef>
#include <cstdint>

namespace treadle::detail {

/// Takes everything out of a queue. Waits for another consumer.
template <class P, class Node, class Sink>
void sweep_queue(task_queue<P, Node>& from, Sink&& sink) noexcept {
  while (!from.looks_empty()) {
    bool more = false;
    if (from.take(SIZE_MAX, more, sink) == take_status::contended) P::yield();
  }
}

/// Says whether nobody outside the queues has a task in its hands or on its way in; see worker_record::is_settled.
template <class Scheduler>
bool is_settled(const Scheduler& scheduler, std::uint64_t& stamp) noexcept {
  bool settled = scheduler.gate_is_empty();
  stamp = scheduler.workers().count();
  for (std::uint32_t i = 0; i < scheduler.workers().count(); ++i) {
    const auto* const worker = scheduler.workers().at(i);
    if (worker != nullptr && !worker->is_settled(stamp)) settled = false;
  }
  return settled;
}

/// Hands every queued task of a scheduler that is being cancelled to `sink`. A worker between two tasks may have taken
/// some in its hands: it starts one or puts all back. So this goes round until a whole round found nothing, and
/// before and after it everybody was settled and had not moved. One thread at a time; waits for no task.
template <class P, class Scheduler, class Sink>
void sweep(Scheduler& scheduler, Sink&& sink) noexcept {
  for (;;) {
    std::uint64_t swept = 0;
    const auto count_and_hand_on = [&](auto* task) {
      ++swept;
      sink(task);
    };
    // Whoever has not seen the cancel has pushed what is seen here.
    scheduler.sync().sleeper_barrier(scheduler.sync().look(), 0);
    std::uint64_t before = 0;
    std::uint64_t after = 0;
    const bool settled_before = is_settled(scheduler, before);
    sweep_queue(scheduler.injected(), count_and_hand_on);
    for (std::uint32_t i = 0; i < scheduler.workers().count(); ++i) {
      auto* const worker = scheduler.workers().at(i);
      if (worker == nullptr) continue;
      if (auto* const kept = worker->upcoming.steal()) count_and_hand_on(kept);
      // The rings first: what their owner moves out of a full one goes to the queue.
      worker->own.taken.drain(count_and_hand_on);
      worker->own.made.drain(count_and_hand_on);
      worker->own.overflow.close();
      sweep_queue(worker->own.overflow, count_and_hand_on);
    }
    scheduler.sync().sleeper_barrier(scheduler.sync().look(), 0);  // who took something before this is seen to have
    const bool settled_after = is_settled(scheduler, after);
    if (settled_before && settled_after && before == after && swept == 0) return;
    P::yield();
  }
}

}  // namespace treadle::detail
