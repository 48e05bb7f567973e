#pragma once

#include <atomic>
#include <cstdint>

namespace treadle::detail {

/// Room for the one task that its worker runs next: what a coroutine has woken or begun, shortly before it waits
/// itself. Nobody is woken for it; others may steal it once it has lain there for some microseconds, and then the owner
/// keeps nothing for a while: it computes on after it has woken somebody. After Go's `runnext` and tokio's LIFO slot.
/// docs/design/next-slot.md.
///
/// Owner: has_room, put, take, is_filled. Any thread: is_empty, is_ripe, steal.
template <class P, class Task>
class next_slot {
 public:
  next_slot() noexcept = default;
  next_slot(const next_slot&) = delete;
  next_slot& operator=(const next_slot&) = delete;

  // ---- the owner's end ----------------------------------------------------------------------------------------------

  /// Says whether something was put and not taken since. It may have been stolen.
  [[nodiscard]] bool is_filled() const noexcept { return filled_; }

  /// Says whether something may be put now: nothing is there, and what was put lately was not stolen. Counts how often
  /// it was asked since the last theft.
  [[nodiscard]] bool has_room() noexcept {
    if (filled_) {
      if (slot_.load(std::memory_order_relaxed) != nullptr) return false;
      was_stolen();
    }
    if (refrains_ == 0) return true;
    --refrains_;
    return false;
  }

  /// Keeps `next`, for which there is room. A publisher's read-modify-write: a look at the sync word may follow.
  void put(Task& next) noexcept {
    filled_ = true;
    slot_.exchange(&next, std::memory_order_seq_cst);  // E-NEXT
  }

  /// Takes what is there out again. Null: nothing was put, or it was stolen. Relaxed: it is the owner's own.
  [[nodiscard]] Task* take() noexcept {
    if (!filled_) return nullptr;
    Task* const next = slot_.exchange(nullptr, std::memory_order_relaxed);
    if (next == nullptr) {
      was_stolen();
    } else {
      filled_ = false;
      if (caution_ != 0) --caution_;
    }
    return next;
  }

  // ---- a thief's end ------------------------------------------------------------------------------------------------

  /// Relaxed: nothing is done with what is there.
  [[nodiscard]] bool is_empty() const noexcept { return slot_.load(std::memory_order_relaxed) == nullptr; }

  /// Says whether there is something that stays for some microseconds: what does not is cheaper run by its owner than
  /// handed over. Waits that long.
  [[nodiscard]] bool is_ripe() const noexcept {
    const Task* const seen = slot_.load(std::memory_order_relaxed);
    if (seen == nullptr) return false;
    for (std::uint32_t round = 0; round < P::ripening_rounds; ++round) {
      P::pause();
      if (slot_.load(std::memory_order_relaxed) != seen) return false;
    }
    return true;
  }

  /// Takes what is there. Null: nothing is, or another was faster.
  [[nodiscard]] Task* steal() noexcept {
    Task* seen = slot_.load(std::memory_order_relaxed);
    if (seen == nullptr) return nullptr;
    const bool taken =
        slot_.compare_exchange_strong(seen, nullptr, std::memory_order_acquire, std::memory_order_relaxed);  // E-NEXT
    return taken ? seen : nullptr;
  }

 private:
  void was_stolen() noexcept {
    filled_ = false;
    caution_ = caution_ < most_caution / 2 ? caution_ * 2 + least_caution : most_caution;
    refrains_ = caution_;
  }

  /// How many tasks go to the ring instead after a theft: more with each, fewer with each task that was run here.
  static constexpr std::uint32_t least_caution = 32, most_caution = 4'096;

  typename P::template atomic<Task*> slot_{nullptr};
  std::uint32_t refrains_ = 0, caution_ = 0;
  bool filled_ = false;
};

}  // namespace treadle::detail
