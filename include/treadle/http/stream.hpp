#pragma once

#include <treadle/config.hpp>
#include <treadle/coro/task.hpp>
#include <treadle/http/failure.hpp>
#include <treadle/http/headers.hpp>
#include <treadle/result.hpp>

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <utility>

namespace treadle::http {

namespace detail {
class exchange;
}

/// A response whose body comes as it is read: a slow reader pauses the transfer, so that no more than two buffers are
/// in memory, and over HTTP/2 what libcurl has allowed the server to send. Move-only, used by one coroutine at a time.
/// Destroying it aborts the transfer and gives its place back; does not block. The client must outlive it.
class TREADLE_EXPORT stream {
 public:
  stream() noexcept = default;
  stream(stream&&) noexcept = default;
  stream& operator=(stream&& other) noexcept {
    if (this != &other) {
      close();
      of_ = std::move(other.of_);
    }
    return *this;
  }
  ~stream() { close(); }

  /// Says whether there is a response, which a moved-from or closed stream lacks.
  explicit operator bool() const noexcept { return of_ != nullptr; }
  [[nodiscard]] int status() const noexcept;
  [[nodiscard]] const http::headers& headers() const noexcept;
  /// Returns where it comes from, after redirects.
  [[nodiscard]] const std::string& url() const noexcept;
  /// Returns how long the body is, if the server says so and it is not compressed.
  [[nodiscard]] std::optional<std::uint64_t> content_length() const noexcept;

  /// Reads what there is, at most `into.size()` bytes, and waits if there is nothing. Returns how many; 0 at the end,
  /// or if `into` is empty. Fails as the transfer does, once all that came before was read; with `errc::cancelled` if
  /// the coroutine was asked to stop: then the transfer goes on, and may be read on.
  coro::task<result<std::size_t>> read(std::span<std::byte> into);

  /// Returns more about why `read` has failed.
  [[nodiscard]] http::failure failure() const;
  /// Aborts the transfer, unless it is over. Nobody reads.
  void close() noexcept;

 private:
  friend class client;
  explicit stream(std::shared_ptr<detail::exchange> of) noexcept : of_(std::move(of)) {}

  std::shared_ptr<detail::exchange> of_;
};

}  // namespace treadle::http
