// What one would write by hand, on std::atomic and plain members: no policy, no template, no named transition.
#include "twin.hpp"

#include <treadle/config.hpp>
#include <treadle/detail/system_policy.hpp>

using order = std::memory_order;

struct twin_ring {
  alignas(TREADLE_CACHE_LINE) std::atomic<std::uint64_t> head;
  std::atomic<std::uint64_t> steal_from;
  alignas(TREADLE_CACHE_LINE) std::atomic<std::uint64_t> tail;
  std::atomic<std::uint64_t> lease_at;
  std::atomic<std::uint64_t> lease_end;
  std::uint64_t next_pop;
  std::uint64_t free_from;
  alignas(TREADLE_CACHE_LINE) twin_node* slots[256];
};

struct twin_queue {
  alignas(TREADLE_CACHE_LINE) std::atomic<std::uintptr_t> newest;
  alignas(TREADLE_CACHE_LINE) std::atomic<std::uint32_t> consuming;
  std::atomic<twin_node*> oldest;
};

constexpr std::uint64_t index_mask = INT64_MAX, nobody = UINT64_MAX;
inline std::size_t room_between(std::uint64_t from, std::uint64_t tail) {
  const std::uint64_t used = (tail - from) & index_mask;
  return used < 256 ? 256 - used : 0;
}

static twin_node* pop_and_lease(twin_ring& ring, std::uint64_t tail) {
  const std::uint64_t head = ring.head.load(order::relaxed);
  const std::uint64_t available = (tail - head) & index_mask;
  twin_node* first = nullptr;
  ring.next_pop = head;
  if (available != 0) {
    ring.next_pop = (head + (available < 32 ? available : 32)) & index_mask;
    ring.lease_at.store((head + 1) & index_mask, order::relaxed);
    ring.lease_end.store(ring.next_pop, order::relaxed);
    ring.head.store(ring.next_pop, order::release);
    first = ring.slots[head & 255];
  }
  ring.steal_from.store(nobody, order::release);
  return first;
}

static twin_node* pop_shared(twin_ring& ring) {
  const std::uint64_t tail = ring.tail.load(order::relaxed);
  std::uint64_t head = ring.next_pop;
  if (((tail - head) & index_mask) >= 4 && treadle::detail::asymmetric_barriers.load(order::relaxed)) {
    std::uint64_t expected = nobody;
    if (ring.steal_from.compare_exchange_strong(expected, head, order::acquire, order::relaxed)) {
      return pop_and_lease(ring, tail);
    }
  }
  while (head != tail) {
    if (ring.head.compare_exchange_weak(head, (head + 1) & index_mask, order::release, order::relaxed)) {
      ring.next_pop = (head + 1) & index_mask;
      return ring.slots[head & 255];
    }
  }
  ring.next_pop = head;
  return nullptr;
}

[[gnu::noinline]] static twin_node* pop_disputed(twin_ring& ring) {
  std::uint64_t expected = nobody;
  while (!ring.steal_from.compare_exchange_weak(expected, ring.lease_at.load(order::relaxed), order::acquire,
                                                order::relaxed)) {
    expected = nobody;
    treadle::detail::yield_thread();
  }
  const std::uint64_t at = ring.lease_at.load(order::relaxed);
  const bool mine = at != ring.lease_end.load(order::relaxed);
  if (mine) ring.lease_at.store((at + 1) & index_mask, order::relaxed);
  ring.steal_from.store(nobody, order::release);
  return mine ? ring.slots[at & 255] : pop_shared(ring);
}

struct twin_claim {
  int kind = 0;
  bool searcher = false;
};

