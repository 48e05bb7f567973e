#pragma once

#include <atomic>
#include <cstdint>

namespace treadle::detail {

/// The last entries that one thread at a time has written, two words each. The writer overwrites the oldest and waits
/// for nobody; a reader copies what there is, and leaves out what was overwritten under its hands. What makes a ring
/// "always on": a write is three stores, none of them a read-modify-write. docs/design/flight-recorder.md.
/// Like `sign`, after Boehm, "Can Seqlocks Get Along With Programming Language Memory Models?" (2012), with orders on
/// the words instead of fences; here the entry's number is its version, so no entry has a word for that.
template <class P>
class flight_ring {
 public:
  struct entry {
    typename P::template atomic<std::uint64_t> what{0};
    typename P::template atomic<std::uint64_t> detail{0};
  };

  constexpr flight_ring() noexcept = default;
  flight_ring(const flight_ring&) = delete;
  flight_ring& operator=(const flight_ring&) = delete;

  /// Gives the ring its entries, a power of two of them. Before any other use; without, nothing is written.
  void adopt(entry* entries, std::uint64_t capacity) noexcept {
    entries_ = entries;
    mask_ = capacity - 1;
  }
  [[nodiscard]] entry* entries() const noexcept { return entries_; }

  /// The writer: only where there are entries.
  void write(std::uint64_t what, std::uint64_t detail) noexcept {
    const std::uint64_t number = written_.load(std::memory_order_relaxed);
    entry& next = entries_[number & mask_];
    // Who reads a word of this entry sees in its second look that the writer has come to it.
    next.what.store(what, std::memory_order_release);       // E-FLIGHT
    next.detail.store(detail, std::memory_order_release);   // E-FLIGHT
    written_.store(number + 1, std::memory_order_release);  // E-FLIGHT: who sees the number sees the entry
  }

  /// Returns how many entries were ever written. Any thread.
  [[nodiscard]] std::uint64_t written() const noexcept {
    return written_.load(std::memory_order_acquire);  // E-FLIGHT
  }

  /// Calls `sink(number, what, detail)` for each entry that there is, the oldest first, whole as it was written; what
  /// is overwritten meanwhile is left out, and what is written meanwhile too. Any thread, a signal handler too.
  template <class Sink>
  void read(Sink&& sink) const {
    if (entries_ == nullptr) return;
    const std::uint64_t end = written();
    for (std::uint64_t number = end > mask_ ? end - mask_ : 0; number < end; ++number) {
      const entry& copied = entries_[number & mask_];
      const std::uint64_t what = copied.what.load(std::memory_order_acquire);      // E-FLIGHT
      const std::uint64_t detail = copied.detail.load(std::memory_order_acquire);  // E-FLIGHT
      // At `number + capacity` the writer is, or may be, in the midst of it.
      if (written_.load(std::memory_order_relaxed) - number > mask_) continue;
      sink(number, what, detail);
    }
  }

 private:
  entry* entries_ = nullptr;
  std::uint64_t mask_ = 0;
  typename P::template atomic<std::uint64_t> written_{0};
};

}  // namespace treadle::detail
