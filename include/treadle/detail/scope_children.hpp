#pragma once

#include <treadle/assert.hpp>
#include <treadle/config.hpp>
#include <treadle/detail/task_queue.hpp>

#include <atomic>
#include <cstdint>
#include <utility>

namespace treadle::detail {

/// The children of one scope: a queue of those that have not started, and one word that counts those that are not over.
/// The pool knows nothing of them but one ticket, which is queued there as long as children are unstarted: whoever runs
/// it runs children. The scope's waiter takes children out of the same queue, so none is ever in two places.
/// States, edges and why none is forgotten: docs/design/scope.md.
template <class P, class Node>
class scope_children {
 public:
  /// Children that one scope can have at a time.
  static constexpr std::uint32_t max_children = (std::uint32_t{1} << 29) - 1;

  constexpr scope_children() noexcept = default;
  scope_children(const scope_children&) = delete;
  scope_children& operator=(const scope_children&) = delete;

  // ---- whoever spawns -----------------------------------------------------------------------------------------------

  /// Adds the list first..last of `count` children. The caller is the scope's owner or one of its children, so the
  /// count cannot be down at zero meanwhile. Returns true if the caller has to queue the ticket now; a reference is
  /// added for it.
  [[nodiscard]] bool add(Node* first, Node* last, std::uint32_t count) noexcept {
    // Before they can be taken: the count never falls below what is not over. Relaxed, for the caller holds it up.
    const std::uint32_t before = word_.fetch_add(count * one_child, std::memory_order_relaxed);
    TREADLE_ASSERT(count <= max_children - children(before), before, count);
    static_cast<void>(unstarted_.push(first, last, true));
    return raise_ticket();
  }

  // ---- whoever runs the ticket --------------------------------------------------------------------------------------

  /// Runs up to `most` children, one after another, then gives the ticket's reference up. `queue_ticket()` is called to
  /// queue the ticket again, for others to come; a reference is added for it. Returns true to the last owner.
  template <class Run, class QueueTicket>
  [[nodiscard]] bool run_some(std::uint32_t most, Run&& run, QueueTicket&& queue_ticket) noexcept {
    bool holds_ticket = true;
    for (std::uint32_t ran = 0; ran < most; ++ran) {
      bool more = false;
      Node* const child = take(more);
      if (child == nullptr && more) P::yield();
      if (holds_ticket) {
        // Before the child runs: the next worker shall come while this one runs.
        if (more ? add_reference() : lower_ticket()) queue_ticket();
        holds_ticket = false;
      }
      if (child == nullptr) break;
      run(*child);
      finish();
    }
    return release();
  }

  /// The ticket will not be queued again: ends all children that have not started by `end(child)`, then gives the
  /// ticket's reference up. Returns true to the last owner.
  template <class End>
  [[nodiscard]] bool end_all(End&& end) noexcept {
    do {  // again, without the second reference, if the ticket came back to the caller
      while (!unstarted_.looks_empty()) {
        bool more = false;
        if (Node* const child = take(more)) {
          end(*child);
          finish();
        } else {
          P::yield();
        }
      }
    } while (lower_ticket() && !release());
    return release();
  }

  // ---- whoever waits ------------------------------------------------------------------------------------------------

  /// Says whether all children are over; what they did is visible then.
  [[nodiscard]] bool is_done() const noexcept {
    return children(word_.load(std::memory_order_acquire)) == 0;  // E-SCOPE
  }
  [[nodiscard]] bool has_unstarted() const noexcept { return !unstarted_.looks_empty(); }

  /// Takes one child and runs it here. Returns false if there was none to be had.
  template <class Run>
  bool run_one(Run&& run) noexcept {
    bool more = false;
    Node* const child = take(more);
    if (child == nullptr) return false;
    run(*child);
    finish();
    return true;
  }

