#pragma once

#include <treadle/assert.hpp>
#include <treadle/config.hpp>

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <utility>

namespace treadle::detail {

enum class push_status { accepted, accepted_must_wake, refused };
enum class take_status { taken, empty, contended };

/// Unbounded intrusive FIFO: any thread pushes a whole list with one compare-exchange, one consumer at a time takes.
/// Does what kprotty's Node.Queue does, by other means: links run from old to new (after Vyukov's intrusive queue), so
/// that tasks come out in the order in which they went in (seed defect 18), each is read once, and the consumer's lock
/// is held for a bounded take (seed defect 20). The newest node's word carries two flags, `closed` and `armed` (a push
/// must wake someone): a push that need not wake touches the queue exactly once, and it and a sleeper who arms settle
/// by read-modify-writes of one word who saw whom. States and edges: docs/design/task-queue.md.
///
/// Node has `next`, an atomic pointer to Node.
template <class P, class Node>
class task_queue {
 public:
  /// Set in the link of a queued node, so that debug builds can tell one from a node that is not.
  static constexpr std::uintptr_t queued_mark = 2;

  /// Returns the node that a link leads to, or null.
  static Node* pointer(Node* link) noexcept {
    return reinterpret_cast<Node*>(reinterpret_cast<std::uintptr_t>(link) & pointer_mask);
  }
  static Node* marked(Node* link) noexcept {
    return reinterpret_cast<Node*>(reinterpret_cast<std::uintptr_t>(link) | queued_mark);
  }

  /// `armed_at_start`: the first push must wake.
  constexpr explicit task_queue(bool armed_at_start = false) noexcept : newest_(armed_at_start ? armed : 0) {}
  task_queue(const task_queue&) = delete;
  task_queue& operator=(const task_queue&) = delete;

  /// Pushes the list first..last (linked by `next`). `before_wake()` is called once, before the push, when the push is
  /// going to take the `armed` flag: it returns false to refuse. `even_closed`: an insider's push. Any thread; never
  /// waits; allocates nothing.
  template <class BeforeWake>
  push_status push(Node* first, Node* last, bool even_closed, BeforeWake&& before_wake) noexcept {
    if constexpr (!P::seed_defect(4)) last->next.store(marked(nullptr), std::memory_order_relaxed);
    bool announced = false;
    std::uintptr_t word = newest_.load(std::memory_order_relaxed);
    for (;;) {
      if ((word & closed) != 0 && !even_closed) return push_status::refused;
      if ((word & armed) != 0 && !announced) {
        if (!before_wake()) return push_status::refused;
        announced = true;
        word = newest_.load(std::memory_order_relaxed);
        continue;
      }
      const std::uintptr_t next = reinterpret_cast<std::uintptr_t>(last) | (word & closed);
      // E-INJECT: seq_cst, so that a load of the sync word after it is a look after a publish; acquire, for the store
      // below goes to a node or cell that an earlier push or take has left.
      if (newest_.compare_exchange_weak(word, next, std::memory_order_seq_cst,  // E-INJECT
                                        std::memory_order_relaxed)) {
        break;
      }
    }
    Node* const before = reinterpret_cast<Node*>(word & pointer_mask);
    // Nobody can take `first`, or what is behind it, or the node before it, until this link is there.
    auto& link = before != nullptr ? before->next : oldest_;
    link.store(marked(first), std::memory_order_release);  // E-LINK, LAST TOUCH
    if constexpr (P::seed_defect(15)) static_cast<void>(is_closed());
    return (word & armed) != 0 ? push_status::accepted_must_wake : push_status::accepted;
  }

  push_status push(Node* first, Node* last, bool even_closed) noexcept {
    return push(first, last, even_closed, [] { return true; });
  }

  /// Takes up to `limit` nodes in FIFO order and hands each to `sink`. Sets `more` when nodes are left.
  /// Any thread. A queue that another consumer holds, or whose next node a preempted producer has not linked yet, is
  /// `contended`. The newest node is taken only when it is the only one: to empty the queue means to write `newest_`,
  /// and the next producer then writes `oldest_`; while both sides are at work neither touches the other's word.
  template <class Sink>
  take_status take(std::size_t limit, bool& more, Sink&& sink) noexcept {
    more = false;
    if (!looks_ready() && looks_empty()) return take_status::empty;
    if (consuming_.load(std::memory_order_relaxed) != 0 ||
        consuming_.exchange(1, std::memory_order_acquire) != 0) {  // E-CONSUME
      return take_status::contended;
    }
    std::size_t taken = 0;
    Node* newest_first = nullptr;
    const auto hand_on = [&](Node* each) {
      if constexpr (P::seed_defect(18)) {
        each->next.store(std::exchange(newest_first, each), std::memory_order_relaxed);
      } else {
        sink(each);
      }
      ++taken;
    };
    Node* node = pointer(oldest_.load(std::memory_order_acquire));  // E-LINK
    if (node == nullptr && !looks_empty()) node = wait_for_link(oldest_);
    while (node != nullptr && taken < limit) {
      Node* next = pointer(node->next.load(std::memory_order_acquire));  // E-LINK
      if (next == nullptr) {
        if (taken != 0 && !P::seed_defect(18)) break;
        oldest_.store(nullptr, std::memory_order_relaxed);
        if (unlink_newest(node)) {
          hand_on(node);
          node = nullptr;
          break;
        }
        next = wait_for_link(node->next);
        if (next == nullptr) break;
      }
      hand_on(node);
      if constexpr (P::seed_defect(104)) next = pointer(node->next.load(std::memory_order_acquire));  // E-LINK
      node = next;
    }
    if constexpr (P::seed_defect(18)) {
      while (newest_first != nullptr) {
        Node* const each = newest_first;
        newest_first = each->next.load(std::memory_order_relaxed);
        sink(each);
      }
    }
    if (node != nullptr) oldest_.store(marked(node), std::memory_order_relaxed);
    more = node != nullptr && !P::seed_defect(14);
    consuming_.store(0, std::memory_order_release);  // E-CONSUME
    return taken != 0 ? take_status::taken : take_status::contended;
  }

