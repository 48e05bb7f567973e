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

coro::task<result<void>> descriptor::edge(detail::direction which) {
  // Asked level by level: whoever reads elsewhere need not have read all.
  const std::uint32_t bit = which == detail::direction::in ? os::readable : os::writable;
  const result<long> ready =
      co_await detail::attempt(*place_, number_, which, [this, bit] { return os::is_ready(number_, bit); });
  co_return ready.error();
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
