#pragma once

#include <treadle/assert.hpp>
#include <treadle/config.hpp>

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <new>

namespace treadle::detail {

/// One reading of a fork stack's word: the zone [head, end) that thieves may take from, and how often its owner has
/// ended foreign work.
class fork_zone {
 public:
  constexpr explicit fork_zone(std::uint64_t word = 0) noexcept : word_(word) {}
  static constexpr std::uint32_t max_index = 0xffff;

  [[nodiscard]] constexpr std::uint32_t head() const noexcept { return static_cast<std::uint32_t>(word_) & max_index; }
  [[nodiscard]] constexpr std::uint32_t end() const noexcept {
    return static_cast<std::uint32_t>(word_ >> end_shift) & max_index;
  }
  [[nodiscard]] constexpr std::uint32_t count() const noexcept { return end() - head(); }
  [[nodiscard]] constexpr std::uint64_t word() const noexcept { return word_; }

  [[nodiscard]] constexpr fork_zone without_oldest() const noexcept { return fork_zone(word_ + one_head); }
  [[nodiscard]] constexpr fork_zone without_newest() const noexcept { return fork_zone(word_ - one_end); }

  static constexpr unsigned end_shift = 16, epoch_shift = 32;
  static constexpr std::uint64_t one_head = 1, one_end = std::uint64_t{1} << end_shift,
                                 one_epoch = std::uint64_t{1} << epoch_shift;

 private:
  std::uint64_t word_;
};

template <class P>
class fork_stack;

/// A branch that waits on its owner's fork stack; it lives in the frame of the call that forked it. Only a branch that
/// is shared has more than its entry: who took it, and whether it is over.
template <class P>
class fork_node {
 public:
  /// Nothing is written here: most branches are never shared.
  fork_node() noexcept {}  // NOLINT(modernize-use-equals-default): a defaulted one would be deleted
  ~fork_node() {}          // NOLINT(modernize-use-equals-default)
  fork_node(const fork_node&) = delete;
  fork_node& operator=(const fork_node&) = delete;

  /// Owner, after the branch was taken: says whether it is over, and what its thief did is visible.
  [[nodiscard]] bool is_done() const noexcept {
    return shared_.progress.load(std::memory_order_acquire) == done;  // E-JOIN
  }
  /// Returns the stack of the thief, or null if it has not said yet. Owner.
  [[nodiscard]] fork_stack<P>* thief() const noexcept {
    return shared_.thief.load(std::memory_order_acquire);  // E-THIEF
  }
  /// Sleeps until the branch is over. Owner; may return early.
  void sleep() noexcept {
    std::uint32_t now = running;
    if (shared_.progress.compare_exchange_strong(now, awaited, std::memory_order_acquire, std::memory_order_acquire) ||
        now == awaited) {  // E-JOIN
      P::futex_wait(shared_.progress, awaited, INT64_MAX);
    }
  }
  /// Ends a stolen branch. Thief; the branch may be gone as soon as its owner sees this.
  static void finish(fork_node* self) noexcept {
    auto* const progress = &self->shared_.progress;
    if (progress->exchange(done, std::memory_order_acq_rel) == awaited)
      P::futex_wake(progress, 1);  // E-JOIN, LAST TOUCH
  }

 private:
  friend class fork_stack<P>;
  static constexpr std::uint32_t running = 0, awaited = 1, done = 2;

  struct shared_part {
    typename P::template atomic<std::uint32_t> progress{running};
    typename P::template atomic<fork_stack<P>*> thief{nullptr};
  };
  union {
    shared_part shared_;
  };
};

/// The forks of one worker, oldest at the bottom: a shared zone that thieves take from, oldest first, and above it a
/// private one, in which a fork costs its owner plain loads and stores. Whenever the zone has become empty, the next
/// push is told to look closer, by the one comparison that guards the capacity, and the owner moves the boundary up.
/// After the split deque of Lace (van Dijk and van de Pol, 2014), with the shared zone in one word. States, edges and
/// proof: docs/design/fork-stack.md.
///
/// Owner: push, pop, share, take_back, close, end_foreign. Any thread: steal, steal_while, shared_count.
template <class P>
class fork_stack {
 public:
  using node = fork_node<P>;
  using cell = typename P::template plain<node*>;

  constexpr fork_stack() noexcept = default;
  fork_stack(const fork_stack&) = delete;
  fork_stack& operator=(const fork_stack&) = delete;

  /// Gives the stack its cells. Before any other use; without it every push is refused.
  void adopt(cell* cells, std::uint32_t capacity) noexcept {
    TREADLE_ASSERT(capacity <= fork_zone::max_index, capacity, fork_zone::max_index);
    cells_ = top_ = split_ = cells;
    end_ = cells + capacity;
  }

  // ---- the owner's end ----------------------------------------------------------------------------------------------

  /// Pushes `forked`, and returns its place; null when the caller has to look closer (`push_slowly`).
  [[nodiscard]] cell* push(node& forked) noexcept {
    cell* const place = top_;
    if (place >= limit_.load(std::memory_order_relaxed)) [[unlikely]]
      return nullptr;
    place->set(&forked);
    top_ = place + 1;
    return place;
  }

