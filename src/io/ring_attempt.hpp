#pragma once

#include "attempt.hpp"
#include "ring_call.hpp"

#include <cerrno>
#include <cstddef>

namespace treadle::io::detail {

/// As `attempt`, but what the first call cannot do at once is the kernel's, as `request`, until it is done. What no
/// ring takes or finishes waits for an edge.
template <class T, class F>
coro::task<result<T>> attempt_on_ring(watched& place, direction which, os::ring_request request, F f) {
  for (;;) {
    const std::uint32_t seen = place.edges(which);
    std::ptrdiff_t returned = f();
    if (would_block(returned)) {
      returned = co_await socket_call(request);
      if (was_only_tried(returned)) returned = -EAGAIN;
    }
    if (returned >= 0) co_return static_cast<T>(returned);
    if (!would_block(returned)) co_return system_error_of(returned);
    if (const std::error_code refused = place.watch(request.descriptor, which)) co_return refused;
    if (const std::error_code ended = co_await place.next_edge(which, seen)) co_return ended;
  }
}

}  // namespace treadle::io::detail
