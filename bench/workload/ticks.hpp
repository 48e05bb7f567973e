#pragma once

#include "clock.hpp"

#include <array>
#include <atomic>
#include <cstdint>
#include <cstdlib>

namespace bench {

/// Counts finished tasks without a shared cache line: one slot a thread, written by that thread only.
/// An atomic addition to one counter would cost more than the tasks that are measured.
struct alignas(128) tick_slot {
  std::atomic<std::uint64_t> count{0};
};

inline constinit std::array<tick_slot, 256> tick_slots{};
inline constinit std::atomic<std::size_t> tick_slots_used{0};
inline constinit thread_local tick_slot* my_ticks = nullptr;

/// The body of an empty task; a task that stands for more counts more.
inline void tick(std::uint64_t amount = 1) noexcept {
  tick_slot* slot = my_ticks;
  if (slot == nullptr) [[unlikely]] {
    const std::size_t index = tick_slots_used.fetch_add(1, std::memory_order_relaxed);
    if (index >= tick_slots.size()) std::abort();
    slot = my_ticks = &tick_slots[index];
  }
  slot->count.store(slot->count.load(std::memory_order_relaxed) + amount, std::memory_order_release);
}

inline std::uint64_t ticks() noexcept {
  std::uint64_t sum = 0;
  for (const tick_slot& slot : tick_slots) sum += slot.count.load(std::memory_order_acquire);
  return sum;
}

/// Waits until `goal` ticks were counted, asleep for the most part: a spinning waiter would take a processor
/// from the workers that are measured.
inline void wait_for_ticks(std::uint64_t goal) noexcept {
  while (ticks() < goal) sleep_ns(10'000);
}

}  // namespace bench
