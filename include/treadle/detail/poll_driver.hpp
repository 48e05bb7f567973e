#pragma once

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>

namespace treadle::detail {

/// What one look at the operating system brought, as yet unread: keys that only the driver understands.
struct poll_batch {
  struct entry {
    std::uint64_t key = 0;
    std::uint32_t what = 0;
  };
  static constexpr std::uint32_t capacity = 64;

  std::array<entry, capacity> entries;
  std::uint32_t count = 0;
  bool heard_bell = false;  ///< one ring of the bell was in it, and is heard by nobody else
};

/// Tasks in a row, linked by their `next`.
template <class Task>
struct task_row {
  Task* first = nullptr;
  Task* last = nullptr;
  std::size_t count = 0;

  void push_back(Task& added) noexcept {
    added.next.store(nullptr, std::memory_order_relaxed);
    if (first == nullptr) {
      first = &added;
    } else {
      last->next.store(&added, std::memory_order_relaxed);
    }
    last = &added;
    ++count;
  }
  Task* pop_front() noexcept {
    Task* const taken = first;
    first = taken->next.load(std::memory_order_relaxed);
    taken->next.store(nullptr, std::memory_order_relaxed);
    --count;
    return taken;
  }
};

/// Where workers without work sleep while a pool has descriptors to watch: epoll, or what stands for it in a model.
/// docs/design/io.md.
template <class Task>
class poll_driver {
 public:
  poll_driver() noexcept = default;
  poll_driver(const poll_driver&) = delete;
  poll_driver& operator=(const poll_driver&) = delete;
  virtual ~poll_driver() = default;

  /// Sleeps until something is ready, the bell rings or `deadline_ns` passes, and takes up to a batch of what there is.
  /// May return early, with nothing. With a deadline that has passed it only looks. Any number of threads.
  virtual void wait(std::int64_t deadline_ns, poll_batch& into) noexcept = 0;
  /// Wakes one of those who sleep in `wait`; if nobody does, the next one's `wait` returns at once.
  virtual void ring() noexcept = 0;
  /// Empties `from`, and adds the tasks that wait for what is in it to `ready`.
  virtual void deliver(poll_batch& from, task_row<Task>& ready) noexcept = 0;
  /// Says whether the thread of that worker, which calls it, may end: nothing that was begun on it is still under way.
  virtual bool lets_go(std::uint32_t worker) noexcept = 0;
  /// Ends all waits, now and later, and returns once what the kernel still had a hand in is over, or `deadline_ns` has
  /// passed. Any number of times, any thread.
  virtual void close(std::int64_t deadline_ns) noexcept = 0;
};

}  // namespace treadle::detail
