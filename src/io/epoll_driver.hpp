#pragma once

#include "buffer_store.hpp"
#include "rings.hpp"

#include <treadle/detail/brief_lock.hpp>
#include <treadle/detail/pool_core.hpp>
#include <treadle/io/detail/watched.hpp>
#include <treadle/result.hpp>
#include <treadle/this_worker.hpp>

#include <atomic>
#include <cstdint>

namespace treadle::io::detail {

using ready_row = treadle::detail::task_row<task>;

/// A pool's descriptors and rings in one epoll instance, in which its idle workers sleep. docs/design/io.md.
class epoll_driver final : public treadle::detail::poll_driver<task> {
 public:
  explicit epoll_driver(pool_core& of) noexcept : pool_(of), rings_(of) {}
  ~epoll_driver() override;

  [[nodiscard]] std::error_code open() noexcept;
  [[nodiscard]] watched* acquire() noexcept;
  void release(watched& over, int descriptor) noexcept;
  [[nodiscard]] std::error_code watch(watched& place, int descriptor, direction which) noexcept;

  void wait(std::int64_t deadline_ns, poll_batch& into) noexcept override;
  void ring() noexcept override;
  void deliver(poll_batch& from, ready_row& ready) noexcept override;
  bool lets_go(std::uint32_t worker) noexcept override { return rings_.lets_go(worker); }
  void close(std::int64_t deadline_ns) noexcept override;

  /// Gives an operation or a feed to the kernel, on a worker of the pool. Returns whether that has taken it.
  template <class Made>
  [[nodiscard]] bool begin(Made& made, const os::ring_request& request) noexcept {
    const std::size_t worker = own_index();
    return worker != this_worker::npos && rings_.begin(static_cast<std::uint32_t>(worker), epoll_, made, request);
  }
  /// Returns the ring of the calling worker; null on a thread that is none of the pool's, or without one.
  [[nodiscard]] worker_ring* own_ring() noexcept {
    const std::size_t worker = own_index();
    return worker != this_worker::npos ? rings_.own(static_cast<std::uint32_t>(worker), epoll_) : nullptr;
  }
  [[nodiscard]] bool is_inherited() const noexcept { return pool_.is_inherited(); }
  [[nodiscard]] buffer_store& buffers() noexcept { return buffers_; }
  /// Counts an edge, and adds who waits for it to `woken`. Any thread.
  static void count_edge(watched& place, direction which, batch& woken) noexcept;
  [[nodiscard]] const ring_table& rings() const noexcept { return rings_; }

 private:
  /// Chunk i has 64 << i places.
  static constexpr std::uint32_t first_chunk = 64, chunks = 20;
  [[nodiscard]] watched& place(std::uint32_t index) noexcept;
  [[nodiscard]] bool grow() noexcept;
  static void wake_all(side& waited_at, batch& woken) noexcept;
  /// Not on a thread that stands in for a worker.
  [[nodiscard]] std::size_t own_index() const noexcept {
    return this_worker::pool() == &pool_.face() ? this_worker::index() : this_worker::npos;
  }
  [[nodiscard]] bool nobody_would_look() const noexcept;

  pool_core& pool_;
  int epoll_ = -1;
  int bell_ = -1;
  treadle::detail::brief_lock<system_policy> lock_;  ///< of what follows
  watched* free_ = nullptr;
  std::uint32_t made_ = 0;
  bool closed_ = false;
  system_policy::atomic<watched*> chunk_[chunks]{};
  ring_table rings_;
  buffer_store buffers_;
};

/// Returns the driver of `pool`; makes it if it has none. Any thread; may allocate.
[[nodiscard]] result<epoll_driver*> driver_of(pool_core& pool) noexcept;

}  // namespace treadle::io::detail
