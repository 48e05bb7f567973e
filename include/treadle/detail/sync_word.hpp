#pragma once

#include <treadle/assert.hpp>
#include <treadle/config.hpp>

#include <atomic>
#include <cstdint>

namespace treadle::detail {

enum class lifecycle : std::uint32_t {
  running = 0,
  draining = 1,    ///< outsiders are refused; ends when nothing is queued and nobody runs
  cancelling = 2,  ///< nothing more is started
  stopped = 3,     ///< every worker leaves
};

/// One reading of the sync word. Threads are counted once each: active (running or searching), idle (parked), or
/// blocked, which is the rest of `total`.
class sync_state {
 public:
  constexpr explicit sync_state(std::uint64_t word = 0) noexcept : word_(word) {}
  static constexpr std::uint32_t max_count = 0x3fff;
  static constexpr sync_state of(std::uint64_t active, std::uint64_t idle, std::uint64_t total) noexcept {
    return sync_state(active << active_shift | idle << idle_shift | total << total_shift);
  }

  [[nodiscard]] constexpr std::uint32_t active() const noexcept { return field(active_shift); }
  [[nodiscard]] constexpr std::uint32_t idle() const noexcept { return field(idle_shift); }
  [[nodiscard]] constexpr std::uint32_t total() const noexcept { return field(total_shift); }
  [[nodiscard]] constexpr std::uint32_t blocked() const noexcept { return total() - active() - idle(); }
  [[nodiscard]] constexpr bool searching() const noexcept { return (word_ & searching_bit) != 0; }
  [[nodiscard]] constexpr bool watched() const noexcept { return (word_ & watched_bit) != 0; }
  [[nodiscard]] constexpr lifecycle life() const noexcept { return static_cast<lifecycle>((word_ >> life_shift) & 3); }
  [[nodiscard]] constexpr std::uint64_t word() const noexcept { return word_; }

  /// A wake-up is possible: a slot is free, and someone to fill it is parked or may be started.
  [[nodiscard]] constexpr bool can_wake(std::uint32_t width, std::uint32_t limit) const noexcept {
    return active() < width && (idle() != 0 || total() < limit) && life() < lifecycle::cancelling;
  }
  /// Nobody runs and nobody is about to.
  [[nodiscard]] constexpr bool quiet() const noexcept { return idle() == total(); }

 private:
  template <class>
  friend class sync_word;
  static constexpr unsigned active_shift = 0, idle_shift = 14, total_shift = 28, life_shift = 44;
  static constexpr std::uint64_t searching_bit = std::uint64_t{1} << 42, watched_bit = std::uint64_t{1} << 43;
  static constexpr std::uint64_t one_active = 1, one_idle = std::uint64_t{1} << idle_shift,
                                 one_total = std::uint64_t{1} << total_shift;
  static constexpr std::uint64_t life_mask = std::uint64_t{3} << life_shift;

  [[nodiscard]] constexpr std::uint32_t field(unsigned shift) const noexcept {
    return static_cast<std::uint32_t>(word_ >> shift) & max_count;
  }
  [[nodiscard]] constexpr sync_state with_life(lifecycle next) const noexcept {
    return sync_state((word_ & ~life_mask) | (static_cast<std::uint64_t>(next) << life_shift));
  }

  std::uint64_t word_;
};

enum class wake_kind { none, parked, fresh };
/// What `claim_wake` won: whom to wake, and whether the one who is woken is the searcher.
struct wake_claim {
  wake_kind kind = wake_kind::none;
  bool searcher = false;
};
enum class unpark { done, claimed_by_waker, no_slot };

/// The state machine of the pool in one word; every transition is a named read-modify-write of it.
/// After kprotty's Sync. Its `notified` and `signaled` states became claims: whoever wakes takes an idle worker out of
/// the count first, so that a failed start (seed defect 2) is one transition back. States: docs/design/scheduler.md.
/// E-SYNC: each transition sees what happened before the earlier ones, whatever their order of threads.
template <class P>
class sync_word {
 public:
  constexpr explicit sync_word(sync_state at_start = sync_state()) noexcept : word_(at_start.word()) {}
  sync_word(const sync_word&) = delete;
  sync_word& operator=(const sync_word&) = delete;

  [[nodiscard]] sync_state look() const noexcept { return sync_state(word_.load(std::memory_order_relaxed)); }
  /// Reads after the caller's earlier read-modify-writes in the one total order: the look of publish-then-look.
  [[nodiscard]] sync_state look_after_publish() const noexcept {
    return sync_state(word_.load(std::memory_order_seq_cst));  // E-SYNC
  }
  /// Reads and sees what those who left the word so did before.
  [[nodiscard]] sync_state look_acquire() const noexcept {
    return sync_state(word_.load(std::memory_order_acquire));  // E-SYNC
  }
  /// Between a store and a look at this word, or between a change of it and a look elsewhere: the full barrier.
  void barrier() noexcept { P::store_load_barrier(word_); }
  /// The same for one who makes work visible, many times for each time that somebody goes to sleep: those pay for both.
  void publisher_barrier() noexcept {
    P::has_asymmetric_barriers() ? P::light_barrier() : P::store_load_barrier(word_);  // E-PARK
  }
  /// The other half, after a change of the word, whose result is `now`. With fewer than `others` threads awake in the
  /// pool there is no publisher to wait for.
  void sleeper_barrier(sync_state now, std::uint32_t others) noexcept {
    P::store_load_barrier(word_);                                                                // E-PARK
    if (now.total() - now.idle() >= others && P::has_asymmetric_barriers()) P::heavy_barrier();  // E-PARK
  }

