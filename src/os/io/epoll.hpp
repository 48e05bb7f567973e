#pragma once

#include <treadle/detail/poll_driver.hpp>

#include <cstdint>

/// The calls that watch descriptors. Those that can fail return a negated errno.
namespace treadle::detail::os {

/// `unusual`: the peer has ended its half, an error, urgent data. Told in any case, urgent data only if asked for.
inline constexpr std::uint32_t readable = 1, writable = 2, unusual = 4;
inline constexpr std::uint64_t bell_key = UINT64_MAX;

/// Returns a new epoll instance.
[[nodiscard]] int make_epoll() noexcept;
/// Returns a new eventfd that `epoll` watches: `ring_bell` wakes one of those who wait there.
[[nodiscard]] int make_bell(int epoll) noexcept;
void ring_bell(int bell) noexcept;
void close_descriptor(int descriptor) noexcept;

/// Watches `descriptor` for `what`, edge by edge, under `key`. `again`: it is watched already, for less. 0 if done.
[[nodiscard]] int watch_descriptor(int epoll, int descriptor, std::uint32_t what, std::uint64_t key,
                                   bool again) noexcept;
/// Watches it no more.
void unwatch_descriptor(int epoll, int descriptor) noexcept;
/// Returns 1 if the descriptor is `what` right now, -EAGAIN if not.
[[nodiscard]] int is_ready(int descriptor, std::uint32_t what) noexcept;
/// Adds what is ready to `into`, which is empty: sleeps for it until `deadline_ns` (CLOCK_MONOTONIC), and may return
/// with nothing.
void wait_for_events(int epoll, std::int64_t deadline_ns, poll_batch& into) noexcept;

}  // namespace treadle::detail::os
