#pragma once

#include <treadle/detail/wake_once.hpp>

namespace treadle::detail {

/// A waiter's place in one list. A waiter at several lists has one in each, all with the same `once`.
/// The lock of the list guards it while it is linked.
template <class P>
struct wait_node {
  explicit wait_node(wake_once<P>& decides) noexcept : once(&decides) {}
  wait_node(const wait_node&) = delete;
  wait_node& operator=(const wait_node&) = delete;

  wake_once<P>* const once;
  typename P::template plain<wait_node*> previous{nullptr};
  typename P::template plain<wait_node*> next{nullptr};
  typename P::template plain<bool> linked{false};
};

/// Waiters in the order in which they came. The caller holds the lock that goes with the list.
template <class P>
class wait_list {
 public:
  using node = wait_node<P>;

  constexpr wait_list() noexcept = default;
  wait_list(const wait_list&) = delete;
  wait_list& operator=(const wait_list&) = delete;

  [[nodiscard]] bool empty() const noexcept { return first_.get() == nullptr; }

  void link(node& added) noexcept {
    node* const before = last_.get();
    added.previous.set(before);
    added.next.set(nullptr);
    added.linked.set(true);
    (before != nullptr ? before->next : first_).set(&added);
    last_.set(&added);
  }

  /// Takes a waiter out wherever it stands; does nothing if it is out already.
  void unlink(node& removed) noexcept {
    if (!removed.linked.get()) return;
    node* const before = removed.previous.get();
    node* const after = removed.next.get();
    (before != nullptr ? before->next : first_).set(after);
    (after != nullptr ? after->previous : last_).set(before);
    removed.linked.set(false);
  }

  /// Takes out the first waiter whose wait is not over, and ends that; those before it are dropped. Null: there is
  /// none. `won` says whether the caller has to wake it.
  node* take(shot& won) noexcept {
    while (node* const oldest = first_.get()) {
      unlink(*oldest);
      won = oldest->once->fire(wake_cause::done);
      if (won != shot::lost) return oldest;
    }
    won = shot::lost;
    return nullptr;
  }

 private:
  typename P::template plain<node*> first_{nullptr};
  typename P::template plain<node*> last_{nullptr};
};

}  // namespace treadle::detail
