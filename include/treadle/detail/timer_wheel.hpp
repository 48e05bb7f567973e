#pragma once

#include <treadle/assert.hpp>
#include <treadle/detail/brief_lock.hpp>

#include <atomic>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <utility>

namespace treadle::detail {

template <class P>
class timer_wheel;

/// What arming a timer came to. `first`: nothing else in its wheel expires earlier. `refused`: the wheel is closed.
enum class arming { later, first, refused };

/// A timer's place in a wheel, intrusive. `home` is the wheel in which it lies, and null outside of any: it changes
/// under that wheel's lock only, and so does all else while the timer lies there.
template <class P>
struct timer_node {
  typename P::template atomic<timer_wheel<P>*> home{nullptr};
  typename P::template plain<std::uint64_t> tick{0};
  timer_node* next = nullptr;
  timer_node* previous = nullptr;
  void* work = nullptr;  ///< what its owner wants to know when it has expired
  std::uint32_t place = 0;
};

/// Timers by the time at which they expire: O(1) to arm and to cancel, in ticks of 65.5 µs, never early. Six levels
/// of 256 slots; a timer lies on the level of the highest digit (base 256) in which its tick differs from the current
/// one, and moves down when the current tick enters its slot. After Varghese and Lauck, "Hashed and Hierarchical Timing
/// Wheels" (1987), scheme 7. One lock a wheel: docs/design/timers.md says who may call what.
template <class P>
class timer_wheel {
 public:
  using node = timer_node<P>;
  static constexpr unsigned tick_shift = 16;  ///< a tick has 2^16 ns
  static constexpr std::int64_t never = INT64_MAX;

  constexpr timer_wheel() noexcept = default;
  timer_wheel(const timer_wheel&) = delete;
  timer_wheel& operator=(const timer_wheel&) = delete;

  /// Arms a timer that lies in no wheel, for the first tick that is not before `deadline_ns`. If it is `first`, who
  /// sleeps for this wheel's timers may have to be told. Any thread that owns the timer.
  [[nodiscard]] arming arm(node& armed, std::int64_t deadline_ns) noexcept {
    const brief_guard held(lock_);
    TREADLE_ASSERT(armed.home.load(std::memory_order_relaxed) == nullptr, deadline_ns, 0);
    if (closed_) return arming::refused;
    armed.tick.set(first_tick_from(deadline_ns));
    put(armed, place_of(armed.tick.get()));
    count_.set(count_.get() + 1);
    armed.home.store(this, std::memory_order_release);  // E-HOME
    return note_expiry(armed.tick.get());
  }

  /// Moves an armed timer to another time, in the wheel in which it lies; `refused` if it lies in none. To a later time
  /// costs the timer's own memory alone: it stays in its slot until that is entered. Any thread; the timer must exist
  /// until the call returns.
  [[nodiscard]] static arming rearm(node& armed, std::int64_t deadline_ns) noexcept {
    const std::uint64_t tick = first_tick_from(deadline_ns);
    for (;;) {
      timer_wheel* const home = armed.home.load(std::memory_order_acquire);  // E-HOME: the wheel is there
      if (home == nullptr) return arming::refused;
      const brief_guard held(home->lock_);
      if (!P::seed_defect(151) && armed.home.load(std::memory_order_relaxed) != home) continue;  // as in cancel
      armed.tick.set(tick);
      if (!home->finds_in_time(armed)) {
        home->take_out(armed);
        home->put(armed, home->place_of(tick));
      }
      return home->note_expiry(tick);
    }
  }

  /// Takes a timer out of the wheel in which it lies. Returns false if it lies in none: then it was not armed, or
  /// whoever expires it was faster, or another cancel. Any thread; the timer must exist until the call returns.
  static bool cancel(node& armed) noexcept {
    for (;;) {
      timer_wheel* const home = armed.home.load(std::memory_order_acquire);  // E-HOME: the wheel is there
      if (home == nullptr) return false;
      const brief_guard held(home->lock_);
      // Expired, or armed again elsewhere, since we looked: here it can lie only if it says so under the lock.
      if (!P::seed_defect(131) && armed.home.load(std::memory_order_relaxed) != home) continue;
      home->let_go(armed);
      if (home->count_.get() == 0) home->next_.store(never, std::memory_order_relaxed);
      return true;
    }
  }

