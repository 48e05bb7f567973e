#pragma once

#include <treadle/config.hpp>
#include <treadle/coro/task.hpp>
#include <treadle/io/detail/watched.hpp>
#include <treadle/result.hpp>

#include <cstddef>
#include <cstdint>
#include <span>
#include <system_error>
#include <type_traits>
#include <utility>

namespace treadle::io {

/// How `stream::recv_stream` receives.
struct recv_stream_options {
  /// How many chunks may be received beyond the one that is being used, where the kernel receives by itself. Who takes
  /// none meanwhile stops the peer soon after that many, as a full socket does.
  std::uint32_t chunks_ahead = 4;
};

namespace detail {
class worker_ring;
}

/// Receives without a buffer of the caller's: while there is nothing, a connection holds none. Where io_uring serves
/// sockets (`current_backend`), the kernel receives by itself and chooses the buffers, one call for many chunks;
/// elsewhere a buffer of the pool's is taken once there is something. Made by `stream::recv_stream`; move-only, used by
/// one coroutine at a time. The stream must outlive it, and may be moved meanwhile.
///
/// From the first `next` on all that the stream receives comes by its `recv_stream`, or the next one's: what `recv`
/// finds may be later than what the kernel has received already.
class TREADLE_EXPORT recv_stream {
 public:
  /// Some bytes, or why there are none.
  class chunk {
   public:
    chunk() noexcept = default;
    explicit chunk(std::span<const std::byte> bytes) noexcept : bytes_(bytes) {}
    chunk(std::error_code why) noexcept : error_(why) {}
    template <class Enum>
    requires std::is_error_code_enum_v<Enum> chunk(Enum why)
    noexcept : error_(why) {}

    /// Says whether there are bytes; if not, `error` says why.
    explicit operator bool() const noexcept { return !bytes_.empty(); }
    /// Returns the bytes. Valid until the next `next`, or the end of the `recv_stream`.
    [[nodiscard]] std::span<const std::byte> operator*() const noexcept { return bytes_; }
    [[nodiscard]] const std::span<const std::byte>* operator->() const noexcept { return &bytes_; }
    /// Clear at the end of the stream.
    [[nodiscard]] std::error_code error() const noexcept { return error_; }

   private:
    std::span<const std::byte> bytes_;
    std::error_code error_;
  };

  recv_stream(recv_stream&& other) noexcept
      : place_(std::exchange(other.place_, nullptr)),
        number_(other.number_),
        options_(other.options_),
        plainly_(other.plainly_),
        held_(std::exchange(other.held_, {})) {}
  recv_stream& operator=(recv_stream&& other) noexcept {
    if (this != &other) {
      let_go();
      place_ = std::exchange(other.place_, nullptr);
      number_ = other.number_;
      options_ = other.options_;
      plainly_ = other.plainly_;
      held_ = std::exchange(other.held_, {});
    }
    return *this;
  }
  ~recv_stream() { let_go(); }

  /// Gives the last chunk back, and waits for the next: up to 16 KiB, in the order in which they were sent. Suspends;
  /// on any worker. No bytes and no error: the end of the stream. Fails with `errc::cancelled` if the coroutine was
  /// asked to stop, and what comes then is the next call's; with `errc::shut_down` if the pool is, with
  /// `errc::out_of_memory`, and as the system call does.
  coro::task<chunk> next();

 private:
  friend class stream;

  enum class step : std::uint8_t { done, wait, watch };
  struct holding {
    std::byte* own = nullptr;             ///< of the pool's store
    detail::worker_ring* ring = nullptr;  ///< or of this ring's, then
    std::int32_t buffer = -1;             ///< which
  };

  recv_stream(detail::watched& place, int number, recv_stream_options options) noexcept
      : place_(&place), number_(number), options_(options) {}
  [[nodiscard]] step look(std::uint32_t seen, chunk& got) noexcept;
  [[nodiscard]] step look_at_feed(chunk& got) noexcept;
  [[nodiscard]] step receive_plainly(std::uint32_t seen, chunk& got) noexcept;
  void let_go() noexcept;

  /// Whether the kernel is left out: not, for the chunk that is next, or for good.
  enum class plain : std::uint8_t { no, once, always };

  detail::watched* place_;
  int number_;
  recv_stream_options options_;
  plain plainly_ = plain::no;
  holding held_;
};

}  // namespace treadle::io

/// So a limit of time says so in it, as in a result: `coro::with_timeout`.
template <>
inline constexpr bool treadle::detail::is_result<treadle::io::recv_stream::chunk> = true;
