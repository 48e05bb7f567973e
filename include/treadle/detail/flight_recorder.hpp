#pragma once

#include <treadle/detail/flight_event.hpp>
#include <treadle/detail/flight_ring.hpp>
#include <treadle/detail/site_word.hpp>
#include <treadle/detail/system_policy.hpp>

#include <cstdint>

namespace treadle::detail {

/// Says whether the library was built with flight recorders.
#if defined(TREADLE_NO_RECORDER)
inline constexpr bool keeps_records = false;
#else
inline constexpr bool keeps_records = true;
#endif

/// Returns the processor's own clock, in ticks that only a comparison with the system's gives a length.
[[nodiscard]] inline std::uint64_t clock_ticks() noexcept {
#if defined(__x86_64__)
  return __builtin_ia32_rdtsc();
#elif defined(__aarch64__)
  std::uint64_t ticks = 0;
  asm volatile("mrs %0, cntvct_el0" : "=r"(ticks));
  return ticks;
#else
  return static_cast<std::uint64_t>(monotonic_ns());
#endif
}

/// How many of what a thread does are left out until the next is noted: none where they come slowly, nor of the first
/// few of a burst.
class note_pace {
 public:
  constexpr explicit note_pace(std::uint32_t longest) noexcept : longest_(longest) {}

  /// Says whether it is time for the clock. Then `looked` follows.
  [[nodiscard]] bool is_due() noexcept { return --left_ == 0; }
  /// The clock was looked at because it was due.
  void looked(std::uint64_t ticks) noexcept {
    if (ticks - looked_ > long_ticks * interval_) {
      begin_anew();
    } else if (interval_ == 1 && thick_ < first_few) {
      ++thick_;
    } else if (interval_ < longest_) {
      interval_ *= 2;
    }
    looked_by_chance(ticks);
  }
  /// The clock was looked at for another reason.
  void looked_by_chance(std::uint64_t ticks) noexcept {
    looked_ = ticks;
    left_ = interval_;
  }
  /// What comes next has nothing to do with what came before.
  void begin_anew() noexcept {
    interval_ = 1;
    thick_ = 0;
  }

 private:
#if defined(__aarch64__)
  static constexpr std::uint64_t long_ticks = 64;  ///< of a clock of some ten to a hundred million ticks a second
#else
  static constexpr std::uint64_t long_ticks = 2'048;
#endif

  static constexpr std::uint32_t first_few = 32;

  std::uint32_t longest_;
  std::uint32_t left_ = 1;
  std::uint32_t interval_ = 1;
  std::uint32_t thick_ = 0;  ///< looks in a row that came soon after the one before, none left out
  std::uint64_t looked_ = 0;
};

/// What happened on one worker of late, and roughly when: the clock is read at what is rare, and at every 32nd of what
/// is not, which is a queued task or a run; sooner where those come slowly. One writer at a time.
/// docs/design/flight-recorder.md.
class flight_recorder {
 public:
  using ring = flight_ring<system_policy>;

  constexpr flight_recorder() noexcept = default;

  /// Before any other use.
  void adopt(ring::entry* entries, std::uint64_t capacity) noexcept { ring_.adopt(entries, capacity); }
  [[nodiscard]] const ring& entries() const noexcept { return ring_; }

  // The writer.

  /// What is too frequent for the clock.
  void note(flight_word what, std::uint64_t detail) noexcept {
    if (!is_on()) return;
    if (pace_.is_due()) [[unlikely]]
      stamp_by_turn();
    ring_.write(what.word(), detail);
  }
  /// What is rare.
  [[gnu::noinline]] void note_now(flight_word what, std::uint64_t detail) noexcept {
    if (is_on()) note_at(clock_ticks(), what, detail);
  }
  /// What was rare, and is noted now that it is known to have happened.
  void note_at(std::uint64_t ticks, flight_word what, std::uint64_t detail) noexcept {
    if (!is_on()) return;
    pace_.looked_by_chance(write_stamp(ticks));
    ring_.write(what.word(), detail);
  }
  /// The same, and what comes next begins a time of its own.
  void note_change(flight_word what, std::uint64_t detail) noexcept {
    pace_.begin_anew();
    note_now(what, detail);
  }

 private:
  static constexpr std::uint32_t longest_interval = 32;

  [[nodiscard]] bool is_on() const noexcept { return keeps_records && ring_.entries() != nullptr; }

  /// Where a note comes every microsecond or so, a look at the clock for each costs nothing that would be felt.
  [[gnu::noinline]] void stamp_by_turn() noexcept { pace_.looked(write_stamp(clock_ticks())); }
  std::uint64_t write_stamp(std::uint64_t now) noexcept {
    ring_.write(flight_word(flight_kind::stamp, nullptr).word(), now);
    return now;
  }

  ring ring_;
  note_pace pace_{longest_interval};
};

}  // namespace treadle::detail
