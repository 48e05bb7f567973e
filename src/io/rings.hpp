#pragma once

#include "feed.hpp"
#include "ring_call.hpp"

#include <treadle/batch.hpp>
#include <treadle/detail/brief_lock.hpp>
#include <treadle/detail/internal_task.hpp>
#include <treadle/detail/poll_driver.hpp>
#include <treadle/detail/pool_core.hpp>
#include <treadle/detail/under_way.hpp>

#include <atomic>
#include <cstdint>

namespace treadle::io::detail {

using treadle::detail::poll_batch;
using treadle::detail::pool_core;
using treadle::detail::system_policy;

/// A worker's ring. Its thread gives operations to the kernel, anybody hands on what has become of them.
class worker_ring {
 public:
  worker_ring(os::ring& made, pool_core& pool, std::uint32_t worker) noexcept
      : ring_(made), pool_(pool), worker_(worker), room_(os::room_of_ring(made)), submits_(*this) {}
  worker_ring(const worker_ring&) = delete;
  worker_ring& operator=(const worker_ring&) = delete;
  ~worker_ring() { os::close_ring(&ring_); }

  /// What the kernel knows an operation by, and a feed.
  [[nodiscard]] static std::uint64_t key_of(const operation& of) noexcept {
    return reinterpret_cast<std::uintptr_t>(&of);
  }
  [[nodiscard]] static std::uint64_t key_of(const feed& of) noexcept {
    return reinterpret_cast<std::uintptr_t>(&of) | feed_bit;
  }

  /// Owner only. Returns whether the kernel has taken it, or will be given it by the task that `gather` has returned.
  [[nodiscard]] bool begin(std::uint64_t key, const os::ring_request& request) noexcept;
  /// Owner only: its thread is about to end. Returns false if it must not yet, for the kernel would give up what it has
  /// of it; else the ring is nothing to be watched any more.
  [[nodiscard]] bool lets_go() noexcept;

  /// What is begun for files from now on may wait until the task that is returned has run, so that the kernel gets it
  /// in one call; whoever has called queues that. Null: one is queued already.
  [[nodiscard]] treadle::detail::internal_task* gather() noexcept;
  /// Gives the kernel what it has not been given yet. `is_last`: it is the task that does so, which gathers no more.
  /// Any thread.
  void submit_gathered(bool is_last) noexcept;
  /// Says whether another thread than its owner's has given it what is under way.
  [[nodiscard]] bool needs_others() const noexcept { return helped_.load(std::memory_order_relaxed) && !is_idle(); }

  [[nodiscard]] bool has_answers() const noexcept { return os::ring_has_answers(ring_); }
  /// Takes all answers that there are, and adds the flows that wait for them to `woken`. Any thread.
  void take(batch& woken) noexcept;

  /// Owner only: makes the buffers to choose from, the first time. Returns whether enough of them are free.
  [[nodiscard]] bool has_buffers_to_choose() noexcept;
  [[nodiscard]] const std::byte* buffer(std::int32_t which) const noexcept {
    return os::ring_buffer(ring_, static_cast<std::uint32_t>(which));
  }
  /// The kernel has chosen one; somebody has done with one. Any thread.
  void note_chosen() noexcept { chosen_.fetch_add(1, std::memory_order_relaxed); }
  void give_buffer(std::uint32_t which) noexcept;

  /// Asks for the end of one operation, or of all that can be ended. Any thread.
  void cancel(std::uint64_t key) noexcept { os::cancel_on_ring(ring_, key); }
  void cancel_all() noexcept { os::cancel_on_ring(ring_, os::no_key); }

  void close() noexcept { under_way_.close(); }
  [[nodiscard]] bool is_idle() const noexcept { return under_way_.is_none(); }
  [[nodiscard]] std::uint64_t begun() const noexcept { return begun_.load(std::memory_order_relaxed); }
  [[nodiscard]] std::uint64_t submissions() const noexcept { return submissions_.load(std::memory_order_relaxed); }

