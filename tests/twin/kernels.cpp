// The kernels as the library instantiates them, one function each, to be held against twins.cpp.
#include "twin.hpp"

#include <treadle/detail/event.hpp>
#include <treadle/detail/ring.hpp>
#include <treadle/detail/sync_word.hpp>
#include <treadle/detail/system_policy.hpp>
#include <treadle/detail/task_queue.hpp>

using namespace treadle::detail;

extern "C" {

bool kernel_ring_push(ring<system_policy, twin_node>& ring, twin_node* node) { return ring.push(node); }

twin_node* kernel_ring_pop(ring<system_policy, twin_node>& ring) { return ring.pop(); }

std::uint64_t kernel_word_look(sync_word<system_policy>& word) { return word.look().word(); }

bool kernel_word_can_wake(sync_word<system_policy>& word, std::uint32_t width, std::uint32_t limit) {
  const sync_state now = word.look();
  return !now.searching() && now.can_wake(width, limit);
}

wake_claim kernel_word_claim(sync_word<system_policy>& word, std::uint32_t width, std::uint32_t limit) {
  return word.claim_wake(width, limit, false);
}

void kernel_event_notify(event<system_policy>& event) { event.notify(); }

int kernel_queue_push(task_queue<system_policy, twin_node>& queue, twin_node* node) {
  return static_cast<int>(queue.push(node, node, true));
}
}
