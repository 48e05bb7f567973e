#pragma once

#include <treadle/detail/task_queue.hpp>

#include <atomic>
#include <cstddef>
#include <cstdint>

namespace treadle::detail {

/// A queue whose tasks run in turns, one turn at a time. Who raises the count from zero starts a turn, on any thread,
/// when its push is done; a turn that does not bring the count back to zero is followed by another. Lives as long as it
/// has owners: the handle, and whoever has a turn.
template <class P, class Node>
class strand_queue {
 public:
  strand_queue() noexcept = default;
  strand_queue(const strand_queue&) = delete;
  strand_queue& operator=(const strand_queue&) = delete;

  /// Counts a task that is to be pushed: before it can be taken, so that the count never falls below what is left.
  /// True: no turn is on or to come. Then the caller starts one after its push. Any thread; never waits.
  [[nodiscard]] bool announce() noexcept {
    // The turn that this starts runs what it runs after all turns before it. What was done before a post goes with it.
    return pending_.fetch_add(1, std::memory_order_acquire) == 0;  // E-STRAND
  }
  /// Pushes a task that was announced. Any thread; never waits.
  void push(Node* announced) noexcept { static_cast<void>(posted_.push(announced, announced, true)); }

  /// Takes the oldest task. Null: all are taken, or its poster is about to push it. Whoever has the turn.
  [[nodiscard]] Node* take() noexcept {
    Node* taken = nullptr;
    bool more = false;
    posted_.take(1, more, [&](Node* first) { taken = first; });
    return taken;
  }
  /// Ends a turn that has run `count` tasks. True: nothing is left. False: the caller starts the next turn.
  [[nodiscard]] bool end_turn(std::uint32_t count) noexcept {
    return pending_.fetch_sub(count, std::memory_order_release) == count;  // E-STRAND
  }
  /// A turn that hands all that is left to `sink`. Waits for posters between their two steps.
  template <class Sink>
  void sweep(Sink&& sink) noexcept {
    for (;;) {
      std::uint32_t count = 0;
      for (; Node* const next = take(); ++count) sink(next);
      if (end_turn(count)) return;
      P::yield();
    }
  }

  /// Before a turn is started that begins with the count at zero. Whoever owns it already, or posts through the handle.
  void add_owner() noexcept { owners_.fetch_add(1, std::memory_order_relaxed); }
  /// Returns whether it was the last: then the caller frees the queue.
  [[nodiscard]] bool drop_owner() noexcept {
    return owners_.fetch_sub(1, std::memory_order_acq_rel) == 1;  // E-STRAND
  }

 private:
  task_queue<P, Node> posted_;
  typename P::template atomic<std::uint32_t> pending_{0};
  typename P::template atomic<std::uint32_t> owners_{1};
};

}  // namespace treadle::detail
