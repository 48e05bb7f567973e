#include "../os/http/socket.hpp"
#include "shard.hpp"

#include <treadle/assert.hpp>
#include <treadle/errc.hpp>

#include <memory>
#include <new>
#include <utility>

// The part of a shard that waits for sockets.

namespace treadle::http::detail {

namespace os = treadle::detail::os;

void socket_side::is_ready(io::operation& over) noexcept {
  auto& self = static_cast<socket_side&>(over);
  self.of->of->put(self);  // LAST TOUCH
}

socket_watch::socket_watch(thread_pool& pool, std::shared_ptr<shard> owner, io::descriptor watched, int curl_number)
    : of(std::move(owner)),
      socket(std::move(watched)),
      number(curl_number),
      sides{socket_side(pool, *this, CURL_CSELECT_IN), socket_side(pool, *this, CURL_CSELECT_OUT)} {}

namespace {

int on_socket(CURL*, curl_socket_t number, int what, void* self, void*) noexcept {
  static_cast<shard*>(self)->wants_of_socket(number, what);
  return 0;
}

int on_timer(CURLM*, long after_ms, void* self) noexcept {
  static_cast<shard*>(self)->wants_to_be_called(after_ms);
  return 0;
}

}  // namespace

bool shard::make_multi() noexcept {
  if (multi_ != nullptr) return true;
  multi_ = curl_multi_init();
  if (multi_ == nullptr) return false;
  curl_multi_setopt(multi_, CURLMOPT_SOCKETFUNCTION, &on_socket);
  curl_multi_setopt(multi_, CURLMOPT_SOCKETDATA, this);
  curl_multi_setopt(multi_, CURLMOPT_TIMERFUNCTION, &on_timer);
  curl_multi_setopt(multi_, CURLMOPT_TIMERDATA, this);
  // Else libcurl keeps four connections for each transfer that is running, and closes those that come back.
  curl_multi_setopt(multi_, CURLMOPT_MAXCONNECTS, static_cast<long>(with_->options.max_in_flight));
  return true;
}

void shard::watch(int number, io::descriptor socket) {
  auto made = std::make_unique<socket_watch>(pool_, shared_from_this(), std::move(socket), number);
  by_number_.insert_or_assign(number, made.get());
  made->next = watches_;
  if (watches_ != nullptr) watches_->before = made.get();
  watches_ = made.release();
}

int shard::open_socket(const curl_sockaddr& like) noexcept {
  const int number = os::make_client_socket(like.family, like.socktype, like.protocol);
  if (number < 0) return CURL_SOCKET_BAD;
  result<io::descriptor> socket = io::descriptor::adopt(pool_, number);
  if (!socket) {
    os::close_client_socket(number);
    return CURL_SOCKET_BAD;
  }
  try {
    watch(number, *std::move(socket));
  } catch (const std::bad_alloc&) {
    return CURL_SOCKET_BAD;
  }
  return number;
}

int shard::close_socket(int number) noexcept {
  const auto found = by_number_.find(number);
  TREADLE_ASSERT(found != by_number_.end(), static_cast<std::uint64_t>(number), by_number_.size());
  socket_watch& closed = *found->second;
  by_number_.erase(found);
  closed.is_closed = true;
  closed.wants = 0;
  for (socket_side& each : closed.sides) {
    if (each.is_armed) each.cancel();
  }
  // Closed when the turn hears that both sides are at rest: here perhaps, or soon.
  mark_dirty(closed);
  return 0;
}

void shard::wants_of_socket(int number, int what) noexcept {
  auto found = by_number_.find(number);
  if (found == by_number_.end()) {
    // One that libcurl has made for itself: watched by a number of ours, for it closes its own when it likes.
    if (what == CURL_POLL_REMOVE) return;
    const int doubled = os::duplicate_socket(number);
    result<io::descriptor> socket =
        doubled >= 0 ? io::descriptor::adopt(pool_, doubled) : std::error_code(-doubled, std::system_category());
    if (!socket) {
      if (doubled >= 0) os::close_client_socket(doubled);
      return;  // then only its time limit ends the transfer
    }
    try {
      watch(number, *std::move(socket));
    } catch (const std::bad_alloc&) {
      return;
    }
    found = by_number_.find(number);
  }
  socket_watch& changed = *found->second;
  if (what == CURL_POLL_REMOVE) {
    changed.wants = 0;
    if (changed.socket.number() != number) close_socket(number);
    return;
  }
  changed.wants = what;
  mark_dirty(changed);
}

void shard::mark_dirty(socket_watch& changed) noexcept {
  if (changed.is_dirty) return;
  changed.is_dirty = true;
  changed.next_dirty = std::exchange(dirty_, &changed);
}

void shard::side_is_over(socket_side& side) noexcept {
  socket_watch& of = *side.of;
  side.is_armed = false;
  if (of.is_closed) {
    if (of.is_at_rest() && !of.is_dirty) forget(of);
    return;
  }
  if (const std::error_code ended = side.error()) {
    dead_ = ended;
    end_all(ended);
    return;
  }
  const bool is_wanted = (of.wants & (side.mask == CURL_CSELECT_IN ? CURL_POLL_IN : CURL_POLL_OUT)) != 0;
  if (!is_wanted || multi_ == nullptr) return;
  mark_dirty(of);
  int running = 0;
  curl_multi_socket_action(multi_, of.number, side.mask, &running);
  take_messages();
}

/// Closes the socket: nobody waits for it.
void shard::forget(socket_watch& over) noexcept {
  (over.before != nullptr ? over.before->next : watches_) = over.next;
  if (over.next != nullptr) over.next->before = over.before;
  const std::unique_ptr<socket_watch> owned(&over);
}

void shard::arm_sockets() noexcept {
  std::error_code ended;
  while (dirty_ != nullptr) {
    socket_watch& each = *dirty_;
    dirty_ = each.next_dirty;
    each.is_dirty = false;
    if (each.is_closed) {
      if (each.is_at_rest()) forget(each);
      continue;
    }
    for (socket_side& side : each.sides) {
      const bool is_in = side.mask == CURL_CSELECT_IN;
      if (side.is_armed || (each.wants & (is_in ? CURL_POLL_IN : CURL_POLL_OUT)) == 0) continue;
      side.is_armed = true;
      // May call back on another worker at once: then it is in the inbox.
      const std::error_code refused = is_in ? side.readable(each.socket) : side.writable(each.socket);
      if (!refused) continue;
      side.is_armed = false;
      ended = refused;
    }
  }
  if (!ended) return;
  dead_ = ended;
  end_all(ended);
  arm_sockets();  // those that this has closed
}

}  // namespace treadle::http::detail