  /// Takes the right and duty to wake one worker, if a slot is free for it. The first one woken is the searcher;
  /// `extra` asks for one more beside a searcher, for a batch.
  wake_claim claim_wake(std::uint32_t width, std::uint32_t limit, bool extra) noexcept {
    std::uint64_t word = word_.load(std::memory_order_relaxed);
    for (;;) {
      const sync_state now(word);
      if (!now.can_wake(width, limit) || (now.searching() && !extra)) return {};
      if (extra && now.idle() == 0) return {};
      const bool fresh = now.idle() == 0;
      const bool searcher = !now.searching();
      std::uint64_t next = word + sync_state::one_active;
      next = fresh ? next + sync_state::one_total : next - sync_state::one_idle;
      if (searcher) next |= sync_state::searching_bit;
      if (change(word, next)) return {fresh ? wake_kind::fresh : wake_kind::parked, searcher};
    }
  }

  /// A claimed start failed: as if it had not been claimed.
  sync_state start_failed(bool searcher) noexcept {
    return subtract(sync_state::one_active + sync_state::one_total + (searcher ? sync_state::searching_bit : 0));
  }

  /// A claimed sleeper is not to be woken any more, for the pool stops: as if it had not been claimed.
  sync_state wake_failed(bool searcher) noexcept {
    return add(sync_state::one_idle - sync_state::one_active - (searcher ? sync_state::searching_bit : 0));
  }

  /// This worker stops looking for work. Returns the state after it.
  sync_state announce_idle(bool searcher) noexcept {
    return add(sync_state::one_idle - sync_state::one_active - (searcher ? sync_state::searching_bit : 0));
  }

  /// Takes `announce_idle` back, unless a waker has already counted this worker as awake or no slot is free.
  unpark cancel_idle(std::uint32_t width) noexcept {
    std::uint64_t word = word_.load(std::memory_order_relaxed);
    for (;;) {
      const sync_state now(word);
      if (now.idle() == 0) return unpark::claimed_by_waker;
      if (now.active() >= width) return unpark::no_slot;
      if (change(word, word - sync_state::one_idle + sync_state::one_active)) return unpark::done;
    }
  }
  /// `cancel_idle` took the count of another worker, whose waker had taken ours: gives it back.
  void give_back_idle() noexcept { add(sync_state::one_idle - sync_state::one_active); }

  /// A parked worker is no sleeper any more, and stays counted until it knows that no waker has chosen it: counted out
  /// at once, its place would be given away, and the threads be above the limit if it stays. Returns false if a waker
  /// has already counted it as awake, or the pool stops.
  bool retire_idle() noexcept {
    std::uint64_t word = word_.load(std::memory_order_relaxed);
    for (;;) {
      const sync_state now(word);
      if (now.idle() == 0 || now.life() != lifecycle::running) return false;
      if (change(word, word - sync_state::one_idle)) return true;
    }
  }
  /// `retire_idle` took the count of another worker, whose waker had taken ours: gives it back.
  void give_back_retired() noexcept { add(sync_state::one_idle); }
  /// Nobody had: the worker leaves for good, unless something has come meanwhile. Returns the state after it.
  sync_state leave_retired() noexcept { return subtract(sync_state::one_total); }

  /// The searcher found work, or gives up being one.
  sync_state release_search() noexcept { return subtract(sync_state::searching_bit); }

  sync_state enter_blocking() noexcept { return subtract(sync_state::one_active); }
  sync_state leave_blocking() noexcept { return add(sync_state::one_active); }

  /// A running worker leaves for good.
  sync_state leave_active(bool searcher) noexcept {
    return subtract(sync_state::one_active + sync_state::one_total + (searcher ? sync_state::searching_bit : 0));
  }
  /// A worker whose parking was ended by the stop leaves for good. A waker may hold its count for a moment.
  void leave_idle() noexcept {
    std::uint64_t word = word_.load(std::memory_order_relaxed);
    for (;;) {
      if (sync_state(word).idle() == 0) {
        P::yield();
        word = word_.load(std::memory_order_relaxed);
      } else if (change(word, word - sync_state::one_idle - sync_state::one_total)) {
        return;
      }
    }
  }

  /// Moves the life forward to `next`; never back. Returns the state before.
  sync_state advance(lifecycle next) noexcept {
    std::uint64_t word = word_.load(std::memory_order_relaxed);
    for (;;) {
      const sync_state now(word);
      if (now.life() >= next) return now;
      if (change(word, now.with_life(next).word())) return now;
    }
  }

  /// Ends a drain in the very state `seen`, in which the caller found nothing queued.
  bool stop_if_unchanged(sync_state seen) noexcept {
    std::uint64_t word = seen.word();
    return word_.compare_exchange_strong(word, seen.with_life(lifecycle::stopped).word(), std::memory_order_seq_cst,
                                         std::memory_order_relaxed);  // E-SYNC
  }

  /// Asks the last worker that parks to tell.
  void watch() noexcept { word_.fetch_or(sync_state::watched_bit, std::memory_order_seq_cst); }      // E-SYNC
  void unwatch() noexcept { word_.fetch_and(~sync_state::watched_bit, std::memory_order_seq_cst); }  // E-SYNC

 private:
  bool change(std::uint64_t& expected, std::uint64_t desired) noexcept {
    return word_.compare_exchange_weak(expected, desired, std::memory_order_seq_cst,
                                       std::memory_order_relaxed);  // E-SYNC
  }
  sync_state add(std::uint64_t delta) noexcept {
    return sync_state(word_.fetch_add(delta, std::memory_order_seq_cst) + delta);  // E-SYNC
  }
  sync_state subtract(std::uint64_t delta) noexcept {
    return sync_state(word_.fetch_sub(delta, std::memory_order_seq_cst) - delta);  // E-SYNC
  }

  typename P::template atomic<std::uint64_t> word_;
};

}  // namespace treadle::detail
