#pragma once

#include <treadle/config.hpp>

#include <cstdint>
#include <string>
#include <system_error>

namespace treadle {
class thread_pool;
}

namespace treadle::io {

/// What I/O goes through in this process, and why. Settled when it is first asked for or used.
///
/// The environment variable TREADLE_IO asks for one of three: `epoll` (no rings), `auto` (files through io_uring where
/// that is faster) or `uring` (all that can). A program with more rights than its user does not hear it. Where the
/// system refuses rings, or the build has no liburing, everything works without them.
struct backend {
  enum class rings_for : std::uint32_t { nothing, files, everything };

  rings_for rings = rings_for::nothing;
  bool wish_is_unknown = false;   ///< TREADLE_IO is none of the three, and was taken for `auto`
  std::error_code refused;        ///< why the system gives no rings; clear if it does, or was not asked
  std::uint32_t submissions = 0;  ///< room in a ring for what is given to the kernel at a time
  std::uint32_t answers = 0;      ///< room in a ring for what comes back
  std::uint32_t flags = 0;        ///< IORING_SETUP_*
  /// Whether `listener::accept` and `recv_stream` ask the kernel once for all that comes (from Linux 6.0 on).
  bool feeds_sockets = false;
};

/// Returns what I/O goes through. Any thread; the first call asks the system.
[[nodiscard]] TREADLE_EXPORT const backend& current_backend() noexcept;
/// Returns the same in one line of text for people. May throw std::bad_alloc.
[[nodiscard]] TREADLE_EXPORT std::string describe(const backend& shown);

/// Counts of a pool's operations since its start, which only grow.
struct ring_stats {
  std::uint64_t begun = 0;        ///< operations that a ring has taken
  std::uint64_t refused = 0;      ///< operations that none has taken, and that went the other way
  std::uint64_t submissions = 0;  ///< calls by which the kernel was given operations, several at a time where it may be
};
/// Returns the counts of `of`. Any thread, at any time.
[[nodiscard]] TREADLE_EXPORT ring_stats stats_of_rings(thread_pool& of) noexcept;

}  // namespace treadle::io
