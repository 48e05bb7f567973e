#pragma once

#include <treadle/task.hpp>

#include <atomic>
#include <cstddef>
#include <iterator>
#include <utility>

namespace treadle {

namespace detail {
/// Aborts with the task's address if it is queued. Does nothing in a library that was built without debug checks.
TREADLE_EXPORT void check_not_queued(const task& checked) noexcept;
}  // namespace detail

/// A list of tasks that is scheduled as a whole, in the order of the pushes. Joining two is O(1); nothing allocates.
/// Owned by one thread at a time. Destroying one that is not empty only unlinks: the tasks are the user's.
class batch {
 public:
  constexpr batch() noexcept = default;
  explicit batch(task& only) noexcept { push(only); }
  batch(batch&& other) noexcept
      : head_(std::exchange(other.head_, nullptr)),
        tail_(std::exchange(other.tail_, nullptr)),
        size_(std::exchange(other.size_, 0)) {}
  batch& operator=(batch&& other) noexcept {
    if (this != &other) {
      clear();
      push(std::move(other));
    }
    return *this;
  }
  batch(const batch&) = delete;
  batch& operator=(const batch&) = delete;
  ~batch() = default;

  /// Makes a batch of the given tasks, in this order.
  template <class... Tasks>
  [[nodiscard]] static batch of(Tasks&... tasks) noexcept {
    batch result;
    (result.push(tasks), ...);
    return result;
  }

  /// Appends one task. It must not be queued anywhere. O(1).
  void push(task& appended) noexcept {
#ifndef NDEBUG
    detail::check_not_queued(appended);
#endif
    appended.next.store(nullptr, std::memory_order_relaxed);
    if (tail_ == nullptr) {
      head_ = &appended;
    } else {
      tail_->next.store(&appended, std::memory_order_relaxed);
    }
    tail_ = &appended;
    ++size_;
  }

  /// Appends all tasks of `appended`, which is empty afterwards. O(1).
  void push(batch&& appended) noexcept {
    if (appended.head_ == nullptr || this == &appended) return;
    if (tail_ == nullptr) {
      head_ = appended.head_;
    } else {
      tail_->next.store(appended.head_, std::memory_order_relaxed);
    }
    tail_ = appended.tail_;
    size_ += appended.size_;
    appended.head_ = appended.tail_ = nullptr;
    appended.size_ = 0;
  }

  /// Takes the first task out; returns null when the batch is empty. O(1).
  task* pop() noexcept {
    task* first = head_;
    if (first == nullptr) return nullptr;
    head_ = first == tail_ ? nullptr : first->next.load(std::memory_order_relaxed);
    if (head_ == nullptr) tail_ = nullptr;
    --size_;
    first->next.store(nullptr, std::memory_order_relaxed);
    return first;
  }

  /// Lets go of all tasks without touching them. O(1).
  void clear() noexcept {
    head_ = tail_ = nullptr;
    size_ = 0;
  }

  [[nodiscard]] std::size_t size() const noexcept { return size_; }
  [[nodiscard]] bool empty() const noexcept { return head_ == nullptr; }

  /// Walks the tasks in order. Pushing is allowed meanwhile, popping the current one is not.
  class iterator {
   public:
    using iterator_category = std::forward_iterator_tag;
    using value_type = task;
    using difference_type = std::ptrdiff_t;
    using pointer = task*;
    using reference = task&;

    constexpr iterator() noexcept = default;
    reference operator*() const noexcept { return *current_; }
    pointer operator->() const noexcept { return current_; }
    iterator& operator++() noexcept {
      current_ = current_->next.load(std::memory_order_relaxed);
      return *this;
    }
    iterator operator++(int) noexcept {
      iterator before = *this;
      ++*this;
      return before;
    }
    friend bool operator==(const iterator&, const iterator&) = default;

   private:
    friend class batch;
    explicit iterator(task* current) noexcept : current_(current) {}
    task* current_ = nullptr;
  };

  [[nodiscard]] iterator begin() const noexcept { return iterator(head_); }
  [[nodiscard]] iterator end() const noexcept { return iterator(); }

 private:
  friend class thread_pool;
  task* head_ = nullptr;
  task* tail_ = nullptr;
  std::size_t size_ = 0;
};

}  // namespace treadle
