#include "seed_pool.hpp"

#include <pthread.h>

namespace seed {

using enum std::memory_order;

namespace {

/// The packed word: two counters of 14 bits, an unused bit, a notification, two bits of state.
struct sync_word {
  enum state_type : std::uint32_t { pending, signaled, waking, shut };

  std::uint32_t idle;
  std::uint32_t spawned;
  bool notified;
  state_type state;

  static sync_word unpack(std::uint32_t word) noexcept {
    return {word & 0x3fffu, word >> 14 & 0x3fffu, (word >> 29 & 1u) != 0, static_cast<state_type>(word >> 30)};
  }
  [[nodiscard]] std::uint32_t pack() const noexcept {
    return idle | spawned << 14 | static_cast<std::uint32_t>(notified) << 29 | static_cast<std::uint32_t>(state) << 30;
  }
};

constexpr std::uint32_t one_spawned = 1u << 14;

thread_local worker* current = nullptr;

}  // namespace

void pool::schedule(const batch& tasks) noexcept {
  if (tasks.size == 0) return;
  node_list list{tasks.head, tasks.tail};
  if (current != nullptr) {
    if (!current->buffer.push(list)) current->queue.push(list);
  } else {
    queue_.push(list);
  }
  notify(false);
}

inline void pool::notify(bool is_waking) noexcept {
  if (!is_waking && sync_word::unpack(sync_.load(relaxed)).notified) return;
  notify_slow(is_waking);
}

[[gnu::noinline]] void pool::notify_slow(bool is_waking) noexcept {
  std::uint32_t word = sync_.load(relaxed);
  for (;;) {
    const sync_word sync = sync_word::unpack(word);
    if (sync.state == sync_word::shut) return;
    const bool can_wake = is_waking || sync.state == sync_word::pending;
    sync_word wanted = sync;
    wanted.notified = true;
    if (can_wake && sync.idle > 0) {
      wanted.state = sync_word::signaled;
    } else if (can_wake && sync.spawned < max_threads_) {
      wanted.state = sync_word::signaled;
      wanted.spawned += 1;
    } else if (is_waking) {
      wanted.state = sync_word::pending;
    } else if (sync.notified) {
      return;
    }
    if (!sync_.compare_exchange_weak(word, wanted.pack(), release, relaxed)) continue;
    if (can_wake && sync.idle > 0) return idle_event_.post();
    if (can_wake && sync.spawned < max_threads_) spawn();
    return;
  }
}

void pool::spawn() noexcept {
  pthread_t thread{};
  const auto entry = [](void* owner) -> void* {
    worker().run(*static_cast<pool*>(owner));
    return nullptr;
  };
  if (pthread_create(&thread, nullptr, entry, this) != 0) return unregister(nullptr);
  pthread_detach(thread);
}

/// Returns false at shutdown; `is_waking` says on return whether this worker is the one that wakes the next.
[[gnu::noinline]] bool pool::wait(bool& is_waking) noexcept {
  bool is_idle = false;
  std::uint32_t word = sync_.load(relaxed);
  for (;;) {
    const sync_word sync = sync_word::unpack(word);
    if (sync.state == sync_word::shut) return false;
    sync_word wanted = sync;
    if (sync.notified) {
      wanted.notified = false;
      if (is_idle) wanted.idle -= 1;
      if (sync.state == sync_word::signaled) wanted.state = sync_word::waking;
      if (!sync_.compare_exchange_weak(word, wanted.pack(), acquire, relaxed)) continue;
      is_waking = is_waking || sync.state == sync_word::signaled;
      return true;
    }
    if (!is_idle) {
      wanted.idle += 1;
      if (is_waking) wanted.state = sync_word::pending;
      if (!sync_.compare_exchange_weak(word, wanted.pack(), relaxed, relaxed)) continue;
      is_waking = false;
      is_idle = true;
      word = wanted.pack();
      continue;
    }
    idle_event_.wait();
    word = sync_.load(relaxed);
  }
}

void pool::shutdown() noexcept {
  std::uint32_t word = sync_.load(relaxed);
  for (;;) {
    const sync_word sync = sync_word::unpack(word);
    if (sync.state == sync_word::shut) return;
    const sync_word wanted{0, sync.spawned, true, sync_word::shut};
    if (!sync_.compare_exchange_weak(word, wanted.pack(), acq_rel, relaxed)) continue;
    if (sync.idle > 0) idle_event_.shut();
    return;
  }
}

void pool::enlist(worker& added) noexcept {
  worker* first = workers_.load(relaxed);
  do {
    added.next = first;
  } while (!workers_.compare_exchange_weak(first, &added, release, relaxed));
}

void pool::unregister(worker* left) noexcept {
  const sync_word sync = sync_word::unpack(sync_.fetch_sub(one_spawned, release));
  if (sync.state == sync_word::shut && sync.spawned == 1) join_event_.post();
  if (left == nullptr) return;
  left->join_event.wait();
  if (left->next != nullptr) left->next->join_event.post();
}

void pool::join() noexcept {
  const sync_word sync = sync_word::unpack(sync_.load(relaxed));
  if (sync.state != sync_word::shut || sync.spawned != 0) join_event_.wait();
  if (worker* const first = workers_.load(acquire); first != nullptr) first->join_event.post();
}

void worker::run(pool& owner) noexcept {
  current = this;
  owner.enlist(*this);
  bool is_waking = false;
  while (owner.wait(is_waking)) {
    for (;;) {
      const stolen found = pop(owner);
      if (found.taken == nullptr) break;
      if (found.pushed || is_waking) owner.notify(is_waking);
      is_waking = false;
      task* const ready = static_cast<task*>(found.taken);
      ready->callback(ready);
    }
  }
  owner.unregister(this);
}

stolen worker::pop(pool& owner) noexcept {
  if (node* const own = buffer.pop(); own != nullptr) return {own, false};
  if (const stolen found = buffer.consume(queue); found.taken != nullptr) return found;
  if (const stolen found = buffer.consume(owner.queue_); found.taken != nullptr) return found;
  for (std::uint32_t left = sync_word::unpack(owner.sync_.load(relaxed)).spawned; left > 0; --left) {
    worker* const victim = target != nullptr ? target : owner.workers_.load(acquire);
    target = victim->next;
    if (const stolen found = buffer.consume(victim->queue); found.taken != nullptr) return found;
    if (victim == this) continue;
    if (const stolen found = buffer.steal(victim->buffer); found.taken != nullptr) return found;
  }
  return {};
}

}  // namespace seed
