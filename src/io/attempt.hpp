#pragma once

#include <treadle/coro/task.hpp>
#include <treadle/io/detail/watched.hpp>
#include <treadle/result.hpp>

#include <cerrno>
#include <system_error>

namespace treadle::io::detail {

inline std::error_code system_error_of(long negated) noexcept {
  return {static_cast<int>(-negated), std::system_category()};
}

inline bool would_block(long returned) noexcept { return returned == -EAGAIN || returned == -EWOULDBLOCK; }

/// Says whether the call was no more than tried: what would wait for the disk, what the file system does only for those
/// who wait, what a ring gives back unfinished.
inline bool was_only_tried(std::ptrdiff_t returned) noexcept {
  return would_block(returned) || returned == -EOPNOTSUPP || returned == -ENOSYS || returned == -EINTR ||
         returned == -ECANCELED;
}

/// Calls `f` until it returns anything but "not now", and waits for an edge in between. The call comes first: most need
/// not wait, and then the kernel need not watch. `f` returns a negated errno when it fails.
template <class F>
coro::task<result<long>> attempt(watched& place, int descriptor, direction which, F f) {
  for (;;) {
    const std::uint32_t seen = place.edges(which);
    const long returned = f();
    if (returned >= 0) co_return returned;
    if (!would_block(returned)) co_return system_error_of(returned);
    if (const std::error_code refused = place.watch(descriptor, which)) co_return refused;
    if (const std::error_code ended = co_await place.next_edge(which, seen)) co_return ended;
  }
}

}  // namespace treadle::io::detail
