#pragma once

#include <cstdint>

#if defined(TREADLE_USDT)
#include <sys/sdt.h>
#define TREADLE_PROBE1(name, a) STAP_PROBE1(treadle, name, a)
#define TREADLE_PROBE2(name, a, b) STAP_PROBE2(treadle, name, a, b)
#define TREADLE_PROBE3(name, a, b, c) STAP_PROBE3(treadle, name, a, b, c)
#else
#define TREADLE_PROBE1(name, a) static_cast<void>(a)
#define TREADLE_PROBE2(name, a, b) static_cast<void>(a), static_cast<void>(b)
#define TREADLE_PROBE3(name, a, b, c) static_cast<void>(a), static_cast<void>(b), static_cast<void>(c)
#endif

/// Probes for tools outside, by the names of the flight recorder's events: each is a `nop` in the code, and a note in
/// the program's file that says where it is and where its arguments lie. Inline, so that each stays where it happens.
/// A site is a `site_word`: the address of a text in its lowest 48 bits, the line above. docs/guide/see-inside.md.
namespace treadle::detail::os::probe {

#if defined(TREADLE_USDT)
inline constexpr bool are_built = true;
#else
inline constexpr bool are_built = false;
#endif

[[gnu::always_inline]] inline void schedule(const void* task, std::uint64_t site, std::uint64_t tasks) noexcept {
  TREADLE_PROBE3(schedule, task, site, tasks);
}
[[gnu::always_inline]] inline void run(std::uint32_t worker, const void* task, std::uint64_t site) noexcept {
  TREADLE_PROBE3(run, worker, task, site);
}
[[gnu::always_inline]] inline void enter(std::uint32_t worker, const void* task, std::uint64_t site) noexcept {
  TREADLE_PROBE3(enter, worker, task, site);
}
[[gnu::always_inline]] inline void leave(std::uint32_t worker) noexcept { TREADLE_PROBE1(leave, worker); }
[[gnu::always_inline]] inline void search(std::uint32_t worker) noexcept { TREADLE_PROBE1(search, worker); }
/// `why`: a `park_reason`.
[[gnu::always_inline]] inline void park(std::uint32_t worker, std::uint32_t why) noexcept {
  TREADLE_PROBE2(park, worker, why);
}
[[gnu::always_inline]] inline void up(std::uint32_t worker) noexcept { TREADLE_PROBE1(up, worker); }
[[gnu::always_inline]] inline void gone(std::uint32_t worker) noexcept { TREADLE_PROBE1(gone, worker); }
/// `kind`: a text.
[[gnu::always_inline]] inline void blocked(std::uint32_t worker, const char* kind, std::uint64_t site) noexcept {
  TREADLE_PROBE3(blocked, worker, kind, site);
}
[[gnu::always_inline]] inline void unblocked(std::uint32_t worker) noexcept { TREADLE_PROBE1(unblocked, worker); }
[[gnu::always_inline]] inline void expose(std::uint32_t worker, std::uint64_t forks) noexcept {
  TREADLE_PROBE2(expose, worker, forks);
}
[[gnu::always_inline]] inline void steal(std::uint32_t thief, std::uint32_t victim, std::uint64_t tasks) noexcept {
  TREADLE_PROBE3(steal, thief, victim, tasks);
}
[[gnu::always_inline]] inline void wake(std::uint32_t woken) noexcept { TREADLE_PROBE1(wake, woken); }
[[gnu::always_inline]] inline void timer(std::uint32_t worker, const void* task) noexcept {
  TREADLE_PROBE2(timer, worker, task);
}
[[gnu::always_inline]] inline void io_begin(const void* task, std::uint64_t descriptor) noexcept {
  TREADLE_PROBE2(io_begin, task, descriptor);
}
[[gnu::always_inline]] inline void io_end(std::uint32_t worker, const void* task) noexcept {
  TREADLE_PROBE2(io_end, worker, task);
}

}  // namespace treadle::detail::os::probe

#undef TREADLE_PROBE1
#undef TREADLE_PROBE2
#undef TREADLE_PROBE3