  /// Takes out what has expired by `now_ns` and hands it to `sink(node&)`, in the order of ticks, outside the lock:
  /// the sink may arm it again or free it. Makes at most `most` steps, and leaves the rest to a later call if there is
  /// more: `next_ns` is not after `now_ns` then. Any thread. Returns how many were handed on.
  template <class Sink>
  std::size_t expire(std::int64_t now_ns, std::size_t most, Sink&& sink) noexcept {
    return hand_on(take_expired(last_tick_by(now_ns), most, false), sink);
  }

  /// Hands all that is armed to `sink`, and refuses what is to be armed from now on.
  template <class Sink>
  std::size_t close(Sink&& sink) noexcept {
    return hand_on(take_expired(end_of_time, SIZE_MAX, true), sink);
  }

  /// Returns the earliest time at which something may expire, in nanoseconds: not later than the next expiry, and often
  /// exactly that; `never` if nothing is armed. A snapshot, any thread.
  [[nodiscard]] std::int64_t next_ns() const noexcept { return next_.load(std::memory_order_relaxed); }

  /// Adds to `armed` how many timers lie here. False, without waiting, if the wheel is being changed.
  [[nodiscard]] bool add_count(std::size_t& armed) noexcept {
    if (!lock_.try_lock()) return false;
    armed += count_.get();
    lock_.unlock();
    return true;
  }

 private:
  static constexpr std::uint32_t digit_bits = 8, slots = 1 << digit_bits, levels = 6, word_bits = 64;
  static constexpr std::uint32_t overdue = levels * slots;  ///< the place of timers that are armed for the past
  static constexpr std::uint32_t nowhere = overdue + 1;
  static constexpr std::uint64_t end_of_time = UINT64_MAX >> tick_shift;  ///< after every tick that a timer can have
  static constexpr int looked_at = 8;  ///< timers of a slot that are looked at to tell the next expiry exactly

  static constexpr std::uint64_t first_tick_from(std::int64_t ns) noexcept {
    constexpr std::uint64_t rest = (std::uint64_t{1} << tick_shift) - 1;
    return ns <= 0 ? 0 : (static_cast<std::uint64_t>(ns) + rest) >> tick_shift;
  }
  static constexpr std::uint64_t last_tick_by(std::int64_t ns) noexcept {
    return ns <= 0 ? 0 : static_cast<std::uint64_t>(ns) >> tick_shift;
  }
  static constexpr std::int64_t time_of(std::uint64_t tick) noexcept {
    return tick > (static_cast<std::uint64_t>(never) >> tick_shift) ? never
                                                                    : static_cast<std::int64_t>(tick << tick_shift);
  }
  [[nodiscard]] std::uint32_t place_of(std::uint64_t tick) const noexcept {
    if (tick <= current_) return overdue;
    const auto level = static_cast<std::uint32_t>(std::bit_width(tick ^ current_) - 1) / digit_bits;
    return level * slots + (static_cast<std::uint32_t>(tick >> (level * digit_bits)) & (slots - 1));
  }

  // ---- under the lock ---------------------------------------------------------------------------------------------

  [[nodiscard]] arming note_expiry(std::uint64_t tick) noexcept {
    const std::int64_t expires = time_of(tick);
    if (expires >= next_.load(std::memory_order_relaxed)) return arming::later;
    next_.store(expires, std::memory_order_relaxed);
    return arming::first;
  }

  /// Says whether a timer that is to expire at another tick now can stay where it lies: a step comes to it by then.
  [[nodiscard]] bool finds_in_time(const node& moved) const noexcept {
    return moved.place == overdue || moved.place == entered_ || moved.tick.get() >= first_tick_in(moved.place);
  }

  /// Puts a timer at the end of the list at `place`, a ring with its first timer at the head.
  void put(node& added, std::uint32_t place) noexcept {
    node*& head = heads_[place];
    if (head == nullptr) {
      head = added.next = added.previous = &added;
      if (place < overdue) used_[place / word_bits] |= std::uint64_t{1} << (place % word_bits);
    } else {
      added.next = head;
      added.previous = head->previous;
      head->previous->next = &added;
      head->previous = &added;
    }
    added.place = place;
  }

  void take_out(node& taken) noexcept {
    node*& head = heads_[taken.place];
    if (taken.next == &taken) {
      head = nullptr;
      if (taken.place < overdue) used_[taken.place / word_bits] &= ~(std::uint64_t{1} << (taken.place % word_bits));
      return;
    }
    taken.previous->next = taken.next;
    taken.next->previous = taken.previous;
    if (head == &taken) head = taken.next;
  }

