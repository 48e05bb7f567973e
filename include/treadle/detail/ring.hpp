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

  /// The same, but false as well when no slot is known to be free: it does not look how far the others have come.
  [[nodiscard]] bool push_known(Node* node) noexcept {
    const index tail = tail_.load(std::memory_order_relaxed);
    if (room_from(free_from_, tail) == 0) return false;
    slot(tail).set(node);
    tail_.store(masked(tail + 1), std::memory_order_release);  // E-PUSH
    return true;
  }

  /// Returns how many nodes can be staged; looks again only if less than `wanted` are known to fit. Owner only.
  [[nodiscard]] std::size_t room(std::size_t wanted = 1) noexcept {
    const index tail = tail_.load(std::memory_order_relaxed);
    if (room_from(free_from_, tail) < wanted) free_from_ = oldest_in_use();
    return room_from(free_from_, tail);
  }

  /// Writes `node` behind the tail, unseen until `commit`. Owner only; `offset` below `room`.
  void stage(std::size_t offset, Node* node) noexcept {
    const index at = tail_.load(std::memory_order_relaxed) + static_cast<index>(offset);
    slot(at).set(node);
  }

  /// Publishes `count` staged nodes. Owner only.
  void commit(std::size_t count) noexcept {
    const index tail = tail_.load(std::memory_order_relaxed);
    tail_.store(masked(tail + static_cast<index>(count)), std::memory_order_release);  // E-PUSH
  }

  /// Takes the oldest node, or returns null. Owner only.
  [[nodiscard]] Node* pop() noexcept {
    const index at = lease_at_.load(std::memory_order_relaxed);
    return at != lease_end_.load(std::memory_order_relaxed) ? pop_leased(at) : pop_shared();
  }

  /// Says whether the oldest node is leased. Owner only.
  [[nodiscard]] bool has_lease() const noexcept {
    return lease_at_.load(std::memory_order_relaxed) != lease_end_.load(std::memory_order_relaxed);
  }

  /// The same as `pop`, right after `has_lease`.
  [[nodiscard]] Node* pop_leased() noexcept { return pop_leased(lease_at_.load(std::memory_order_relaxed)); }

  /// Says whether nothing is left to pop, as far as the owner knows without looking what thieves have taken.
  [[nodiscard]] bool is_known_empty() const noexcept {
    return next_pop_ == tail_.load(std::memory_order_relaxed) && !has_lease();
  }

  /// Takes back the last `count` nodes if nobody has taken any of them. Owner only; waits for a thief at work.
  [[nodiscard]] bool retract(std::size_t count) noexcept {
    lock_against_thieves();
    const index tail = tail_.load(std::memory_order_relaxed);
    const index old_tail = masked(tail - static_cast<index>(count));
    // Relaxed, for the lock orders all that thieves do before with it, and all that they do later.
    const bool whole = distance(head_.load(std::memory_order_relaxed), tail) >= count;
    if (whole) tail_.store(old_tail, std::memory_order_relaxed);
    steal_from_.store(nobody, std::memory_order_release);  // E-STEAL
    return whole;
  }

  /// Takes out up to `count` of the oldest nodes and hands them to `sink`; `done()` is called before thieves may look
  /// again. Owner only. Returns false if a thief is at work.
  template <class Sink, class Done>
  [[nodiscard]] bool evict(std::size_t count, Sink&& sink, Done&& done) noexcept {
    index expected = nobody;
    if (!steal_from_.compare_exchange_strong(expected, lease_at_.load(std::memory_order_relaxed),
                                             std::memory_order_acquire, std::memory_order_relaxed)) {  // E-STEAL
      return false;
    }
    for (index at = lease_at_.load(std::memory_order_relaxed); at != lease_end_.load(std::memory_order_relaxed);) {
      sink(slot(at).get());
      at = masked(at + 1);
      lease_at_.store(at, std::memory_order_relaxed);
      if (count != 0) --count;
    }
    index head = head_.load(std::memory_order_relaxed);
    const index shared = distance(head, tail_.load(std::memory_order_relaxed));
    for (index left = count < shared ? static_cast<index>(count) : shared; left != 0; --left) {
      sink(slot(head).get());
      head = masked(head + 1);
    }
    head_.store(head, std::memory_order_relaxed);  // what it tells thieves the lock does, too
    next_pop_ = head;
    done();
    steal_from_.store(nobody, std::memory_order_release);  // E-STEAL
    return true;
  }

  /// Returns how many nodes are in the ring. A snapshot for any thread; not 0 if a node that it knows of lies there.
  [[nodiscard]] std::size_t size() const noexcept {
    const index head = head_.load(std::memory_order_acquire);  // E-STEAL: with the lease that the head was moved for
    const index leased =
        distance(lease_at_.load(std::memory_order_relaxed), lease_end_.load(std::memory_order_relaxed));
    const index shared = distance(head, tail_.load(std::memory_order_relaxed));
    // More than fits: two of the words were read at different times.
    return static_cast<std::size_t>(leased <= capacity ? leased : 1) +
           static_cast<std::size_t>(shared <= capacity ? shared : 1);
  }

  /// Takes the older half (at least one) into `own`, whose owner the caller is, and returns the oldest in `first`.
  /// One thief at a time; gives up after P::steal_attempts. `staged` nodes are in `own`, not yet committed.
  steal_status steal_into(ring& own, Node*& first, std::size_t& staged, std::uint64_t& retries) noexcept {
    return take_claimed(
        [&](index available) {
          const index half = available - available / 2;
          const index room = static_cast<index>(own.room(capacity));
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

  [[nodiscard]] typename P::template plain<Node*>& slot(index at) noexcept { return slots_[at & (capacity - 1)]; }

  /// Says whether a distance from a taken place to the end of the lease leaves that place inside the lease.
  static constexpr bool holds(index to_end) noexcept { return to_end != 0 && to_end <= capacity; }

  /// The oldest slot that a reader may still read: those below it are free to be written. Owner only.
  index oldest_in_use() const noexcept {
    // The order of the loads matters: an end or a head that shows a claim shows the claimer's steal_from, too.
    const auto order = P::seed_defect(11) ? std::memory_order_relaxed : std::memory_order_acquire;
    const index end = lease_end_.load(order);    // E-STEAL
    const index head = head_.load(order);        // E-STEAL
    const index from = steal_from_.load(order);  // E-STEAL
    const index shared = from != nobody ? from : head;
    const index at = lease_at_.load(std::memory_order_relaxed);
    if (at == end) return shared;
    const index tail = tail_.load(std::memory_order_relaxed);
    return distance(at, tail) > distance(shared, tail) ? at : shared;
  }

  /// This costs no read-modify-write: the owner takes, then looks at the lease's end; a thief moves the end, then looks
  /// at what the owner took (the THE protocol of Cilk-5), and the thief pays for the barrier of both.
  [[nodiscard]] Node* pop_leased(index at) noexcept {
    lease_at_.store(masked(at + 1), std::memory_order_relaxed);
    P::light_barrier();  // E-LEASE
    if (holds(distance(at, lease_end_.load(std::memory_order_relaxed)))) [[likely]]
      return slot(at).get();
    lease_at_.store(at, std::memory_order_relaxed);
    return pop_disputed();
  }

  /// Takes the oldest node that is not leased, and leases the next ones if there are enough.
  Node* pop_shared() noexcept {
    const index tail = tail_.load(std::memory_order_relaxed);
    // Guessed rather than read: a read right after the last exchange of the same word would wait for it.
    index head = next_pop_;
    if (distance(head, tail) >= P::least_lease && P::has_asymmetric_barriers()) {
      index expected = nobody;
      if (steal_from_.compare_exchange_strong(expected, head, std::memory_order_acquire,  // E-STEAL
                                              std::memory_order_relaxed)) {
        return pop_and_lease(tail);
      }
    }
    while (head != tail) {
      // Relaxed: a thief that sees this head and an older tail sees more than fits, and looks again.
      if (head_.compare_exchange_weak(head, masked(head + 1), std::memory_order_relaxed, std::memory_order_relaxed)) {
        next_pop_ = masked(head + 1);
        return slot(head).get();
      }
    }
    next_pop_ = head;
    return nullptr;
  }

  /// Under the thieves' lock, which it gives back: nobody else moves the head.
  Node* pop_and_lease(index tail) noexcept {
    const index head = head_.load(std::memory_order_relaxed);
    const index available = distance(head, tail);
    Node* first = nullptr;
    next_pop_ = head;
    if (available != 0) {
      next_pop_ = masked(head + (available < P::lease_capacity ? available : P::lease_capacity));
      lease_at_.store(masked(head + 1), std::memory_order_relaxed);
      lease_end_.store(next_pop_, std::memory_order_relaxed);
      head_.store(next_pop_, std::memory_order_release);  // E-STEAL
      first = slot(head).get();
    }
    steal_from_.store(nobody, std::memory_order_release);  // E-STEAL
    return first;
  }

  /// A thief moves the end of the lease: what is left is settled under its lock. Out of line: it would cost `pop` saved
  /// registers on its short way.
  [[gnu::noinline]] Node* pop_disputed() noexcept {
    lock_against_thieves();
    const index at = lease_at_.load(std::memory_order_relaxed);
    const bool mine = at != lease_end_.load(std::memory_order_relaxed);
    if (mine) lease_at_.store(masked(at + 1), std::memory_order_relaxed);
    steal_from_.store(nobody, std::memory_order_release);  // E-STEAL
    return mine ? slot(at).get() : pop_shared();
  }

  /// The owner's. Everything that it may still read, or a thief, is at or behind the place noted.
  void lock_against_thieves() noexcept {
    index expected = nobody;
    while (!steal_from_.compare_exchange_weak(expected, lease_at_.load(std::memory_order_relaxed),
                                              std::memory_order_acquire, std::memory_order_relaxed)) {  // E-STEAL
      expected = nobody;
      P::yield();
    }
  }

  /// A thief's whole visit: locks, claims what `choose(available)` says, hands it to `sink` with its offset, unlocks.
  template <class Choose, class Sink>
  steal_status take_claimed(Choose&& choose, Sink&& sink, std::size_t& rest, std::uint64_t& retries) noexcept {
    index head = head_.load(std::memory_order_acquire);  // E-STEAL
    const index at = lease_at_.load(std::memory_order_relaxed);
    const bool leased = at != lease_end_.load(std::memory_order_relaxed);
    if (!leased && head == tail_.load(std::memory_order_relaxed)) return steal_status::empty;
    index expected = nobody;
    if (steal_from_.load(std::memory_order_relaxed) != nobody ||
        !steal_from_.compare_exchange_strong(expected, leased ? at : head, std::memory_order_acquire,  // E-STEAL
                                             std::memory_order_relaxed)) {
      return steal_status::contended;
    }
    index from = head;
    index count = 0;
    steal_status status = claim_shared(choose, from, count, retries);
    if (status == steal_status::empty) status = claim_leased(choose, from, count);
    if (status == steal_status::stolen) {
      for (index offset = 0; offset < count; ++offset) sink(offset, slot(masked(from + offset)).get());
      rest = static_cast<std::size_t>(count) - 1;
    }
    steal_from_.store(nobody, std::memory_order_release);  // E-STEAL
    return status;
  }

  /// Claims the oldest nodes that nobody has, under the lock; only the owner races, one node at a time.
  template <class Choose>
  steal_status claim_shared(Choose&& choose, index& head, index& count, std::uint64_t& retries) noexcept {
    for (std::uint32_t attempt = 0; attempt < P::steal_attempts || P::seed_defect(23); ++attempt) {
      const index available = distance(head, tail_.load(std::memory_order_acquire));  // E-PUSH
      if (available == 0) return steal_status::empty;
      if (available > capacity) {  // the head is old by now
        head = head_.load(std::memory_order_relaxed);
        ++retries;
        continue;
      }
      count = choose(available);
      if (head_.compare_exchange_strong(head, masked(head + count), std::memory_order_release,  // E-STEAL
                                        std::memory_order_relaxed)) {
        return steal_status::stolen;
      }
      // The lost race brought the line here: the next try is likely to win against an owner who must fetch it back.
      ++retries;
    }
    return steal_status::contended;
  }

  /// Takes the newer part of the owner's lease back, under the lock.
  template <class Choose>
  steal_status claim_leased(Choose&& choose, index& from, index& count) noexcept {
    const index end = lease_end_.load(std::memory_order_relaxed);
    const index held = distance(lease_at_.load(std::memory_order_relaxed), end);
    if (!holds(held)) return steal_status::empty;
    from = masked(end - choose(held));
    lease_end_.store(from, std::memory_order_release);  // E-STEAL
    P::heavy_barrier();                                 // E-LEASE
    const index at = lease_at_.load(std::memory_order_relaxed);
    if (distance(at, end) > capacity || at == end) {  // the owner has taken all
      lease_end_.store(end, std::memory_order_relaxed);
      return steal_status::empty;
    }
    if (distance(from, at) != 0 && distance(from, at) <= capacity) {  // the owner has gone beyond: less is left
      from = at;
      lease_end_.store(from, std::memory_order_release);  // E-STEAL
    }
    count = distance(from, end);
    return steal_status::stolen;
  }

  alignas(TREADLE_CACHE_LINE) typename P::template atomic<index> head_{0};
  typename P::template atomic<index> steal_from_{nobody};
  alignas(TREADLE_CACHE_LINE) typename P::template atomic<index> tail_{0};
  typename P::template atomic<index> lease_at_{0};   ///< the next node of the lease; the owner's to move
  typename P::template atomic<index> lease_end_{0};  ///< moved by the owner to lease, by a thief to take back
  index next_pop_ = 0;                               ///< where the owner expects the head
  index free_from_ = 0;                              ///< the owner's last reading of `oldest_in_use`
  alignas(TREADLE_CACHE_LINE) typename P::template plain<Node*> slots_[P::ring_capacity]{};
};

}  // namespace treadle::detail
