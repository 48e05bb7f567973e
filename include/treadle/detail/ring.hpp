#pragma once

#include <treadle/assert.hpp>
#include <treadle/config.hpp>

#include <atomic>
#include <cstddef>
#include <cstdint>

namespace treadle::detail {

enum class steal_status { stolen, empty, contended };

/// Bounded FIFO of node pointers: one owner pushes at the tail, owner and thieves take at the head.
/// After kprotty's Node.Buffer; ours has indices that do not wrap (seed defect 12), and a thief claims before it copies
/// (after tokio's two-phase head), so that what it copies is its own and a lost race costs no copy (seed defect 23).
/// States and proof: docs/design/ring.md.
///
/// Owner: stage, commit, push, pop, retract. Any thread: size, steal_into. One worker's ring is one object; the owner's
/// end cannot be copied and is reached only through the worker that owns it.
template <class P, class Node>
class ring {
 public:
  using index = typename P::ring_index;
  static constexpr index capacity = P::ring_capacity;
  static_assert((capacity & (capacity - 1)) == 0, "slots are found by masking");
  static_assert(capacity <= P::ring_index_mask / 2 + 1, "a full ring must differ from an empty one");

  constexpr ring() noexcept = default;
  ring(const ring&) = delete;
  ring& operator=(const ring&) = delete;

  /// Appends `node`. Owner only. Returns false when the ring is full.
  [[nodiscard]] bool push(Node* node) noexcept {
    if (room() == 0) return false;
    stage(0, node);
    commit(1);
    return true;
  }

  /// Returns how many nodes can be staged. Owner only.
  [[nodiscard]] std::size_t room() noexcept {
    const index tail = tail_.load(std::memory_order_relaxed);
    if (distance(free_from_, tail) >= capacity) free_from_ = oldest_in_use();
    return room_from(free_from_, tail);
  }

  /// As `room`, and looks again even if some room is known.
  [[nodiscard]] std::size_t all_room() noexcept {
    free_from_ = oldest_in_use();
    return room_from(free_from_, tail_.load(std::memory_order_relaxed));
  }

  /// Writes `node` behind the tail, unseen until `commit`. Owner only; `offset` below `room`.
  void stage(std::size_t offset, Node* node) noexcept {
    const index at = tail_.load(std::memory_order_relaxed) + static_cast<index>(offset);
    slots_[at & (capacity - 1)].set(node);
  }

  /// Publishes `count` staged nodes. Owner only.
  void commit(std::size_t count) noexcept {
    const index tail = tail_.load(std::memory_order_relaxed);
    tail_.store(masked(tail + static_cast<index>(count)), std::memory_order_release);  // E-PUSH
  }

  /// Takes the oldest node, or returns null. Owner only.
  [[nodiscard]] Node* pop() noexcept {
    const index tail = tail_.load(std::memory_order_relaxed);
    // Guessed rather than read: a read right after the last exchange of the same word would wait for it.
    index head = next_pop_;
    while (head != tail) {
      // E-STEAL: a thief that sees this head sees the tail that it was taken under.
      if (head_.compare_exchange_weak(head, masked(head + 1), std::memory_order_release, std::memory_order_relaxed)) {
        next_pop_ = masked(head + 1);
        return slots_[head & (capacity - 1)].get();
      }
    }
    next_pop_ = head;
    return nullptr;
  }

  /// Takes back the last `count` nodes if nobody has taken any of them. Owner only; waits for a thief at work.
  [[nodiscard]] bool retract(std::size_t count) noexcept {
    lock_against_thieves();
    const index tail = tail_.load(std::memory_order_relaxed);
    const index old_tail = masked(tail - static_cast<index>(count));
    const index head = head_.load(std::memory_order_acquire);  // E-STEAL
    const bool whole = distance(head, tail) >= count;
    if (whole) tail_.store(old_tail, std::memory_order_release);  // E-PUSH
    steal_from_.store(nobody, std::memory_order_release);         // E-STEAL
    return whole;
  }

  /// Returns how many nodes are in the ring. A snapshot for any thread.
  [[nodiscard]] std::size_t size() const noexcept {
    const index head = head_.load(std::memory_order_relaxed);
    const index tail = tail_.load(std::memory_order_relaxed);
    const index count = distance(head, tail);
    return count <= capacity ? static_cast<std::size_t>(count) : 1;  // the tail moved on meanwhile: not empty
  }

