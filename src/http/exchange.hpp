#pragma once

#include "places.hpp"
#include "url.hpp"

#include <treadle/coro/event.hpp>
#include <treadle/coro/spawn.hpp>
#include <treadle/coro/task.hpp>
#include <treadle/detail/brief_lock.hpp>
#include <treadle/detail/system_policy.hpp>
#include <treadle/http/errc.hpp>
#include <treadle/http/failure.hpp>
#include <treadle/http/headers.hpp>
#include <treadle/http/request.hpp>
#include <treadle/result.hpp>

#include <curl/curl.h>

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <mutex>
#include <optional>
#include <span>
#include <string>
#include <string_view>

namespace treadle::http::detail {

class shard;

using clock = std::chrono::steady_clock;

/// What an exchange has to do.
struct order {
  target to;
  std::string method;
  headers lines;
  std::shared_ptr<const std::string> body;
  bool has_source = false;
  std::optional<std::uint64_t> source_bytes;
  std::string proxy;
  std::string addresses;  ///< for CURLOPT_RESOLVE; empty: nothing to resolve
  clock::time_point connect_by = clock::time_point::max(), total_by = clock::time_point::max();
  std::chrono::nanoseconds first_byte{0}, stall{0};
  std::uint64_t max_body_bytes = UINT64_MAX;
  std::size_t max_header_bytes = 0, buffer_bytes = 0;
  std::uint64_t range_start = 0;
  bool compression = true;
  bool collects = false;  ///< the body goes into `collected`
  bool follows = false;   ///< a redirect is not for the caller
};

/// One attempt at one URL. Who may touch what: docs/design/http.md.
class exchange : public std::enable_shared_from_this<exchange> {
 public:
  exchange(order what, place held, std::shared_ptr<shard> at);
  ~exchange();

  const order what;

  // ---- whoever holds it ---------------------------------------------------------------------------------------------

  /// Is set once the head is there and the body is to be read, or the exchange is over.
  coro::event headed;

  // From then on:
  int status = 0;
  http::headers lines;
  std::optional<std::uint64_t> length;
  std::string collected;
  http::failure why;  ///< why it has failed; its code is clear if it has not
  bool is_refused_by_status = false, is_redirect = false;
  bool has_head = false;  ///< and its body is to be read, however that ends

  /// Reads as `stream::read` does.
  coro::task<result<std::size_t>> read(std::span<std::byte> into);
  /// Feeds the source of the body to the transfer until one of them is over.
  coro::task<> feed(body_source source);
  /// Puts it into the shard's inbox.
  void start() noexcept;
  /// Any thread; the place is given back as soon as the shard has let go of the transfer.
  void abort() noexcept;
  [[nodiscard]] http::failure failure_so_far();
  /// What runs `feed`, if nobody waits for that.
  coro::join_handle<void> feeding;

  // ---- the shard's turn ---------------------------------------------------------------------------------------------

  // Called by libcurl; each returns what libcurl is to be told.
  std::size_t take_line(std::string_view line);
  std::size_t take_body(std::string_view piece);
  std::size_t give_body(char* into, std::size_t bytes);
  [[nodiscard]] bool rewind(std::uint64_t to) noexcept;
  void is_connected() noexcept;

  /// When it has to have come further, and what it is called if it has not.
  struct limit {
    clock::time_point at;
    std::error_code why;
  };
  [[nodiscard]] limit next_limit() const noexcept;
  /// Ends it, gives its place back, and notes to wake whoever waits.
  void end(std::error_code error, std::string detail) noexcept;
  [[nodiscard]] bool is_ended() const noexcept { return is_ended_; }

  // Who is to be woken.
  static constexpr unsigned wakes_head = 1, wakes_reader = 2, wakes_source = 4, frees_place = 8;

  struct in_turn {
    CURL* easy = nullptr;
    curl_slist *lines = nullptr, *resolve = nullptr;
    std::size_t index = 0;  ///< among the live ones
    bool is_live = false, is_paused_for_reader = false, is_paused_for_source = false;
    phase at = phase::connect;
    clock::time_point progress;
    std::uint64_t header_bytes = 0, body_bytes = 0, sent_bytes = 0;
    bool head_is_over = false, drops_body = false, ends_well = false;
    std::error_code verdict;  ///< ours, whatever libcurl makes of it
    char detail[CURL_ERROR_SIZE] = {};
  } turn;

  // ---- who wakes, behind a turn and perhaps beside the next one -----------------------------------------------------

  /// Notes whom to wake. Returns whether it has to be listed for that: else it is, and whoever has the list sees this.
  [[nodiscard]] bool note_wake(unsigned which) noexcept;
  /// Takes it off the list, and wakes.
  void wake_noted() noexcept;
  std::shared_ptr<exchange> next_to_wake;

  // ---- under the inbox's lock ---------------------------------------------------------------------------------------

  struct in_inbox {
    unsigned asks = 0;
    std::shared_ptr<exchange> next;
    bool is_listed = false;
  } inbox;

 private:
  void end_head();
  void publish_head();
  std::size_t fail(errc why) noexcept;
  [[nodiscard]] bool is_over_limit(std::uint64_t bytes) const noexcept { return bytes > what.max_body_bytes; }
  std::size_t copy_out(std::span<std::byte> into) noexcept;
  bool offer(std::string& piece, std::error_code error, bool is_last);

  const std::shared_ptr<shard> at_;
  place held_;
  treadle::detail::brief_lock<treadle::detail::system_policy> wake_lock_;
  unsigned to_wake_ = 0;            ///< under that lock
  bool is_listed_to_wake_ = false;  ///< too
  bool is_ended_ = false;
  std::string reading_;  ///< the reader's
  std::size_t read_ = 0;

  std::mutex mutex_;
  // Under it:
  std::string came_;
  bool is_over_ = false;
  bool holds_up_ = false;  ///< the transfer waits for room
  std::string to_send_;
  std::size_t sent_of_it_ = 0;
  bool source_is_over_ = false;
  std::error_code source_error_;
  bool starves_ = false;  ///< the transfer waits for the source
  coro::event came_more_, took_more_;
};

}  // namespace treadle::http::detail
