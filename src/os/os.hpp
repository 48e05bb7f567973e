#pragma once

#include <treadle/detail/fork_watch.hpp>

#include <cstddef>
#include <cstdint>

/// The floor below everything: each system call of the core has one declaration here, with its errors as results.
namespace treadle::detail::os {

inline constexpr std::uint32_t any_cpu = UINT32_MAX;

struct thread_options {
  std::size_t stack_bytes = 0;  ///< 0: the system's default
  const char* name = nullptr;
  std::uint32_t index = 0;  ///< appended to the name
  std::uint32_t cpu = any_cpu;
};

/// An operating system thread, and its place in a list of those still to be joined.
struct thread;

/// Starts a thread that calls `entry(argument)`. Null when memory or threads are refused. `*slot` is set before the
/// thread runs, and null again if it could not be started.
bool start_thread(void** slot, void (*entry)(void*) noexcept, void* argument, const thread_options& options) noexcept;
/// Waits for the thread's end and frees what it had.
void join_thread(void* ended) noexcept;
/// The same if the thread has ended already; else returns false.
[[nodiscard]] bool try_join_thread(void* ended) noexcept;
/// Links threads that are to be joined later.
void* next_thread(void* listed) noexcept;
void set_next_thread(void* listed, void* next) noexcept;

/// Returns the smallest stack that a thread can have, and the size of a page.
[[nodiscard]] std::size_t minimum_stack_bytes() noexcept;
[[nodiscard]] std::size_t page_bytes() noexcept;

/// Keeps fork() in other threads from happening. Blocks for a moment at most.
class fork_lock {
 public:
  fork_lock() noexcept;
  ~fork_lock();
  fork_lock(const fork_lock&) = delete;
  fork_lock& operator=(const fork_lock&) = delete;
};

/// Says whether a child of fork() will mark pools as inherited; if memory for that was refused before, tries again.
/// Under the fork lock.
[[nodiscard]] bool can_watch_fork() noexcept;
/// Adds a pool to those that a child of fork() marks as inherited. Under the fork lock.
void watch_fork(fork_watch& watch) noexcept;
/// Takes it out again. Takes the fork lock itself.
void unwatch_fork(fork_watch& watch) noexcept;

}  // namespace treadle::detail::os
