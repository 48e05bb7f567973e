#pragma once

#include "exchange.hpp"
#include "settings.hpp"
#include "socket_watch.hpp"

#include <treadle/detail/brief_lock.hpp>
#include <treadle/detail/internal_task.hpp>
#include <treadle/detail/system_policy.hpp>
#include <treadle/detail/timer_wheel.hpp>
#include <treadle/thread_pool.hpp>

#include <curl/curl.h>

#include <condition_variable>
#include <cstddef>
#include <memory>
#include <mutex>
#include <string>
#include <system_error>
#include <unordered_map>
#include <vector>

namespace treadle::http::detail {

/// One CURLM, run as a strand: see docs/design/http.md. All that the turn keeps is touched by one thread at a time.
class shard final : public std::enable_shared_from_this<shard> {
 public:
  static constexpr unsigned asks_start = 1, asks_abort = 2, asks_resume = 4;

  shard(thread_pool& pool, std::shared_ptr<settings> with);
  ~shard();
  shard(const shard&) = delete;
  shard& operator=(const shard&) = delete;

  // ---- anybody: puts into the inbox ---------------------------------------------------------------------------------

  void put(exchange& asking, unsigned asks) noexcept;
  void put(socket_side& ended) noexcept;
  /// Aborts everything, and waits until libcurl has let go of it. Not within a turn.
  void close() noexcept;

  // ---- the turn, and what libcurl calls inside it -------------------------------------------------------------------

  /// Notes whom to wake when the turn is through.
  void will_wake(exchange& waiting, unsigned which) noexcept;
  /// Notes that `changed` may have to have come further than it was said before.
  void has_new_limit(const exchange& changed) noexcept;
  int open_socket(const curl_sockaddr& like) noexcept;
  int close_socket(int number) noexcept;
  void wants_of_socket(int number, int what) noexcept;
  void wants_to_be_called(long after_ms) noexcept;

  [[nodiscard]] const settings& common() const noexcept { return *with_; }

 private:
  using policy = treadle::detail::system_policy;

  struct queued_task : treadle::detail::internal_task {
    queued_task(const operations& ops, shard& in, treadle::detail::site_word made_at) noexcept
        : internal_task(ops, made_at), of(&in) {}
    shard* const of;
  };
  /// What has come since the last turn.
  struct mail {
    socket_side* sides = nullptr;
    std::shared_ptr<exchange> exchanges;
    exchange* last_exchange = nullptr;
    bool has_ticked = false, has_to_close = false;
    [[nodiscard]] bool empty() const noexcept {
      return sides == nullptr && exchanges == nullptr && !has_ticked && !has_to_close;
    }
  };

  [[nodiscard]] bool must_queue_locked() noexcept;
  void queue() noexcept;
  static void run_turn(treadle::detail::internal_task* queued) noexcept;
  static bool run_refused(treadle::detail::internal_task* queued) noexcept;
  static void run_tick(treadle::detail::internal_task* queued) noexcept;
  static bool cancel_tick(treadle::detail::internal_task* queued) noexcept;
  void tick() noexcept;
  void turns() noexcept;
  static void wake(std::shared_ptr<exchange> waiting) noexcept;

  // The turn's.
  void act(mail& taken) noexcept;
  void side_is_over(socket_side& side) noexcept;
  void attend(exchange& asking, unsigned asks) noexcept;
  void begin(exchange& started) noexcept;
  void resume(exchange& paused) noexcept;
  void settle() noexcept;
  void take_messages() noexcept;
  void finish(exchange& over, CURLcode code) noexcept;
  void let_go(exchange& over) noexcept;
  void check_limits(clock::time_point now) noexcept;
  void arm_sockets() noexcept;
  void arm_timer(clock::time_point now) noexcept;
  void end_all(std::error_code why) noexcept;
  void close_all() noexcept;
  void forget(socket_watch& over) noexcept;
  void mark_dirty(socket_watch& changed) noexcept;
  void watch(int number, io::descriptor socket);
  [[nodiscard]] bool make_multi() noexcept;
  [[nodiscard]] CURL* take_easy() noexcept;

  static constexpr treadle::detail::internal_task::operations turn_ops{&run_turn, &run_refused};
  static constexpr treadle::detail::internal_task::operations tick_ops{&run_tick, &cancel_tick};

  thread_pool& pool_;
  const std::shared_ptr<settings> with_;
  queued_task turn_, tick_;
  treadle::detail::timer_node<policy> timer_;

  treadle::detail::brief_lock<policy> inbox_lock_;
  mail inbox_;                   ///< under the lock
  bool is_queued_ = false;       ///< under the lock: a turn is queued or runs
  bool was_used_ = false;        ///< under the lock
  std::shared_ptr<shard> self_;  ///< under the lock: while it is queued

  // The turn's.
  CURLM* multi_ = nullptr;
  std::vector<CURL*> spare_;
  std::vector<std::shared_ptr<exchange>> live_;
  std::unordered_map<int, socket_watch*> by_number_;
  socket_watch* watches_ = nullptr;
  socket_watch* dirty_ = nullptr;
  std::shared_ptr<exchange> to_wake_;
  exchange* last_to_wake_ = nullptr;
  clock::time_point curl_due_ = clock::time_point::max(), limits_due_ = clock::time_point::max();
  clock::time_point timer_due_ = clock::time_point::max();
  std::shared_ptr<shard> ticking_;  ///< while the timer is armed
  std::error_code dead_;            ///< why nothing can be started any more
  bool is_closing_ = false;         ///< before the first turn under the lock

  std::mutex closed_mutex_;
  std::condition_variable closed_changed_;
  bool is_closed_ = false;
};

/// Makes the easy handle ready for the exchange. In the turn.
[[nodiscard]] CURLcode set_up(CURL* easy, exchange& what, shard& in) noexcept;
/// Says what libcurl's word means.
[[nodiscard]] std::error_code meaning_of(CURLcode code, CURL* easy, exchange& what) noexcept;

}  // namespace treadle::http::detail
