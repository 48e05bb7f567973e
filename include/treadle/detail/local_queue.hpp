#pragma once

#include <treadle/detail/ring.hpp>
#include <treadle/detail/task_queue.hpp>

#include <atomic>
#include <cstddef>
#include <cstdint>

namespace treadle::detail {

enum class local_push { in_ring, in_queue, refused };

/// What one worker has to run, first in first out, and open to thieves in all its parts. From old to new: the ring of
/// what was taken from elsewhere, the queue of what did not fit, the ring of what this worker's tasks make. A full
/// ring's older half moves to the end of the queue at once, so that a push costs its share of one exchange (seed:
/// overflow migrates half). Only the owner pushes and pops; thieves use the parts' own interfaces.
template <class P, class Node>
struct local_queue {
  ring<P, Node> taken;
  task_queue<P, Node> overflow;
  ring<P, Node> made;
  typename P::template atomic<std::uint64_t> overflowed{0};  ///< how many have gone to `overflow`; the owner's count
  bool may_overflow = false;                                 ///< something was pushed to `overflow` and not seen gone

  /// Queues the list of `count` nodes behind all others. Refused, and whole, if the queue was closed.
  local_push push(Node* first, Node* last, std::size_t count) noexcept {
    if (made.room(count) < count) {
      if (count > P::ring_capacity / 2) {
        static_cast<void>(
            make_room());  // both halves go first; if a thief is at the ring, order is not promised anyway
        static_cast<void>(make_room());
        return push_to_queue(first, last, count);
      }
      if (!make_room() || made.room(count) < count) return push_to_queue(first, last, count);
    }
    Node* node = first;
    for (std::size_t i = 0; i < count; ++i) {
      Node* const after =
          i + 1 < count ? task_queue<P, Node>::pointer(node->next.load(std::memory_order_relaxed)) : nullptr;
      made.stage(i, node);
      node = after;
    }
    made.commit(count);
    return local_push::in_ring;
  }

  /// Says whether nothing is queued in any part. A snapshot for any thread.
  [[nodiscard]] bool looks_empty() const noexcept {
    return made.size() == 0 && taken.size() == 0 && overflow.looks_empty();
  }

 private:
  /// Moves the older half of `made` to the end of `overflow`. Even if that is closed: a sweep comes to it after the
  /// ring.
  /// False if a thief is at the ring.
  bool make_room() noexcept {
    Node* first = nullptr;
    Node* last = nullptr;
    std::size_t moved = 0;
    const auto link = [&](Node* node) {
      if (first == nullptr) {
        first = node;
      } else {
        last->next.store(task_queue<P, Node>::marked(node), std::memory_order_relaxed);
      }
      last = node;
      ++moved;
    };
    const bool evicted = made.evict(P::ring_capacity / 2, link, [&] {
      if (first != nullptr) static_cast<void>(overflow.push(first, last, true));
    });
    if (moved != 0) count_overflow(moved);
    return evicted;
  }

  local_push push_to_queue(Node* first, Node* last, std::size_t count) noexcept {
    if (overflow.push(first, last, false) == push_status::refused) return local_push::refused;
    count_overflow(count);
    return local_push::in_queue;
  }

  void count_overflow(std::size_t count) noexcept {
    may_overflow = true;
    overflowed.store(overflowed.load(std::memory_order_relaxed) + count, std::memory_order_relaxed);
  }
};

}  // namespace treadle::detail
