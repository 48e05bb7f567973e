#pragma once

#include <treadle/config.hpp>

#include <cstddef>
#include <new>

namespace treadle::coro::detail {

/// Returns memory for a coroutine frame, aligned as that of operator new. From the calling thread's own store of freed
/// frames of that size, else from what other threads have freed, else from operator new. Throws std::bad_alloc.
[[nodiscard]] TREADLE_EXPORT void* allocate_frame(std::size_t bytes);
/// Gives it back on any thread. Does not block.
TREADLE_EXPORT void free_frame(void* frame, std::size_t bytes) noexcept;

/// An allocator of the standard's kind on that store.
template <class T>
struct frame_allocator {
  using value_type = T;
  frame_allocator() noexcept = default;
  template <class U>
  frame_allocator(const frame_allocator<U>&) noexcept {}
  [[nodiscard]] T* allocate(std::size_t count) {
    static_assert(alignof(T) <= __STDCPP_DEFAULT_NEW_ALIGNMENT__);
    if (count > static_cast<std::size_t>(-1) / sizeof(T)) throw std::bad_array_new_length();
    return static_cast<T*>(allocate_frame(count * sizeof(T)));
  }
  void deallocate(T* memory, std::size_t count) noexcept { free_frame(memory, count * sizeof(T)); }
  friend bool operator==(const frame_allocator&, const frame_allocator&) noexcept { return true; }
};

/// Gives a type's objects memory from that store.
struct in_frame_store {
  static void* operator new(std::size_t bytes) { return allocate_frame(bytes); }
  static void operator delete(void* memory, std::size_t bytes) noexcept { free_frame(memory, bytes); }
};

}  // namespace treadle::coro::detail
