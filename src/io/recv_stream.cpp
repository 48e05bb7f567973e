#include "../os/io/socket.hpp"
#include "attempt.hpp"
#include "epoll_driver.hpp"

#include <treadle/errc.hpp>
#include <treadle/io/recv_stream.hpp>

#include <algorithm>
#include <cerrno>

namespace treadle::io {

namespace os = treadle::detail::os;
using detail::direction;
using detail::feed;

coro::task<recv_stream::chunk> recv_stream::next() {
  let_go();
  for (;;) {
    const std::uint32_t seen = place_->edges(direction::in);
    chunk got;
    const step to_do = look(seen, got);
    if (to_do == step::done) co_return got;
    if (to_do == step::watch) {
      if (const std::error_code refused = place_->watch(number_, direction::in)) co_return chunk(refused);
    }
    if (const std::error_code ended = co_await place_->next_edge(direction::in, seen)) co_return chunk(ended);
  }
}

recv_stream::step recv_stream::look(std::uint32_t seen, chunk& got) noexcept {
  if (plainly_ != plain::always && detail::has_feeds()) {
    const step fed = look_at_feed(got);
    if (fed != step::watch) return fed;
  }
  return receive_plainly(seen, got);
}

/// `watch`: nothing comes from there for now.
recv_stream::step recv_stream::look_at_feed(chunk& got) noexcept {
  feed* const from = feed::of(*place_, feed::kind::bytes);
  if (from == nullptr) return step::watch;
  for (;;) {
    feed::item item;
    switch (from->take(item)) {
      case feed::answer::coming:
        return step::wait;
      case feed::answer::taken:
        if (item.buffer >= 0) held_ = {nullptr, &from->ring(), item.buffer};
        if (item.value > 0) {
          got = chunk(std::span(held_.ring->buffer(item.buffer), static_cast<std::size_t>(item.value)));
        }
        return step::done;
      case feed::answer::resting:
        break;
    }
    if (item.value == -EINVAL) {  // nothing that the kernel would receive from so
      plainly_ = plain::always;
    } else if (item.value == -ENOBUFS || detail::was_only_tried(item.value)) {
      plainly_ = plain::once;
    } else if (item.value != 0) {
      got = chunk(item.value == -ENOMEM ? make_error_code(errc::out_of_memory) : detail::system_error_of(item.value));
      return step::done;
    }
    if (plainly_ != plain::no || !from->start(number_, std::max(options_.chunks_ahead, 1u))) return step::watch;
  }
}

recv_stream::step recv_stream::receive_plainly(std::uint32_t seen, chunk& got) noexcept {
  if (place_->is_drained(seen)) return step::watch;
  detail::buffer_store& store = place_->driver().buffers();
  std::byte* const room = store.take();
  if (room == nullptr) {
    got = chunk(make_error_code(errc::out_of_memory));
    return step::done;
  }
  bool emptied = false;
  const std::ptrdiff_t received = os::receive(number_, room, detail::buffer_store::buffer_bytes, emptied);
  if (detail::would_block(received)) {
    store.give(room);
    return step::watch;
  }
  place_->note_receive(seen, emptied);
  if (plainly_ == plain::once) plainly_ = plain::no;
  if (received > 0) {
    held_ = {room, nullptr, -1};
    got = chunk(std::span<const std::byte>(room, static_cast<std::size_t>(received)));
  } else {
    store.give(room);
    if (received < 0) got = chunk(detail::system_error_of(received));
  }
  return step::done;
}

void recv_stream::let_go() noexcept {
  const holding over = std::exchange(held_, {});
  if (over.own == nullptr && over.ring == nullptr) return;
  detail::epoll_driver& driver = place_->driver();
  if (driver.is_inherited()) return;  // by a child of fork(), where its locks may be held by nobody
  if (over.ring != nullptr) {
    feed::give_back(*over.ring, over.buffer);
  } else {
    driver.buffers().give(over.own);
  }
}

}  // namespace treadle::io
