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

/// Returns the number by which the system knows this process.
[[nodiscard]] std::uint32_t process_number() noexcept;
/// Returns the number by which the system knows the calling thread.
[[nodiscard]] std::uint32_t thread_number() noexcept;
/// Returns new memory, whole pages of zeros, that is never given back; null if it is refused.
[[nodiscard]] void* map_pages(std::size_t bytes) noexcept;
/// Writes all of it. A reader who keeps us waiting for a second ends it with -EAGAIN. A signal handler may call it;
/// leaves errno as it was. Returns 0 or a negated errno.
[[nodiscard]] int write_all(int descriptor, const char* text, std::size_t bytes) noexcept;

/// Says whether the address lies in the program or a library that is loaded now. Takes the loader's lock.
[[nodiscard]] bool is_loaded(const void* address) noexcept;

inline constexpr int last_signal = 64;
/// Has `handler` called for a signal, and keeps what was called before. One owner a signal. Returns 0 or a negated
/// errno.
[[nodiscard]] int take_signal(int number, void (*handler)(int)) noexcept;
/// Sets up again what was kept. A signal handler may call it, and the next ones.
void give_signal_back(int number) noexcept;
/// Sends the calling thread a signal, which comes when the handler that it is in returns.
void raise_again(int number) noexcept;
/// Says whether a signal tells that the process is at its end.
[[nodiscard]] bool ends_the_process(int number) noexcept;

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
