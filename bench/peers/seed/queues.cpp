#include "seed_pool.hpp"

#include <linux/futex.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <climits>

namespace seed {

using enum std::memory_order;

void batch::push(const batch& appended) noexcept {
  if (appended.size == 0) return;
  if (size == 0) {
    *this = appended;
    return;
  }
  tail->next = appended.head;
  tail = appended.tail;
  size += appended.size;
}

void event::wait() noexcept {
  std::uint32_t take_with = empty;
  std::uint32_t state = state_.load(relaxed);
  for (;;) {
    if (state == shut_down) {
      std::atomic_thread_fence(acquire);
      return;
    }
    if (state == notified) {
      if (state_.compare_exchange_weak(state, take_with, acquire, relaxed)) return;
      continue;
    }
    if (state != waiting && !state_.compare_exchange_weak(state, waiting, relaxed, relaxed)) continue;
    syscall(SYS_futex, &state_, FUTEX_WAIT_PRIVATE, waiting, nullptr, nullptr, 0);
    state = state_.load(relaxed);
    take_with = waiting;  // others may sleep here still, so the next post must look
  }
}

void event::wake(std::uint32_t with, int threads) noexcept {
  if (state_.exchange(with, release) == waiting) {
    syscall(SYS_futex, &state_, FUTEX_WAKE_PRIVATE, threads, nullptr, nullptr, 0);
  }
}

void overflow_queue::push(node_list list) noexcept {
  std::uintptr_t stack = stack_.load(relaxed);
  std::uintptr_t wanted = 0;
  do {
    list.tail->next = reinterpret_cast<node*>(stack & ~flags);
    wanted = reinterpret_cast<std::uintptr_t>(list.head) | (stack & flags);
  } while (!stack_.compare_exchange_weak(stack, wanted, std::memory_order_release, relaxed));
}

bool overflow_queue::acquire(node*& consumer) noexcept {
  std::uintptr_t stack = stack_.load(relaxed);
  for (;;) {
    if ((stack & consuming) != 0) return false;
    if ((stack & ~consuming) == 0) return false;
    std::uintptr_t wanted = stack | has_cache | consuming;
    if ((stack & has_cache) == 0) wanted &= flags;
    if (stack_.compare_exchange_weak(stack, wanted, std::memory_order_acquire, relaxed)) break;
  }
  consumer = cache_ != nullptr ? cache_ : reinterpret_cast<node*>(stack & ~flags);
  return true;
}

void overflow_queue::release(node* consumer) noexcept {
  cache_ = consumer;
  stack_.fetch_sub(consumer == nullptr ? consuming | has_cache : consuming, std::memory_order_release);
}

node* overflow_queue::pop(node*& consumer) noexcept {
  if (node* const first = consumer; first != nullptr) {
    consumer = first->next;
    return first;
  }
  if ((stack_.load(relaxed) & ~flags) == 0) return nullptr;
  const std::uintptr_t stack = stack_.exchange(has_cache | consuming, std::memory_order_acquire);
  node* const first = reinterpret_cast<node*>(stack & ~flags);
  consumer = first->next;
  return first;
}

/// Returns false when the list, extended by half of the ring, has to go to the overflow queue.
bool ring::push(node_list& list) noexcept {
  index head = head_.load(relaxed);
  index tail = tail_.load(relaxed);
  for (;;) {
    index size = tail - head;
    if (size < capacity) {
      node* rest = list.head;
      for (; size < capacity && rest != nullptr; ++size) {
        node* const pushed = rest;
        rest = rest->next;
        set_slot(tail++, pushed);
      }
      tail_.store(tail, release);
      if (rest == nullptr) return true;
      list.head = rest;
      __builtin_ia32_pause();
      head = head_.load(relaxed);
      continue;
    }
    index migrate = size / 2;
    if (!head_.compare_exchange_weak(head, head + migrate, acquire, relaxed)) continue;
    node* const first = slot(head);
    for (; migrate > 0; --migrate) {
      node* const previous = slot(head++);
      previous->next = slot(head);
    }
    slot(head - 1)->next = list.head;
    list.tail->next = nullptr;
    list.head = first;
    return false;
  }
}

node* ring::pop() noexcept {
  index head = head_.load(relaxed);
  const index tail = tail_.load(relaxed);
  while (tail != head) {
    if (head_.compare_exchange_weak(head, head + 1, acquire, relaxed)) return slot(head);
  }
  return nullptr;
}

stolen ring::consume(overflow_queue& queue) noexcept {
  node* consumer = nullptr;
  if (!queue.acquire(consumer)) return {};
  const index tail = tail_.load(relaxed);
  index pushed = 0;
  for (; pushed < capacity; ++pushed) {
    node* const next = queue.pop(consumer);
    if (next == nullptr) break;
    set_slot(tail + pushed, next);
  }
  node* taken = queue.pop(consumer);
  if (taken == nullptr && pushed > 0) taken = slot(tail + --pushed);
  if (pushed > 0) tail_.store(tail + pushed, release);
  queue.release(consumer);
  return {taken, pushed > 0};
}

stolen ring::steal(ring& victim) noexcept {
  const index tail = tail_.load(relaxed);
  for (;; __builtin_ia32_pause()) {
    index victim_head = victim.head_.load(acquire);
    const index victim_tail = victim.tail_.load(acquire);
    const index size = victim_tail - victim_head;
    if (size > capacity) continue;
    const index wanted = size - size / 2;
    if (wanted == 0) return {};
    for (index i = 0; i < wanted; ++i) set_slot(tail + i, victim.slot(victim_head + i));
    if (!victim.head_.compare_exchange_strong(victim_head, victim_head + wanted, acq_rel, relaxed)) continue;
    const index pushed = wanted - 1;
    node* const taken = slot(tail + pushed);
    if (pushed > 0) tail_.store(tail + pushed, release);
    return {taken, pushed > 0};
  }
}

}  // namespace seed