  /// Waits on a worker: runs children as long as there are unstarted ones, then sleeps between `enter_blocking()` and
  /// `leave_blocking()` until all are over or there are new ones.
  template <class Run, class Enter, class Leave>
  void wait(Run&& run, Enter&& enter_blocking, Leave&& leave_blocking) noexcept {
    for (std::uint32_t round = 0; !is_done(); ++round) {
      if (run_one(run)) {
        round = 0;
      } else if (round < P::join_rounds) {
        for (int i = 0; i < wait_pauses; ++i) P::pause();
      } else if (round < 2 * P::join_rounds || has_unstarted()) {
        P::yield();
      } else {
        enter_blocking();
        while (!is_done() && !has_unstarted()) sleep(true, INT64_MAX);
        leave_blocking();
        round = 0;
      }
    }
  }

  /// Sleeps until all children are over, or, if `helps`, until there is an unstarted one, or until the deadline. May
  /// return early.
  void sleep(bool helps, std::int64_t deadline_ns) noexcept {
    const std::uint32_t bits = helps ? sleeps | wants_children : sleeps;
    // Acquire: who spawned before this did not see the bits, so the look below has to see its child.
    const std::uint32_t word = word_.fetch_or(bits, std::memory_order_acquire) | bits;  // E-CHILD
    if (children(word) == 0 || (helps && has_unstarted())) return;
    P::futex_wait(word_, word, deadline_ns);
  }

  // ---- who keeps it alive -------------------------------------------------------------------------------------------

  /// Gives one reference up. Returns true to the last one, who sees all that the others did, and frees it.
  [[nodiscard]] bool release() noexcept {
    return references_.fetch_sub(1, std::memory_order_acq_rel) == 1;  // E-SCOPE
  }

 private:
  static constexpr std::uint32_t sleeps = 1;          ///< somebody waits for the end
  static constexpr std::uint32_t wants_children = 2;  ///< the same, and would run children meanwhile
  static constexpr std::uint32_t ticketed = 4;  ///< the ticket is queued, or in the hands of who queues or takes it
  static constexpr std::uint32_t one_child = 8;
  static constexpr int wait_pauses = 8;

  static constexpr std::uint32_t children(std::uint32_t word) noexcept { return word / one_child; }

  /// Null, with `more`, if another holds the queue for the moment.
  Node* take(bool& more) noexcept {
    Node* taken = nullptr;
    if (unstarted_.take(1, more, [&](Node* child) { taken = child; }) == take_status::contended) more = true;
    return taken;
  }

  bool add_reference() noexcept {
    references_.fetch_add(1, std::memory_order_relaxed);
    return true;
  }

  /// After a push: wakes who would run it, and sees to it that there is a ticket. Says whether that is the caller's.
  [[nodiscard]] bool raise_ticket() noexcept {
    // Release: who lowers the ticket or goes to sleep after this finds the child. Acquire: the ticket's last runner has
    // done with it.
    const std::uint32_t before = word_.fetch_or(ticketed, std::memory_order_acq_rel);  // E-CHILD
    if ((before & wants_children) != 0) wake();
    return (before & ticketed) == 0 && add_reference();
  }

  /// The queue was found empty: the next who spawns queues the ticket again. Looks once more after that. Returns
  /// whether it is the caller who has to.
  [[nodiscard]] bool lower_ticket() noexcept {
    word_.fetch_and(~ticketed, std::memory_order_acq_rel);  // E-CHILD
    return has_unstarted() && raise_ticket();
  }

  /// A child is over. The scope may be gone after this, but for the reference that its runner holds.
  void finish() noexcept {
    const std::uint32_t before = word_.fetch_sub(one_child, std::memory_order_release);  // E-SCOPE
    if (children(before) == 1 && (before & sleeps) != 0) wake();
  }

  /// Relaxed: who is woken reads the word again, and sees through this what the last child has released.
  void wake() noexcept {
    word_.fetch_and(~(sleeps | wants_children), std::memory_order_relaxed);
    P::futex_wake(&word_, INT32_MAX);
  }

  typename P::template atomic<std::uint32_t> word_{0};
  typename P::template atomic<std::uint32_t> references_{1};
  task_queue<P, Node> unstarted_;
};

}  // namespace treadle::detail