  /// Takes the older half (at least one) into `own`, whose owner the caller is, and returns the oldest in `first`.
  /// One thief at a time; gives up after P::steal_attempts. `staged` nodes are in `own`, not yet committed.
  steal_status steal_into(ring& own, Node*& first, std::size_t& staged, std::uint64_t& retries) noexcept {
    return take_claimed(
        [&](index available) {
          const index half = available - available / 2;
          const index room = static_cast<index>(own.all_room());
          const index limit = half < room + 1 ? half : room + 1;
          return limit < capacity / 2 ? limit : capacity / 2;
        },
        [&](index offset, Node* node) {
          if (offset == 0) {
            first = node;
          } else {
            own.stage(static_cast<std::size_t>(offset) - 1, node);
          }
        },
        staged, retries);
  }

  /// Takes all nodes and hands them to `sink` in order. Any thread, at shutdown: waits for a thief at work.
  template <class Sink>
  void drain(Sink&& sink) noexcept {
    std::size_t taken = 0;
    std::uint64_t retries = 0;
    while (take_claimed([](index available) { return available; }, [&](index, Node* node) { sink(node); }, taken,
                        retries) != steal_status::empty) {
      P::pause();
    }
  }

 private:
  static constexpr index nobody = static_cast<index>(~index{0});

  static constexpr index masked(index value) noexcept { return value & P::ring_index_mask; }
  static constexpr index distance(index from, index to) noexcept { return masked(to - from); }

  /// A thief may have noted a head that the ring has left behind by a whole round: then nothing is free for sure.
  static constexpr std::size_t room_from(index from, index tail) noexcept {
    const index used = distance(from, tail);
    return used < capacity ? static_cast<std::size_t>(capacity - used) : 0;
  }

  /// The oldest slot that a reader may still read: those below it are free to be written.
  index oldest_in_use() const noexcept {
    // The order of the two loads matters: a head that shows a claim shows the claimer's steal_from, too.
    const auto order = P::seed_defect(11) ? std::memory_order_relaxed : std::memory_order_acquire;
    const index head = head_.load(order);        // E-STEAL
    const index from = steal_from_.load(order);  // E-STEAL
    return from != nobody ? from : head;
  }

  void lock_against_thieves() noexcept {
    index expected = nobody;
    while (!steal_from_.compare_exchange_weak(expected, head_.load(std::memory_order_relaxed),
                                              std::memory_order_acquire, std::memory_order_relaxed)) {  // E-STEAL
      expected = nobody;
      P::yield();
    }
  }

  template <class Choose, class Sink>
  steal_status take_claimed(Choose&& choose, Sink&& sink, std::size_t& rest, std::uint64_t& retries) noexcept {
    index head = head_.load(std::memory_order_acquire);                                          // E-STEAL
    if (distance(head, tail_.load(std::memory_order_acquire)) == 0) return steal_status::empty;  // E-PUSH
    index expected = nobody;
    if (steal_from_.load(std::memory_order_relaxed) != nobody ||
        !steal_from_.compare_exchange_strong(expected, head, std::memory_order_acquire,  // E-STEAL
                                             std::memory_order_relaxed)) {
      return steal_status::contended;
    }
    index count = 0;
    steal_status status = steal_status::contended;
    for (std::uint32_t attempt = 0; attempt < P::steal_attempts; ++attempt) {
      const index available = distance(head, tail_.load(std::memory_order_acquire));  // E-PUSH
      if (available == 0) {
        status = steal_status::empty;
        break;
      }
      if (available > capacity) {                      // the head is old by now
        head = head_.load(std::memory_order_acquire);  // E-STEAL
        ++retries;
        continue;
      }
      count = choose(available);
      if (head_.compare_exchange_strong(head, masked(head + count), std::memory_order_release,  // E-STEAL
                                        std::memory_order_acquire)) {
        status = steal_status::stolen;
        break;
      }
      // The lost race brought the line here: the next try is likely to win against an owner who must fetch it back.
      ++retries;
    }
    if (status == steal_status::stolen) {
      for (index offset = 0; offset < count; ++offset) sink(offset, slots_[(head + offset) & (capacity - 1)].get());
      rest = static_cast<std::size_t>(count) - 1;
    }
    steal_from_.store(nobody, std::memory_order_release);  // E-STEAL
    return status;
  }

  alignas(TREADLE_CACHE_LINE) typename P::template atomic<index> head_{0};
  typename P::template atomic<index> steal_from_{nobody};
  alignas(TREADLE_CACHE_LINE) typename P::template atomic<index> tail_{0};
  index next_pop_ = 0;   ///< where the owner expects the head
  index free_from_ = 0;  ///< the owner's last reading of `oldest_in_use`
  alignas(TREADLE_CACHE_LINE) typename P::template plain<Node*> slots_[P::ring_capacity]{};
};

}  // namespace treadle::detail
