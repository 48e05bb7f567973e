#pragma once

#include <treadle/assert.hpp>
#include <treadle/config.hpp>
#include <treadle/detail/brief_lock.hpp>

#include <cstddef>
#include <cstdint>

namespace treadle::detail {

/// Who runs a graph's nodes: the nodes that are ready, and the tickets by which workers come to them. A ticket is
/// idle, or hired: queued in the pool, or at work. It may lie in the pool's queue when the graph is gone, so the crew
/// outlives the graph until its last hired ticket is idle again. docs/design/graph.md.
///
/// A short lock guards all of it, so each member is one step; none blocks for longer than that, or allocates. The lock
/// is taken where work is shared or looked for, not where one node follows another.
/// Node has the plain cells `ready_next` and `owed`, Ticket has `next_idle`.
template <class P, class Node, class Ticket>
class crew {
 public:
  /// A list of nodes in the hands of one thread.
  struct list {
    Node* first = nullptr;
    Node* last = nullptr;
    std::size_t count = 0;

    void push(Node& appended) noexcept {
      appended.ready_next.set(nullptr);
      if (first == nullptr) {
        first = &appended;
      } else {
        last->ready_next.set(&appended);
      }
      last = &appended;
      ++count;
    }
  };

  /// What the caller of a step is to do.
  struct orders {
    Node* next = nullptr;      ///< run this one
    Ticket* hired = nullptr;   ///< queue these in the pool: linked by `next_idle`
    bool ended = false;        ///< nothing is ready and nothing runs: begin the next round, or end the run
    bool last_ticket = false;  ///< the caller's ticket was the last one of a closed crew: free all of it
  };

  constexpr crew() noexcept = default;
  crew(const crew&) = delete;
  crew& operator=(const crew&) = delete;

  /// Gives the crew one more ticket, before the first run.
  void enlist(Ticket& ticket) noexcept {
    const brief_guard locked(lock_);
    put_idle(ticket);
  }

  /// Makes `sources` ready, which begins a round. `takes_part`: the caller runs the first of them and hires for the
  /// others; else it hires one ticket at most, which does the rest.
  [[nodiscard]] orders begin(const list& sources, bool takes_part) noexcept {
    const brief_guard locked(lock_);
    TREADLE_DEBUG_ASSERT(outstanding_.get() == 0, outstanding_.get(), 0);
    over_.set(false);
    outstanding_.set(sources.count);
    append(sources);
    return takes_part ? next_orders() : hire({}, 1);
  }

  /// Gives a caller without a ticket something to do.
  [[nodiscard]] orders take() noexcept {
    const brief_guard locked(lock_);
    return next_orders();
  }

  /// The same for a hired ticket, which becomes idle if there is nothing. `has_started`: the pool has just called it.
  [[nodiscard]] orders take(Ticket& ticket, bool has_started) noexcept {
    const brief_guard locked(lock_);
    if (has_started) pending_.set(pending_.get() - 1);
    return take_or_leave(&ticket);
  }

  /// `done` has run and made `made` ready, which the caller does not keep. Where nodes repeat, `made` is empty.
  [[nodiscard]] orders finish(Node& done, const list& made, bool repeats, Ticket* ticket) noexcept {
    const brief_guard locked(lock_);
    outstanding_.set(outstanding_.get() + made.count - 1);
    append(made);
    if (repeats) {
      done.owed.set(done.owed.get() - 1);
      if (done.owed.get() != 0) append_one(done);
    }
    if (outstanding_.get() != 0) return take_or_leave(ticket);
    orders all_done;
    all_done.ended = true;
    return all_done;
  }

  /// Makes a node ready that may be ready or running already, while some node runs: then it runs once more after that.
  void add_ready(Node& node) noexcept {
    const brief_guard locked(lock_);
    outstanding_.set(outstanding_.get() + 1);
    node.owed.set(node.owed.get() + 1);
    if (node.owed.get() == 1) append_one(node);
  }

  /// The caller's ticket goes to the end of the pool's queue, and the node waits for it, or for another one, in front
  /// of all others.
  void put_back(Node& node) noexcept {
    const brief_guard locked(lock_);
    node.ready_next.set(first_.get());
    first_.set(&node);
    if (last_.get() == nullptr) last_.set(&node);
    ready_.set(ready_.get() + 1);
    pending_.set(pending_.get() + 1);
  }

  /// Takes back a hired ticket that the pool has refused.
  void dismiss(Ticket& ticket) noexcept {
    const brief_guard locked(lock_);
    pending_.set(pending_.get() - 1);
    hired_.set(hired_.get() - 1);
    put_idle(ticket);
  }

  /// Ends the run: for who was told that nothing is left.
  void end() noexcept {
    const brief_guard locked(lock_);
    over_.set(true);
  }
  [[nodiscard]] bool is_over() noexcept {
    const brief_guard locked(lock_);
    return over_.get();
  }

  /// The graph lets go. Returns whether no ticket is hired: then the caller frees the crew, else its last ticket does.
  [[nodiscard]] bool close() noexcept {
    const brief_guard locked(lock_);
    closed_.set(true);
    return hired_.get() == 0;
  }

 private:
  template <class T>
  using plain = typename P::template plain<T>;

  void append(const list& more) noexcept {
    if (more.count == 0) return;
    if (last_.get() == nullptr) {
      first_.set(more.first);
    } else {
      last_.get()->ready_next.set(more.first);
    }
    last_.set(more.last);
    ready_.set(ready_.get() + more.count);
  }
  void append_one(Node& node) noexcept {
    list one;
    one.push(node);
    append(one);
  }

  /// Takes the oldest ready node, and hires for those behind it.
  orders next_orders() noexcept {
    orders now;
    Node* const oldest = first_.get();
    if (oldest == nullptr) return now;
    now.next = oldest;
    first_.set(oldest->ready_next.get());
    if (first_.get() == nullptr) last_.set(nullptr);
    ready_.set(ready_.get() - 1);
    return hire(now, SIZE_MAX);
  }

  orders take_or_leave(Ticket* ticket) noexcept {
    orders now = next_orders();
    if (now.next != nullptr || ticket == nullptr) return now;
    hired_.set(hired_.get() - 1);
    put_idle(*ticket);
    now.last_ticket = closed_.get() && hired_.get() == 0;
    return now;
  }

  /// Hires until each ready node has a ticket on its way. Those at work come for the others by themselves.
  orders hire(orders now, std::size_t most) noexcept {
    for (; most != 0 && idle_.get() != nullptr && pending_.get() < ready_.get(); --most) {
      Ticket* const ticket = idle_.get();
      idle_.set(ticket->next_idle.get());
      ticket->next_idle.set(now.hired);
      now.hired = ticket;
      pending_.set(pending_.get() + 1);
      hired_.set(hired_.get() + 1);
    }
    return now;
  }

  void put_idle(Ticket& ticket) noexcept {
    ticket.next_idle.set(idle_.get());
    idle_.set(&ticket);
  }

  alignas(TREADLE_CACHE_LINE) brief_lock<P> lock_;
  plain<Node*> first_{}, last_{};     ///< ready nodes, oldest first
  plain<std::size_t> ready_{};        ///< how many those are
  plain<std::size_t> outstanding_{};  ///< nodes that are ready or run; a node that follows another takes its place
  plain<Ticket*> idle_{};
  plain<std::size_t> pending_{};  ///< tickets that were hired and not called yet
  plain<std::size_t> hired_{};
  plain<bool> over_{true}, closed_{};
};

}  // namespace treadle::detail
