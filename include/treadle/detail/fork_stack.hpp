#pragma once

#include <treadle/assert.hpp>
#include <treadle/config.hpp>

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <new>

namespace treadle::detail {

/// One reading of a fork stack's word: the zone [head, end) that thieves may take from, and how often its owner has
/// shared something, so that no word with something in it comes back.
class fork_zone {
 public:
  constexpr explicit fork_zone(std::uint64_t word = 0) noexcept : word_(word) {}
  static constexpr std::uint32_t max_index = 0xfff;

  [[nodiscard]] constexpr std::uint32_t head() const noexcept { return static_cast<std::uint32_t>(word_) & max_index; }
  [[nodiscard]] constexpr std::uint32_t end() const noexcept {
    return static_cast<std::uint32_t>(word_ >> end_shift) & max_index;
  }
  [[nodiscard]] constexpr std::uint32_t count() const noexcept { return end() - head(); }
  [[nodiscard]] constexpr std::uint64_t word() const noexcept { return word_; }

  [[nodiscard]] constexpr fork_zone without_oldest() const noexcept { return fork_zone(word_ + one_head); }
  [[nodiscard]] constexpr fork_zone without_newest() const noexcept { return fork_zone(word_ - one_end); }

  static constexpr unsigned end_shift = 12, epoch_shift = 24;
  static constexpr std::uint64_t one_head = 1, one_end = std::uint64_t{1} << end_shift,
                                 one_epoch = std::uint64_t{1} << epoch_shift;

 private:
  std::uint64_t word_;
};

template <class P>
class fork_stack;

/// A branch that waits on its owner's fork stack; it lives in the frame of the call that forked it. Only a branch that
/// is shared has more than its link: who took it, and whether it is over.
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
  /// Sleeps until the branch is over. Owner; may return early. Relaxed: `is_done` is what sees the thief's effects.
  void sleep() noexcept {
    std::uint32_t now = running;
    if (shared_.progress.compare_exchange_strong(now, awaited, std::memory_order_relaxed, std::memory_order_relaxed) ||
        now == awaited) {
      P::futex_wait(shared_.progress, awaited, INT64_MAX);
    }
  }
  /// Ends a stolen branch. Thief; the branch may be gone as soon as its owner sees this.
  static void finish(fork_node* self) noexcept {
    auto* const progress = &self->shared_.progress;
    if (progress->exchange(done, std::memory_order_release) == awaited)
      P::futex_wake(progress, 1);  // E-JOIN, LAST TOUCH
  }

 private:
  friend class fork_stack<P>;
  static constexpr std::uint32_t running = 0, awaited = 1, done = 2;

  struct shared_part {
    typename P::template atomic<std::uint32_t> progress{running};
    typename P::template atomic<fork_stack<P>*> thief{nullptr};
  };
  fork_node* below_;  ///< the next older fork; the owner's
  union {
    shared_part shared_;
  };
};

/// The forks of one worker, oldest at the bottom: a shared zone that thieves take from, oldest first, and above it a
/// private one, linked through the frames, in which a fork costs its owner plain loads and stores. Whenever the zone
/// has become empty, the next push is told to look closer, and the owner moves the boundary up.
/// After the split deque of Lace (van Dijk and van de Pol, 2014), with the shared zone in one word. States, edges and
/// proof: docs/design/fork-stack.md.
///
/// Owner: push, pop, wants_forks, share, take_back, close. Any thread: steal, steal_while, shared_count.
template <class P>
class fork_stack {
 public:
  using node = fork_node<P>;
  using cell = typename P::template plain<node*>;

  /// `start`: of an empty zone; models begin just before the epoch comes round.
  constexpr explicit fork_stack(fork_zone start = fork_zone()) noexcept : zone_(start.word()) {}
  fork_stack(const fork_stack&) = delete;
  fork_stack& operator=(const fork_stack&) = delete;

  /// Gives the stack cells for as many forks as may be shared at a time. Before any other use; without it nothing is
  /// ever shared.
  void adopt(cell* cells, std::uint32_t capacity) noexcept {
    TREADLE_ASSERT(capacity <= fork_zone::max_index, capacity, fork_zone::max_index);
    cells_ = cells;
    capacity_ = capacity;
  }

  // ---- the owner's end ----------------------------------------------------------------------------------------------

  /// Pushes `forked`. Returns whether the owner has to share now. Nothing here waits for what was loaded: the link is
  /// only stored, and the new top is known before.
  [[nodiscard]] bool push(node& forked) noexcept {
    forked.below_ = top_;
    top_ = &forked;
    return must_share_.load(std::memory_order_relaxed) != 0;
  }

  /// Takes the newest fork, which is `forked`, off again. False if it is in the shared zone: see `take_back`.
  [[nodiscard]] bool pop(node& forked) noexcept {
    if (newest_shared_ == &forked) [[unlikely]]
      return false;
    top_ = forked.below_;
    return true;
  }

