#pragma once

#include <treadle/coro/task.hpp>
#include <treadle/http/headers.hpp>
#include <treadle/result.hpp>

#include <cstddef>
#include <cstdint>
#include <functional>
#include <optional>
#include <span>
#include <string>
#include <utility>

namespace treadle::http {

/// Gives the next piece of a body: fills the front of the span and returns how many bytes, 0 at the end. A coroutine,
/// so it may wait; no more than two pieces are in memory.
using body_source = std::function<coro::task<result<std::size_t>>(std::span<std::byte>)>;

/// What to send. No aggregate: g++ 12 destroys one twice that is written in braces within a `co_await`.
struct request {
  request() = default;
  /// Makes a GET.
  explicit request(std::string at) : url(std::move(at)) {}
  request(std::string how, std::string at, std::string sent = {})
      : method(std::move(how)), url(std::move(at)), body(std::move(sent)) {}

  std::string method = "GET";
  std::string url;
  http::headers headers;
  std::string body;
  /// Instead of `body`. With `send` it is over when that returns; with `open` it should own what it needs, for it may
  /// still run when the stream is closed, asked to stop. With a source a request is neither retried nor redirected
  /// with its body, for the source gives that once.
  body_source source;
  /// How many bytes the source will give; without it the body goes out in chunks.
  std::optional<std::uint64_t> source_bytes;
};

}  // namespace treadle::http
