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

/// Hands every queued task of a scheduler that is being cancelled to `sink`: goes round until every worker runs a task,
/// is parked or is gone, and a whole round found nothing. One thread at a time; waits for no task.
template <class P, class Scheduler, class Sink>
void sweep(Scheduler& scheduler, Sink&& sink) noexcept {
  for (;;) {
    std::uint64_t swept = 0;
    const auto count_and_hand_on = [&](auto* task) {
      ++swept;
      sink(task);
    };
    sweep_queue(scheduler.injected(), count_and_hand_on);
    bool settled = true;
    for (std::uint32_t i = 0; i < scheduler.workers().count(); ++i) {
      auto* const worker = scheduler.workers().at(i);
      if (worker == nullptr) continue;
      worker->overflow.close();
      sweep_queue(worker->overflow, count_and_hand_on);
      worker->tasks.drain(count_and_hand_on);
      // One between two tasks may have taken some in its hands: it starts one or puts all back.
      const bool idle = worker->doing.load(std::memory_order_acquire) != activity::awake;  // E-DOING
      settled = settled && (idle || worker->is_running());
    }
    if (settled && swept == 0) return;
    P::yield();
  }
}

}  // namespace treadle::detail
