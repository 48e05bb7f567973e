#pragma once

#include <treadle/detail/site_word.hpp>

#include <cstdint>

namespace treadle::detail {

/// What a flight recorder's entry is about.
enum class flight_kind : std::uint8_t {
  stamp,      ///< the clock's ticks: what follows in the ring happened then
  schedule,   ///< a task was queued: the task, where from
  run,        ///< a task begins, and ends what ran before: the task, where it was scheduled
  enter,      ///< another one begins in the middle of it: a task in place, a stolen branch, or several of them
  leave,      ///< and is over
  search,     ///< the worker has nothing of its own any more
  park,       ///< it sleeps: why
  up,         ///< it got up again, or has just been started
  gone,       ///< its thread ends
  blocked,    ///< the task that it runs blocks: in what, for a task of where
  unblocked,  ///< and goes on
  expose,     ///< it has given forks for others to take: how many
  steal,      ///< it has taken: from whom, how many tasks
  wake,       ///< it has woken or started: whom
  timer,      ///< a timer's task was due: the task
  io_begin,   ///< an operation or a coroutine waits for I/O: the task, the descriptor
  io_end,     ///< and was found ready: the task
  count
};

/// Why a worker parked.
enum class park_reason : std::uint8_t { no_work, timer, io };

/// The first word of an entry: the kind below, then a small number, then an address. The second word is as the kind
/// says.
class flight_word {
 public:
  constexpr explicit flight_word(std::uint64_t word) noexcept : word_(word) {}
  flight_word(flight_kind kind, const void* address, std::uint64_t small = 0) noexcept
      : word_(static_cast<std::uint64_t>(kind) | (small < most_small ? small : most_small) << small_shift |
              static_cast<std::uint64_t>(reinterpret_cast<std::uintptr_t>(address)) << address_shift) {}

  [[nodiscard]] constexpr std::uint64_t word() const noexcept { return word_; }
  [[nodiscard]] constexpr flight_kind kind() const noexcept { return static_cast<flight_kind>(word_ & 0xff); }
  /// A count, up to 255: that many or more.
  [[nodiscard]] constexpr std::uint32_t small() const noexcept {
    return static_cast<std::uint32_t>(word_ >> small_shift & most_small);
  }
  /// Of a task: its lowest 48 bits, which is all of it on the systems that treadle runs on.
  [[nodiscard]] constexpr std::uint64_t address() const noexcept { return word_ >> address_shift; }

 private:
  static constexpr unsigned small_shift = 8, address_shift = 16;
  static constexpr std::uint64_t most_small = 0xff;

  std::uint64_t word_;
};

}  // namespace treadle::detail