  /// From here on the timer is the caller's.
  void let_go(node& gone) noexcept {
    count_.set(count_.get() - 1);
    TREADLE_ASSERT(gone.home.load(std::memory_order_relaxed) == this, gone.place, current_);
    take_out(gone);
    gone.home.store(nullptr, std::memory_order_relaxed);  // who reads it outside the lock learns nothing else
  }

  /// The place from which the next step takes a timer: overdue, or in the slot that the current tick has entered.
  [[nodiscard]] std::uint32_t place_in_turn() const noexcept {
    if (heads_[overdue] != nullptr) return overdue;
    return entered_ != nowhere && heads_[entered_] != nullptr ? entered_ : nowhere;
  }

  /// Returns the slot that time enters next: the first on the lowest level that is used. What lies on a lower level
  /// shares its upper digits with the current tick, and so comes before what does not.
  [[nodiscard]] std::uint32_t next_slot() const noexcept {
    for (std::uint32_t word = 0; word < overdue / word_bits; ++word) {
      if (used_[word] != 0) return word * word_bits + static_cast<std::uint32_t>(std::countr_zero(used_[word]));
    }
    return nowhere;
  }
  /// Returns the first tick of a slot that time has not entered.
  [[nodiscard]] std::uint64_t first_tick_in(std::uint32_t place) const noexcept {
    const std::uint32_t shift = place / slots * digit_bits;
    return (((current_ >> shift) & ~std::uint64_t{slots - 1}) | place % slots) << shift;
  }

  static constexpr std::uint64_t ticks_in(std::uint32_t place) noexcept {
    return std::uint64_t{1} << (place / slots * digit_bits);
  }

  /// Moves the current tick to `now`, or into the next slot if that begins before. Returns whether it has.
  bool enter_next_slot(std::uint64_t now) noexcept {
    entered_ = nowhere;
    const std::uint32_t slot = next_slot();
    const std::uint64_t begins = slot == nowhere ? UINT64_MAX : first_tick_in(slot);
    if (begins <= now) {
      current_ = begins;
      entered_ = slot;
      return true;
    }
    if (current_ < now) current_ = now;
    return false;
  }

  [[nodiscard]] std::int64_t find_next() const noexcept {
    if (count_.get() == 0) return never;
    if (place_in_turn() != nowhere) return time_of(current_);
    const std::uint32_t slot = next_slot();
    const std::uint64_t begins = first_tick_in(slot), next_begins = begins + ticks_in(slot);
    std::uint64_t earliest = UINT64_MAX;
    const node* looked = heads_[slot];
    for (int i = 0; i < looked_at; ++i) {
      if (looked->tick.get() < earliest) earliest = looked->tick.get();
      looked = looked->next;
      // Timers that were moved to a later time say nothing of what the next slots hold.
      if (looked == heads_[slot]) return time_of(earliest < next_begins ? earliest : begins);
    }
    return time_of(begins);
  }

  /// A step takes one timer out for good, moves one down, or enters a slot. Returns a list by `next`.
  node* take_expired(std::uint64_t now, std::size_t most, bool last_time) noexcept {
    node* first = nullptr;
    node** end = &first;
    const brief_guard held(lock_);
    closed_ = closed_ || last_time;
    for (std::size_t step = 0; step < most; ++step) {
      const std::uint32_t place = place_in_turn();
      if (place == nowhere) {
        if (enter_next_slot(now)) continue;
        break;
      }
      node& taken = *heads_[place];
      if (taken.tick.get() <= current_) {
        let_go(taken);
        *end = &taken;
        end = &taken.next;
      } else {
        take_out(taken);
        put(taken, place_of(taken.tick.get()));
      }
    }
    *end = nullptr;
    next_.store(find_next(), std::memory_order_relaxed);
    return first;
  }

  template <class Sink>
  static std::size_t hand_on(node* first, Sink& sink) noexcept {
    std::size_t count = 0;
    while (first != nullptr) {
      node& expired = *std::exchange(first, first->next);
      sink(expired);
      ++count;
    }
    return count;
  }

  brief_lock<P> lock_;
  typename P::template atomic<std::int64_t> next_{never};  ///< written under the lock
  typename P::template plain<std::size_t> count_{0};
  std::uint64_t current_ = 0;  ///< every tick up to this one has been served
  std::uint32_t entered_ = nowhere;
  bool closed_ = false;
  std::uint64_t used_[overdue / word_bits] = {};  ///< a bit for each slot that is not empty
  node* heads_[levels * slots + 1] = {};
};

}  // namespace treadle::detail