  /// Takes the newest fork, which stands at `place`, off again. False if it is in the shared zone: see `take_back`.
  [[nodiscard]] bool pop(cell* place) noexcept {
    if (place < split_) [[unlikely]]
      return false;
    top_ = place;
    return true;
  }

  /// Pushes although the limit says otherwise. Null when the stack is full. `must_share` tells whether the zone has
  /// become empty; once for each time that it has.
  [[nodiscard]] cell* push_slowly(node& forked, bool& must_share) noexcept {
    must_share = limit_.exchange(end_, std::memory_order_acq_rel) == nullptr;  // E-HUNGER
    cell* const place = top_;
    if (place == end_) return nullptr;
    place->set(&forked);
    top_ = place + 1;
    return place;
  }

  [[nodiscard]] std::size_t private_count() const noexcept { return static_cast<std::size_t>(top_ - split_); }
  [[nodiscard]] bool is_empty() const noexcept { return top_ == cells_; }

  /// Shares the `count` oldest private forks. A publisher's read-modify-write: a look at the sync word may follow.
  void share(std::size_t count) noexcept {
    for (std::size_t i = 0; i < count; ++i) ::new (&split_[i].get()->shared_) typename node::shared_part;
    split_ += count;
    zone_.fetch_add(count * fork_zone::one_end, std::memory_order_seq_cst);  // E-FORK
  }

  /// Takes a shared fork back, the newest one, which stands at `place`. False if it was stolen.
  [[nodiscard]] bool take_back(cell* place) noexcept {
    std::uint64_t word = zone_.load(std::memory_order_relaxed);
    for (;;) {
      const fork_zone now(word);
      if (now.head() == now.end()) return false;
      if (zone_.compare_exchange_weak(word, now.without_newest().word(), std::memory_order_relaxed,
                                      std::memory_order_relaxed)) {
        end_sharing(*place->get());
        top_ = split_ = place;
        return true;
      }
    }
  }

  /// Takes a stolen fork, which is over and stood at `place`, off the stack. All below it are stolen, too.
  void close(cell* place) noexcept {
    end_sharing(*place->get());
    zone_.fetch_sub(fork_zone::one_end + fork_zone::one_head, std::memory_order_relaxed);
    top_ = split_ = place;
  }

  /// A stolen fork that was run on this stack is over, and all that it forked: whoever waited for it may take nothing
  /// more from here. Before `fork_node::finish`.
  void end_foreign() noexcept { zone_.fetch_add(fork_zone::one_epoch, std::memory_order_release); }  // E-FORK

  /// Asks the owner itself to look closer at its next fork.
  void ask_again() noexcept { limit_.exchange(nullptr, std::memory_order_acq_rel); }  // E-HUNGER
  [[nodiscard]] bool has_shared() const noexcept { return split_ != cells_ && shared_count() != 0; }

  // ---- a thief's end ------------------------------------------------------------------------------------------------

  [[nodiscard]] std::uint32_t shared_count() const noexcept {
    return fork_zone(zone_.load(std::memory_order_acquire)).count();  // E-FORK
  }

  /// Takes the oldest shared fork for the owner of `thief`. Null if there is none, or others were faster too often.
  [[nodiscard]] node* steal(fork_stack& thief) noexcept {
    return claim(thief, [] { return true; });
  }

  /// The same, but only while `awaited`, which this stack's owner has stolen from `thief`, is not over: then what is
  /// here has been forked by it.
  [[nodiscard]] node* steal_while(fork_stack& thief, const node& awaited) noexcept {
    return claim(thief, [&] { return !awaited.is_done(); });
  }

 private:
  static void end_sharing(node& ended) noexcept { ended.shared_.~shared_part(); }

  template <class Condition>
  node* claim(fork_stack& thief, Condition&& still) noexcept {
    std::uint64_t word = zone_.load(std::memory_order_acquire);  // E-FORK
    for (std::uint32_t attempt = 0; attempt < P::steal_attempts; ++attempt) {
      // In this order: a word that shows later forks than those of the awaited branch also shows that it is over.
      if (!still()) return nullptr;
      const fork_zone now(word);
      if (now.count() == 0) return nullptr;
      if (zone_.compare_exchange_weak(word, now.without_oldest().word(), std::memory_order_acquire,
                                      std::memory_order_acquire)) {  // E-FORK
        node* const taken = cells_[now.head()].get();
        taken->shared_.thief.store(&thief, std::memory_order_release);              // E-THIEF
        if (now.count() == 1) limit_.exchange(nullptr, std::memory_order_acq_rel);  // E-HUNGER
        return taken;
      }
    }
    return nullptr;
  }

  // The owner's own, touched at every fork.
  alignas(TREADLE_CACHE_LINE) cell* top_ = nullptr;  ///< behind the newest fork
  cell* split_ = nullptr;                            ///< below it forks are, or were, shared
  cell* end_ = nullptr;
  /// A push from here on has to look closer: the end, or null when nothing is shared any more.
  alignas(TREADLE_CACHE_LINE) typename P::template atomic<cell*> limit_{nullptr};
  alignas(TREADLE_CACHE_LINE) typename P::template atomic<std::uint64_t> zone_{0};
  cell* cells_ = nullptr;  ///< never changed once thieves can see the stack
};

}  // namespace treadle::detail