  /// Answers the request to share: true once for each time that the zone has become empty. Relaxed, as the request: a
  /// read-modify-write loses none, and what the owner shares is its own.
  [[nodiscard]] bool takes_request() noexcept { return must_share_.exchange(0, std::memory_order_relaxed) != 0; }

  /// Says whether the next push will have to share, for nothing is shared any more: one plain load.
  [[nodiscard]] bool wants_forks() const noexcept { return must_share_.load(std::memory_order_relaxed) != 0; }
  [[nodiscard]] bool has_private() const noexcept { return top_ != newest_shared_; }
  [[nodiscard]] bool is_empty() const noexcept { return top_ == nullptr; }

  /// Shares up to `most` of the oldest private forks, as far as there are cells for them, and one in 64 of all: who had
  /// to walk down far shall not have to do so again soon. Returns how many. A publisher's read-modify-write: a look at
  /// the sync word may follow.
  std::size_t share(std::size_t most) noexcept {
    std::size_t depth = 0;
    for (const node* each = top_; each != newest_shared_; each = each->below_) ++depth;
    const std::uint32_t end = fork_zone(zone_.load(std::memory_order_relaxed)).end();
    std::size_t count = most > depth / 64 ? most : depth / 64;
    if (count > depth) count = depth;
    if (count > capacity_ - end) count = capacity_ - end;
    if (count == 0) return 0;
    node* each = top_;
    for (std::size_t newer = depth - count; newer != 0; --newer) each = each->below_;
    node* const newest = each;
    for (std::size_t at = count; at != 0; --at, each = each->below_) {
      ::new (static_cast<void*>(&each->shared_)) typename node::shared_part;
      cells_[end + at - 1].set(each);
    }
    newest_shared_ = newest;
    const std::uint64_t epoch = P::seed_defect(105) ? 0 : fork_zone::one_epoch;
    zone_.fetch_add(count * fork_zone::one_end + epoch, std::memory_order_seq_cst);  // E-FORK
    return count;
  }

  /// Takes the newest shared fork, which is `forked`, back. False if it was stolen.
  [[nodiscard]] bool take_back(node& forked) noexcept {
    std::uint64_t word = zone_.load(std::memory_order_relaxed);
    for (;;) {
      const fork_zone now(word);
      if (now.count() == 0) return false;
      if (zone_.compare_exchange_weak(word, now.without_newest().word(), std::memory_order_relaxed,
                                      std::memory_order_relaxed)) {
        leave(forked);
        return true;
      }
    }
  }

  /// Takes a stolen fork, which is over, off the stack. All below it are stolen, too.
  void close(node& forked) noexcept {
    zone_.fetch_sub(fork_zone::one_end + fork_zone::one_head, std::memory_order_relaxed);
    leave(forked);
  }

  /// Asks the owner itself to share at its next fork.
  void ask() noexcept { must_share_.exchange(1, std::memory_order_relaxed); }

  // ---- a thief's end ------------------------------------------------------------------------------------------------

  /// Relaxed: nothing but the number is looked at.
  [[nodiscard]] std::uint32_t shared_count() const noexcept {
    return fork_zone(zone_.load(std::memory_order_relaxed)).count();
  }

  /// Says whether something is shared that stays there for some microseconds: what does not is cheaper for its owner to
  /// run than to hand over. Waits that long.
  [[nodiscard]] bool is_ripe() const noexcept {
    const std::uint64_t word = zone_.load(std::memory_order_relaxed);
    if (fork_zone(word).count() == 0) return false;
    for (std::uint32_t round = 0; round < P::ripening_rounds; ++round) {
      P::pause();
      if (zone_.load(std::memory_order_relaxed) != word) return false;
    }
    return true;
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
  /// Takes the newest shared fork off the stack. What is below it is shared, too, or was.
  void leave(node& forked) noexcept {
    forked.shared_.~shared_part();
    top_ = newest_shared_ = forked.below_;
  }

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
        taken->shared_.thief.store(&thief, std::memory_order_release);  // E-THIEF
        if (now.count() == 1) ask();
        return taken;
      }
    }
    return nullptr;
  }

  // The owner's own, touched at every fork.
  alignas(TREADLE_CACHE_LINE) node* top_ = nullptr;
  node* newest_shared_ = nullptr;  ///< from here down forks are, or were, shared
  std::uint32_t capacity_ = 0;
  /// Whether the zone has become empty, or always was.
  alignas(TREADLE_CACHE_LINE) typename P::template atomic<std::uint32_t> must_share_{1};
  alignas(TREADLE_CACHE_LINE) typename P::template atomic<std::uint64_t> zone_;
  cell* cells_ = nullptr;  ///< never changed once thieves can see the stack
};

}  // namespace treadle::detail
