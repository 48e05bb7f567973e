#include "../os/io/epoll.hpp"
#include "../os/io/socket.hpp"
#include "attempt.hpp"

#include <treadle/errc.hpp>
#include <treadle/io/descriptor.hpp>

#include <cstdint>

namespace treadle::io {

namespace os = treadle::detail::os;

result<descriptor> descriptor::adopt(thread_pool& pool, int number) noexcept {
  const result<detail::watched*> place = detail::acquire_watched(pool);
  if (!place) return place.error();
  // Last of all: one that is not taken over stays as it was.
  const int failed = os::set_nonblocking(number);
  if (failed == 0) return descriptor(number, **place);
  detail::release_watched(**place, -1);
  return detail::system_error_of(failed);
}

result<descriptor> descriptor::own(thread_pool& pool, int number) noexcept {
  const result<detail::watched*> place = detail::acquire_watched(pool);
  if (place) return descriptor(number, **place);
  os::close_descriptor(number);
  return place.error();
}

// Does by itself what `attempt` does, and keeps nothing that can be had again: its frame, of 256 bytes, is most of what
// a connection costs that has nothing to say.
coro::task<result<void>> descriptor::edge(detail::direction which) {
  for (;;) {
    const std::uint32_t seen = place_->edges(which);
    // Asked level by level: whoever reads elsewhere need not have read all.
    const int ready = os::is_ready(number_, which == detail::direction::in ? os::readable : os::writable);
    if (ready >= 0) co_return result<void>{};
    if (!detail::would_block(ready)) co_return detail::system_error_of(ready);
    if (const std::error_code refused = place_->watch(number_, which)) co_return refused;
    if (const std::error_code ended = co_await place_->next_edge(which, seen)) co_return ended;
  }
}

coro::task<result<void>> descriptor::readable() { return edge(detail::direction::in); }
coro::task<result<void>> descriptor::writable() { return edge(detail::direction::out); }

int descriptor::release() noexcept {
  if (place_ != nullptr) detail::release_watched(*std::exchange(place_, nullptr), number_);
  return std::exchange(number_, -1);
}

void descriptor::close() noexcept {
  if (number_ < 0) return;
  if (place_ != nullptr) detail::release_watched(*std::exchange(place_, nullptr), -1);
  os::close_descriptor(std::exchange(number_, -1));
}

}  // namespace treadle::io
