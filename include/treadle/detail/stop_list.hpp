#pragma once

#include <treadle/detail/brief_lock.hpp>

#include <atomic>

namespace treadle::detail {

/// A request to stop, and those that it reaches: waits, and the lists of flows below.
/// Everybody is reached under the lock, so whoever has removed its node is not reached any more. Nobody is woken under
/// it: a node that has somebody to wake adds that to `woken`, and the requester wakes it in the end. Locks are taken
/// from the list above to the list below, never the other way.
template <class P, class Woken>
class stop_list {
 public:
  struct node {
    /// Called under the lock, once at most. It neither adds nor removes nodes of this list.
    using reach_type = void (*)(node&, Woken& woken) noexcept;

    explicit node(reach_type function) noexcept : reach(function) {}
    node(const node&) = delete;
    node& operator=(const node&) = delete;

    const reach_type reach;
    typename P::template plain<node*> previous{nullptr};
    typename P::template plain<node*> next{nullptr};
    typename P::template plain<bool> linked{false};
  };

  constexpr stop_list() noexcept = default;
  stop_list(const stop_list&) = delete;
  stop_list& operator=(const stop_list&) = delete;

  /// Any thread. Returns false, with the node left out, if the stop was requested before.
  [[nodiscard]] bool add(node& added) noexcept {
    return add_begun(added, [] { return true; });
  }

  /// The same for a node that reaches what `begin()` begins, under the lock: a request finds both or neither. Left out,
  /// too, if `begin` returns false. Whoever `begin` may wake waits in `remove` until this call is through.
  template <class Begin>
  [[nodiscard]] bool add_begun(node& added, Begin&& begin) noexcept {
    const brief_guard guard(lock_);
    if (requested_.load(std::memory_order_relaxed)) return false;
    link(added);
    if (P::seed_defect(133)) lock_.unlock();
    const bool begun = begin();
    if (P::seed_defect(133)) lock_.lock();
    if (!begun) unlink(added);
    return begun;
  }

  /// Any thread. From the return on the node is not touched any more.
  void remove(node& removed) noexcept {
    const brief_guard guard(lock_);
    if (removed.linked.get()) unlink(removed);
  }

  /// Reaches everybody. Returns false if somebody else did before.
  bool request(Woken& woken) noexcept {
    const brief_guard guard(lock_);
    if (requested_.load(std::memory_order_relaxed)) return false;
    requested_.store(true, std::memory_order_release);  // E-STOP
    while (node* const reached = first_.get()) {
      unlink(*reached);
      reached->reach(*reached, woken);
    }
    return true;
  }

  /// Forgets a request, for the next use of what is stopped. Nobody is in the list.
  void reopen() noexcept {
    const brief_guard guard(lock_);
    requested_.store(false, std::memory_order_relaxed);
  }

  /// What the requester did before is visible to who sees its request.
  [[nodiscard]] bool requested() const noexcept { return requested_.load(std::memory_order_acquire); }  // E-STOP

 private:
  void link(node& added) noexcept {
    node* const first = first_.get();
    added.previous.set(nullptr);
    added.next.set(first);
    added.linked.set(true);
    if (first != nullptr) first->previous.set(&added);
    first_.set(&added);
  }
  void unlink(node& removed) noexcept {
    node* const before = removed.previous.get();
    node* const after = removed.next.get();
    (before != nullptr ? before->next : first_).set(after);
    if (after != nullptr) after->previous.set(before);
    removed.linked.set(false);
  }

  brief_lock<P> lock_;
  typename P::template atomic<bool> requested_{false};
  typename P::template plain<node*> first_{nullptr};
};

}  // namespace treadle::detail
