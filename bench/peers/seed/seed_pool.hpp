#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>

/// The algorithm that treadle started from, written down in C++ with all its defects: the baseline of the figures.
/// Never use it for work. See the credits in the README; what is wrong with it is what the regression tests are about.
namespace seed {

struct node {
  node* next = nullptr;
};

struct task : node {
  void (*callback)(task*) noexcept = nullptr;
};

struct batch {
  std::size_t size = 0;
  task* head = nullptr;
  task* tail = nullptr;

  static batch of(task& only) noexcept { return {1, &only, &only}; }
  void push(const batch& appended) noexcept;
};

struct node_list {
  node* head;
  node* tail;
};

/// One token; `shut` is meant to stay, but a later post overwrites it.
class event {
 public:
  void wait() noexcept;
  void post() noexcept { wake(notified, 1); }
  void shut() noexcept { wake(shut_down, INT32_MAX); }

 private:
  static constexpr std::uint32_t empty = 0, waiting = 1, notified = 2, shut_down = 3;
  void wake(std::uint32_t with, int threads) noexcept;
  std::atomic<std::uint32_t> state_{empty};
};

/// Unbounded stack of lists; whoever sets the consumer bit takes from it, everyone else sees it as empty meanwhile.
class overflow_queue {
 public:
  void push(node_list list) noexcept;
  bool acquire(node*& consumer) noexcept;
  void release(node* consumer) noexcept;
  node* pop(node*& consumer) noexcept;

 private:
  static constexpr std::uintptr_t has_cache = 1, consuming = 2, flags = 3;
  std::atomic<std::uintptr_t> stack_{0};
  node* cache_ = nullptr;
};

struct stolen {
  node* taken = nullptr;
  bool pushed = false;
};

/// 256 slots, pushed and popped by one thread, robbed by all.
class ring {
 public:
  bool push(node_list& list) noexcept;
  node* pop() noexcept;
  stolen consume(overflow_queue& queue) noexcept;
  stolen steal(ring& victim) noexcept;

 private:
  using index = std::uint32_t;
  static constexpr index capacity = 256;
  node* slot(index at) const noexcept { return slots_[at % capacity].load(std::memory_order_relaxed); }
  void set_slot(index at, node* value) noexcept { slots_[at % capacity].store(value, std::memory_order_relaxed); }

  std::atomic<index> head_{0};
  std::atomic<index> tail_{0};
  std::atomic<node*> slots_[capacity];
};

class pool;

struct worker {
  worker* next = nullptr;
  worker* target = nullptr;
  event join_event;
  overflow_queue queue;
  ring buffer;

  void run(pool& owner) noexcept;
  stolen pop(pool& owner) noexcept;
};

class pool {
 public:
  explicit pool(unsigned max_threads) noexcept : max_threads_(max_threads) {}
  void schedule(const batch& tasks) noexcept;
  void shutdown() noexcept;
  void join() noexcept;

 private:
  friend struct worker;
  void notify(bool is_waking) noexcept;
  void notify_slow(bool is_waking) noexcept;
  bool wait(bool& is_waking) noexcept;
  void spawn() noexcept;
  void enlist(worker& added) noexcept;
  void unregister(worker* left) noexcept;

  const unsigned max_threads_;
  std::atomic<std::uint32_t> sync_{0};
  event idle_event_;
  event join_event_;
  overflow_queue queue_;
  std::atomic<worker*> workers_{nullptr};
};

}  // namespace seed