extern "C" {

bool twin_ring_push(twin_ring& ring, twin_node* node) {
  const std::uint64_t tail = ring.tail.load(order::relaxed);
  if (room_between(ring.free_from, tail) == 0) {
    const std::uint64_t end = ring.lease_end.load(order::acquire);
    const std::uint64_t head = ring.head.load(order::acquire);
    const std::uint64_t from = ring.steal_from.load(order::acquire);
    std::uint64_t oldest = from != nobody ? from : head;
    const std::uint64_t at = ring.lease_at.load(order::relaxed);
    if (at != end) {
      const std::uint64_t tail_now = ring.tail.load(order::relaxed);
      if (((tail_now - at) & index_mask) > ((tail_now - oldest) & index_mask)) oldest = at;
    }
    ring.free_from = oldest;
  }
  if (room_between(ring.free_from, tail) == 0) return false;
  ring.slots[ring.tail.load(order::relaxed) & 255] = node;
  ring.tail.store((ring.tail.load(order::relaxed) + 1) & index_mask, order::release);
  return true;
}

twin_node* twin_ring_pop(twin_ring& ring) {
  const std::uint64_t at = ring.lease_at.load(order::relaxed);
  if (at == ring.lease_end.load(order::relaxed)) return pop_shared(ring);
  ring.lease_at.store((at + 1) & index_mask, order::relaxed);
  std::atomic_signal_fence(order::seq_cst);
  const std::uint64_t left = (ring.lease_end.load(order::relaxed) - at) & index_mask;
  if (left != 0 && left <= 256) return ring.slots[at & 255];
  ring.lease_at.store(at, order::relaxed);
  return pop_disputed(ring);
}

std::uint64_t twin_word_look(std::atomic<std::uint64_t>& word) { return word.load(order::relaxed); }

bool twin_word_can_wake(std::atomic<std::uint64_t>& word, std::uint32_t width, std::uint32_t limit) {
  const std::uint64_t now = word.load(order::relaxed);
  if ((now >> 42 & 1) != 0) return false;
  return (static_cast<std::uint32_t>(now) & 0x3fff) < width &&
         ((static_cast<std::uint32_t>(now >> 14) & 0x3fff) != 0 ||
          (static_cast<std::uint32_t>(now >> 28) & 0x3fff) < limit) &&
         static_cast<std::uint32_t>(now >> 44 & 3) < 2;
}

twin_claim twin_word_claim(std::atomic<std::uint64_t>& word, std::uint32_t width, std::uint32_t limit) {
  std::uint64_t now = word.load(order::relaxed);
  for (;;) {
    const std::uint32_t active = static_cast<std::uint32_t>(now) & 0x3fff;
    const std::uint32_t idle = static_cast<std::uint32_t>(now >> 14) & 0x3fff;
    const std::uint32_t total = static_cast<std::uint32_t>(now >> 28) & 0x3fff;
    const bool searching = (now >> 42 & 1) != 0;
    if (!(active < width && (idle != 0 || total < limit) && (now >> 44 & 3) < 2) || searching) return {};
    std::uint64_t next = now + 1;
    next = idle == 0 ? next + (std::uint64_t{1} << 28) : next - (std::uint64_t{1} << 14);
    next |= std::uint64_t{1} << 42;
    if (word.compare_exchange_weak(now, next, order::seq_cst, order::relaxed)) return {idle == 0 ? 2 : 1, true};
  }
}

void twin_event_notify(std::atomic<std::uint32_t>& word) {
  std::uint32_t now = word.load(order::relaxed);
  do {
    if ((now & 4) != 0) return;
  } while (!word.compare_exchange_weak(now, now | 1, order::release, order::relaxed));
  if ((now & 1) != 0) return;
  if (now >= 8) treadle::detail::futex_wake(&word, 1);
}

int twin_queue_push(twin_queue& queue, twin_node* node) {
  constexpr std::uintptr_t closed = 1, armed = 2, mark = 2;
  const auto marked = [](twin_node* link) {
    return reinterpret_cast<twin_node*>(reinterpret_cast<std::uintptr_t>(link) | mark);
  };
  node->next.store(marked(nullptr), order::relaxed);
  bool announced = false;
  std::uintptr_t word = queue.newest.load(order::relaxed);
  for (;;) {
    if ((word & armed) != 0 && !announced) {
      announced = true;
      word = queue.newest.load(order::relaxed);
      continue;
    }
    if (queue.newest.compare_exchange_weak(word, reinterpret_cast<std::uintptr_t>(node) | (word & closed),
                                           order::seq_cst, order::relaxed)) {
      break;
    }
  }
  auto* const before = reinterpret_cast<twin_node*>(word & ~std::uintptr_t{7});
  (before != nullptr ? before->next : queue.oldest).store(marked(node), order::release);
  return (word & armed) != 0 ? 1 : 0;
}
}