 private:
  struct submitter final : treadle::detail::internal_task {
    explicit submitter(worker_ring& gathers) noexcept
        : internal_task(ops, treadle::detail::site_word::of_label("<submission>")), of(gathers) {}
    static void run(internal_task* queued) noexcept { static_cast<submitter*>(queued)->of.submit_gathered(true); }
    /// The pool takes no tasks any more: what is under way ends all the same.
    static bool run_unqueued(internal_task* queued) noexcept {
      run(queued);
      return true;
    }
    static constexpr operations ops{&run, &run_unqueued};
    worker_ring& of;
  };

  [[nodiscard]] bool submit(std::uint64_t own, batch& woken) noexcept;

  os::ring& ring_;
  pool_core& pool_;
  const std::uint32_t worker_;
  const std::uint32_t room_;
  treadle::detail::under_way<system_policy> under_way_;
  treadle::detail::brief_lock<system_policy> begin_lock_;  ///< of the end at which operations are given
  bool gathers_ = false;                                   ///< `submits_` is queued
  std::uint32_t staged_ = 0;
  std::uint64_t keys_[os::most_staged] = {};
  submitter submits_;
  system_policy::atomic<bool> helped_{false};
  treadle::detail::brief_lock<system_policy> lock_;  ///< of the end at which answers are taken
  bool is_source_ = false;                           ///< the owner's: whether the pool counts it as watched
  system_policy::atomic<std::uint64_t> begun_{0}, submissions_{0};
  enum class buffers : std::uint8_t { none, made, refused };
  buffers buffers_ = buffers::none;                          ///< the owner's
  treadle::detail::brief_lock<system_policy> buffers_lock_;  ///< of the end at which buffers are given back
  system_policy::atomic<std::uint32_t> chosen_{0};

  static constexpr std::uint64_t feed_bit = 1;
};

/// The rings of a pool's workers, each made when its worker begins its first operation. docs/design/io.md.
class ring_table {
 public:
  explicit ring_table(pool_core& of) noexcept : pool_(of) {}
  ring_table(const ring_table&) = delete;
  ring_table& operator=(const ring_table&) = delete;
  ~ring_table();

  /// On the thread of that worker, the ring made if it is the first time. Null: there is none to be had.
  [[nodiscard]] worker_ring* own(std::uint32_t worker, int epoll) noexcept;
  /// On the thread of that worker. Returns whether the kernel has taken it.
  template <class Made>
  [[nodiscard]] bool begin(std::uint32_t worker, int epoll, Made& made, const os::ring_request& request) noexcept {
    worker_ring* const through = own(worker, epoll);
    if (through != nullptr && through->begin(worker_ring::key_of(made), request)) return true;
    refused_.fetch_add(1, std::memory_order_relaxed);
    return false;
  }
  [[nodiscard]] bool lets_go(std::uint32_t worker) noexcept;
  /// Null if that worker has none yet.
  [[nodiscard]] worker_ring* at(std::uint32_t worker) const noexcept;

  /// What epoll gives back for a ring.
  [[nodiscard]] static bool is_key(std::uint64_t key) noexcept { return (key & key_bit) != 0; }
  void take(std::uint64_t key, batch& woken) noexcept;
  /// Takes rings out of `arrived` that have no answers any more, and adds the calling worker's own if it has.
  void sift(poll_batch& arrived) noexcept;

  /// No operation begins from now on; hands on all that end until none is left or `deadline_ns` passes.
  void close(std::int64_t deadline_ns) noexcept;

  [[nodiscard]] std::uint64_t begun() const noexcept { return sum(&worker_ring::begun); }
  [[nodiscard]] std::uint64_t submissions() const noexcept { return sum(&worker_ring::submissions); }
  [[nodiscard]] std::uint64_t refused() const noexcept { return refused_.load(std::memory_order_relaxed); }

 private:
  using cell = system_policy::atomic<worker_ring*>;
  static constexpr std::uint64_t key_bit = std::uint64_t{1} << 63;

  [[nodiscard]] std::uint64_t sum(std::uint64_t (worker_ring::*of)() const noexcept) const noexcept;
  [[nodiscard]] worker_ring* make(std::uint32_t worker, int epoll) noexcept;

  pool_core& pool_;
  treadle::detail::brief_lock<system_policy> lock_;  ///< of the table's making, and of `closed_`
  bool closed_ = false;
  system_policy::atomic<cell*> cells_{nullptr};
  system_policy::atomic<std::uint64_t> refused_{0};
};

}  // namespace treadle::io::detail
