#pragma once

#include <treadle/assert.hpp>
#include <treadle/config.hpp>

#include <atomic>
#include <cstddef>
#include <cstdint>

namespace treadle::detail {

enum class push_status { accepted, accepted_must_wake, refused };
enum class take_status { taken, empty, contended };

/// Unbounded intrusive FIFO: any thread pushes a whole list with one compare-exchange, one consumer at a time takes.
/// After kprotty's Node.Queue: a stack of what was pushed and a cache of what the last consumer grabbed. Ours restores
/// the order when it grabs, keeps the consumer's lock off the producers' cache line, holds it for a bounded take, and
/// carries two flags in the pushed word: `closed` and `armed` (a push must wake someone), so that a push that need not
/// wake touches the queue exactly once. See docs/design/task-queue.md.
template <class P, class Node>
class task_queue {
 public:
  static constexpr std::uintptr_t pointer_mask = ~std::uintptr_t{7};
  /// Set in the link of a queued node, so that debug builds can tell one from a node that is not.
  static constexpr std::uintptr_t queued_mark = 2;
  /// Returns the node that a link leads to.
  static Node* pointer(Node* link) noexcept {
    return reinterpret_cast<Node*>(reinterpret_cast<std::uintptr_t>(link) & pointer_mask);
  }

  /// `armed_at_start`: the first push must wake.
  constexpr explicit task_queue(bool armed_at_start = false) noexcept : pushed_(armed_at_start ? armed : 0) {}
  task_queue(const task_queue&) = delete;
  task_queue& operator=(const task_queue&) = delete;

  /// Pushes the list first..last (linked by `next`). `before_wake()` is called once, before the push, when the push is
  /// going to take the `armed` flag: it returns false to refuse. `even_closed`: an insider's push. Any thread;
  /// lock-free; allocates nothing. Refused: the list is untouched but for the last link.
  template <class BeforeWake>
  push_status push(Node* first, Node* last, bool even_closed, BeforeWake&& before_wake) noexcept {
    bool announced = false;
    std::uintptr_t word = pushed_.load(std::memory_order_relaxed);
    for (;;) {
      if ((word & closed) != 0 && !even_closed) return push_status::refused;
      if ((word & armed) != 0 && !announced) {
        if (!before_wake()) return push_status::refused;
        announced = true;
        word = pushed_.load(std::memory_order_relaxed);
        continue;
      }
      last->next.set(mark_end(word & pointer_mask));
      const std::uintptr_t next = reinterpret_cast<std::uintptr_t>(first) | (word & closed);
      // E-INJECT: the consumer sees the list; seq_cst, so that a load of the sync word after it is a look after a publish.
      if (pushed_.compare_exchange_weak(word, next, std::memory_order_seq_cst, std::memory_order_relaxed)) {
        return (word & armed) != 0 ? push_status::accepted_must_wake : push_status::accepted;  // LAST TOUCH
      }
    }
  }

  push_status push(Node* first, Node* last, bool even_closed) noexcept {
    return push(first, last, even_closed, [] { return true; });
  }

  /// Takes up to `limit` nodes in FIFO order and hands each to `sink`. Sets `more` when nodes are left.
  /// Any thread; does not block: a queue that another consumer holds is `contended`.
  template <class Sink>
  take_status take(std::size_t limit, bool& more, Sink&& sink) noexcept {
    more = false;
    if (looks_empty()) return take_status::empty;
    if (consuming_.load(std::memory_order_relaxed) != 0 ||
        consuming_.exchange(1, std::memory_order_acquire) != 0) {  // E-CONSUME
      return take_status::contended;
    }
    Node* node = cached_.load(std::memory_order_relaxed);
    std::size_t taken = 0;
    while (taken < limit) {
      if (node == nullptr) {
        node = grab();
        if (node == nullptr) break;
      }
      Node* const next = pointer(node->next.get());
      sink(node);
      node = next;
      ++taken;
    }
    cached_.store(node, std::memory_order_relaxed);
    more = node != nullptr || has_pushed();
    consuming_.store(0, std::memory_order_release);  // E-CONSUME
    return taken != 0 ? take_status::taken : take_status::empty;
  }

  /// Asks the next push to wake someone. Returns whether something is queued: then that push has already been.
  /// A read-modify-write of the word that producers modify: either the push sees the flag or we see the push.
  bool arm() noexcept {
    const std::uintptr_t word = pushed_.fetch_or(armed, std::memory_order_seq_cst);  // E-INJECT
    return (word & pointer_mask) != 0 || cached_.load(std::memory_order_relaxed) != nullptr;
  }

  /// Refuses pushes from now on.
  void close() noexcept { pushed_.fetch_or(closed, std::memory_order_seq_cst); }  // E-INJECT

  [[nodiscard]] bool is_closed() const noexcept { return (pushed_.load(std::memory_order_relaxed) & closed) != 0; }

  /// Says whether nothing is queued. A snapshot: what a consumer has in its hands right now does not count.
  [[nodiscard]] bool looks_empty() const noexcept {
    return !has_pushed() && cached_.load(std::memory_order_relaxed) == nullptr;
  }

 private:
  static constexpr std::uintptr_t closed = 1;
  static constexpr std::uintptr_t armed = 2;
  static constexpr std::uintptr_t end_of_list = 1;

  [[nodiscard]] bool has_pushed() const noexcept {
    return (pushed_.load(std::memory_order_acquire) & pointer_mask) != 0;  // E-INJECT
  }

  /// A list's last link points to the list below it in the stack and says that the list ends here.
  static Node* mark_end(std::uintptr_t below) noexcept {
    return reinterpret_cast<Node*>(below | end_of_list | queued_mark);
  }

  /// Takes all that was pushed and puts the lists in the order of their pushes: O(nodes), once a node.
  Node* grab() noexcept {
    if (!has_pushed()) return nullptr;
    const std::uintptr_t word = pushed_.fetch_and(closed | armed, std::memory_order_acquire);  // E-INJECT
    Node* list = reinterpret_cast<Node*>(word & pointer_mask);
    Node* ordered = nullptr;
    while (list != nullptr) {
      Node* last = list;
      auto link = reinterpret_cast<std::uintptr_t>(last->next.get());
      while ((link & end_of_list) == 0) {
        last = reinterpret_cast<Node*>(link & pointer_mask);
        link = reinterpret_cast<std::uintptr_t>(last->next.get());
      }
      Node* const below = reinterpret_cast<Node*>(link & pointer_mask);
      if constexpr (P::seed_defect(18)) {
        last->next.set(below);
        if (ordered == nullptr) ordered = list;
      } else {
        last->next.set(reinterpret_cast<Node*>(reinterpret_cast<std::uintptr_t>(ordered) | queued_mark));
        ordered = list;
      }
      list = below;
    }
    return ordered;
  }

  alignas(TREADLE_CACHE_LINE) typename P::template atomic<std::uintptr_t> pushed_;
  alignas(TREADLE_CACHE_LINE) typename P::template atomic<std::uint32_t> consuming_{0};
  typename P::template atomic<Node*> cached_{nullptr};
};

}  // namespace treadle::detail
