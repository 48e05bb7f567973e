#pragma once

#include <treadle/io/descriptor.hpp>
#include <treadle/io/operation.hpp>

#include <array>
#include <memory>

namespace treadle::http::detail {

class shard;
struct socket_watch;

/// One direction of a socket: waits for readiness, and tells the shard.
struct socket_side : io::operation {
  socket_side(thread_pool& pool, socket_watch& in, int curl_mask) noexcept
      : io::operation(pool, &is_ready), of(&in), mask(curl_mask) {}
  static void is_ready(io::operation& over) noexcept;

  socket_watch* const of;
  const int mask;
  bool is_armed = false;        ///< the turn's: from the start until the turn has heard of the end
  socket_side* next = nullptr;  ///< in the inbox
};

/// A socket of libcurl's. An object for each, so that a number that is used again is another one.
struct socket_watch {
  socket_watch(thread_pool& pool, std::shared_ptr<shard> owner, io::descriptor socket, int curl_number);

  [[nodiscard]] bool is_at_rest() const noexcept { return !sides[0].is_armed && !sides[1].is_armed; }

  std::shared_ptr<shard> of;  ///< stays until both sides are at rest
  io::descriptor socket;
  const int number;  ///< as libcurl knows it
  int wants = 0;     ///< CURL_POLL_IN | CURL_POLL_OUT
  bool is_closed = false;
  bool is_dirty = false;  ///< listed to have its sides armed
  std::array<socket_side, 2> sides;
  socket_watch *next_dirty = nullptr, *before = nullptr, *next = nullptr;
};

}  // namespace treadle::http::detail