  /// Shows up to `most` of the nodes to `sink(node&)`, oldest first, and leaves them. They stay queued meanwhile, for
  /// the looker counts as the one consumer. Returns false, without waiting, if another consumer is at it. Any thread, a
  /// signal handler too; what is announced and not linked yet is not seen.
  template <class Sink>
  bool look(std::size_t most, Sink&& sink) noexcept {
    if (consuming_.load(std::memory_order_relaxed) != 0 ||
        consuming_.exchange(1, std::memory_order_acquire) != 0) {  // E-CONSUME
      return false;
    }
    Node* node = pointer(oldest_.load(std::memory_order_acquire));  // E-LINK
    for (; node != nullptr && most != 0; --most) {
      sink(*node);
      node = pointer(node->next.load(std::memory_order_acquire));  // E-LINK
    }
    consuming_.store(0, std::memory_order_release);  // E-CONSUME
    return true;
  }

  /// Asks the next push to wake someone. Returns whether something is queued: then that push has already been.
  /// A read-modify-write of the word that producers modify: either the push sees the flag or we see the push.
  /// Release, for the push that takes the flag looks for the sleeper who set it.
  bool arm() noexcept {
    return (newest_.fetch_or(armed, std::memory_order_release) & pointer_mask) != 0;  // E-INJECT
  }

  /// Refuses pushes from now on. Seq_cst, for a closer looks for those inside afterwards.
  void close() noexcept { newest_.fetch_or(closed, std::memory_order_seq_cst); }  // E-GATE

  /// Seq_cst, for whoever has said before that they are inside.
  [[nodiscard]] bool is_closed() const noexcept {
    return (newest_.load(std::memory_order_seq_cst) & closed) != 0;  // E-GATE
  }

  /// Says whether there is a node to take. Reads what producers of a busy queue do not write: for those who come again
  /// and again. Who is about to sleep asks `looks_empty`.
  [[nodiscard]] bool looks_ready() const noexcept {
    if constexpr (P::seed_defect(14) || P::seed_defect(20)) return !looks_empty();
    return oldest_.load(std::memory_order_relaxed) != nullptr;
  }

  /// Says whether nothing is queued. What a push has announced and not linked yet counts as queued.
  [[nodiscard]] bool looks_empty() const noexcept {
    if constexpr (P::seed_defect(14) || P::seed_defect(20)) {
      if (consuming_.load(std::memory_order_relaxed) != 0) return true;
    }
    return (newest_.load(std::memory_order_acquire) & pointer_mask) == 0;  // E-INJECT
  }

 private:
  static constexpr std::uintptr_t closed = 1;
  static constexpr std::uintptr_t armed = 2;
  static constexpr std::uintptr_t pointer_mask = ~std::uintptr_t{7};
  static constexpr int link_spins = 64;
  static constexpr int link_yields = 16;

  /// Takes `node` out as the last one. False if a push has come behind it.
  bool unlink_newest(Node* node) noexcept {
    std::uintptr_t word = newest_.load(std::memory_order_relaxed);
    while ((word & pointer_mask) == reinterpret_cast<std::uintptr_t>(node)) {
      // Release, for the next push may write `oldest_`, which this consumer has just written, and for whoever finds
      // the queue empty must find its taker at work. E-INJECT
      if (newest_.compare_exchange_weak(word, word & ~pointer_mask, std::memory_order_release,
                                        std::memory_order_relaxed)) {
        return true;
      }
    }
    return false;
  }

  /// A producer stands between its compare-exchange and its link: two instructions, unless it was preempted there.
  template <class Link>
  static Node* wait_for_link(Link& link) noexcept {
    for (int i = 0; i < link_spins + link_yields; ++i) {
      if (Node* const linked = pointer(link.load(std::memory_order_acquire))) return linked;  // E-LINK
      i < link_spins ? P::pause() : P::yield();
    }
    return nullptr;
  }

  alignas(TREADLE_CACHE_LINE) typename P::template atomic<std::uintptr_t> newest_;
  alignas(TREADLE_CACHE_LINE) typename P::template atomic<std::uint32_t> consuming_{0};
  typename P::template atomic<Node*> oldest_{nullptr};
};

}  // namespace treadle::detail
