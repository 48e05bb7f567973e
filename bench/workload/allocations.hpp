#pragma once

#include <atomic>
#include <cstdint>
#include <cstdlib>
#include <new>

/// Counts what operator new is asked for in the program whose one source includes this.
namespace bench {

inline constinit std::atomic<std::uint64_t> allocations{0};

inline void* counted_allocation(std::size_t bytes) {
  allocations.fetch_add(1, std::memory_order_relaxed);
  void* const made = std::malloc(bytes);
  if (made == nullptr) throw std::bad_alloc();
  return made;
}

}  // namespace bench

void* operator new(std::size_t bytes) { return bench::counted_allocation(bytes); }
void* operator new[](std::size_t bytes) { return bench::counted_allocation(bytes); }
void operator delete(void* memory) noexcept { std::free(memory); }
void operator delete[](void* memory) noexcept { std::free(memory); }
void operator delete(void* memory, std::size_t) noexcept { std::free(memory); }
void operator delete[](void* memory, std::size_t) noexcept { std::free(memory); }
