#pragma once

#include <treadle/config.hpp>
#include <treadle/coro/task.hpp>
#include <treadle/http/call.hpp>
#include <treadle/http/client_options.hpp>
#include <treadle/http/request.hpp>
#include <treadle/http/request_options.hpp>
#include <treadle/http/response.hpp>
#include <treadle/http/stream.hpp>
#include <treadle/result.hpp>
#include <treadle/thread_pool.hpp>

#include <cstddef>
#include <functional>
#include <memory>
#include <string>
#include <utility>

namespace treadle::http {

namespace detail {
class client_core;
}

/// An HTTP client on the workers of a pool, over libcurl: many requests at once, no thread of its own, connections kept
/// and shared. All members may be called from any thread; none blocks but the destructor. The pool must outlive it.
///
/// Requests fail with an `http::errc`, with the system's error, with an `io::resolve_errc`, with `errc::cancelled` as
/// soon as the coroutine is asked to stop, and with `errc::shut_down` if the pool is. No status is a failure.
class TREADLE_EXPORT client {
 public:
  /// Starts nothing. Throws std::bad_alloc, or std::system_error if libcurl cannot start.
  explicit client(thread_pool& pool, client_options options = {});
  client(const client&) = delete;
  client& operator=(const client&) = delete;
  /// Aborts what is under way, which ends by `errc::cancelled`, and waits until libcurl has let go of it. On a worker
  /// another one takes its place meanwhile. Streams must be gone or closed.
  ~client();

  /// Fetches `url` whole. Suspends.
  coro::task<result<response>> get(std::string url, request_options options = {});
  /// Sends a request and collects the response. Suspends.
  coro::task<result<response>> send(request asked, request_options options = {});
  /// Sends a request, and returns once the head of the response is there; its body is for the stream to read, and a
  /// source may go on giving meanwhile. The place in the limits is held until the body has come or the stream is
  /// closed. Suspends.
  coro::task<result<stream>> open(request asked, request_options options = {});
  /// The same for a GET.
  coro::task<result<stream>> open(std::string url, request_options options = {}) {
    return open(request(std::move(url)), options);
  }
  /// The same as `send` without a coroutine: `on_end` is called once, as a task of the pool, with the response or why
  /// there is none. What it throws goes to `pool_hooks::unhandled_exception`. Throws std::system_error if the pool
  /// refuses, and then does not call it.
  call start(request asked, std::function<void(result<response>)> on_end, request_options options = {});

  /// Changes the limits for requests to come; who waits starts at once if there is room now. At least 1.
  void set_max_in_flight(unsigned most) noexcept;
  /// The same for each host; 0: no limit of its own.
  void set_max_per_host(unsigned most) noexcept;
  /// Returns how many requests are started and not over. A snapshot.
  [[nodiscard]] std::size_t in_flight() const noexcept;
  /// Returns how many wait for their turn. A snapshot.
  [[nodiscard]] std::size_t waiting() const noexcept;

 private:
  std::shared_ptr<detail::client_core> core_;
};

}  // namespace treadle::http
