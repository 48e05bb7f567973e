#pragma once

#include <treadle/batch.hpp>
#include <treadle/config.hpp>
#include <treadle/detail/internal_task.hpp>
#include <treadle/detail/sign_board.hpp>
#include <treadle/detail/site_word.hpp>
#include <treadle/detail/stop_list.hpp>
#include <treadle/detail/system_policy.hpp>

#include <atomic>
#include <cstdint>

namespace treadle::detail {
class pool_core;
}

namespace treadle::coro::detail {

using flow_stops = treadle::detail::stop_list<treadle::detail::system_policy, batch>;

/// What waits at some place and goes on when it is queued on its pool: a flow of coroutines, or an operation that has
/// none. A request to stop ends its waits. What its pool refuses is ended by its `cancel`, in place.
class TREADLE_EXPORT wakeable : public treadle::detail::internal_task {
 public:
  wakeable(const operations& ops, treadle::detail::pool_core* runs_on, treadle::detail::site_word made_at) noexcept
      : internal_task(ops, made_at), pool_(runs_on) {}
  wakeable(const wakeable&) = delete;
  wakeable& operator=(const wakeable&) = delete;

  /// Lets go on what is suspended: next on this worker, if a coroutine wakes it that will soon wait itself, else queued
  /// on its pool. One that is being cancelled lets it end here. Any thread. It may be gone on return.
  static void wake(wakeable& suspended) noexcept;
  /// The same, but behind what is queued already.
  static void queue(wakeable& suspended) noexcept;
  /// Wakes all of a batch.
  static void wake_all(batch& suspended) noexcept;

  /// Asks it to stop, and wakes those waits that the request ends. Any thread that keeps it alive. Returns whether this
  /// call was the first.
  bool request_stop() noexcept;

  /// Any thread; for others than its own a hint, since it may move.
  [[nodiscard]] treadle::detail::pool_core& pool() const noexcept { return *pool_.load(std::memory_order_relaxed); }
  void set_pool(treadle::detail::pool_core& to) noexcept {
    pool_.store(&to, std::memory_order_relaxed);
    if (sign_ != nullptr) sign_->name(&to, site.word());
  }
  /// Shows to who looks what is stuck that it waits, and for what, until it goes on. Before it is given away.
  void shows(treadle::detail::wait_kind kind, std::uint64_t detail) noexcept;
  void shows(treadle::detail::wait_kind kind, const void* place) noexcept {
    shows(kind, reinterpret_cast<std::uintptr_t>(place));
  }
  /// It does not wait, or not any more. Whoever owns it.
  void shows_nothing() noexcept {
    if (sign_ != nullptr) sign_->take_down();
  }
  /// Says whether the pool refuses to run it any further: then its waits end at once, as stopped.
  [[nodiscard]] bool is_abandoned() const noexcept { return abandoned_; }
  [[nodiscard]] flow_stops& stops() noexcept { return stops_; }
  [[nodiscard]] bool stop_requested() const noexcept { return abandoned_ || stops_.requested(); }

 protected:
  ~wakeable() {
    if (sign_ != nullptr) treadle::detail::give_sign(*sign_);
  }
  void set_abandoned() noexcept { abandoned_ = true; }

 private:
  bool abandoned_ = false;  ///< first, where the base leaves room: a spawned flow has 256 bytes in all
  treadle::detail::system_policy::atomic<treadle::detail::pool_core*> pool_;
  flow_stops stops_;
  treadle::detail::wait_sign* sign_ = nullptr;  ///< from its first wait on, if there was memory for one
};

}  // namespace treadle::coro::detail
