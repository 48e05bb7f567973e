#pragma once

#include <treadle/detail/brief_lock.hpp>
#include <treadle/detail/pool_core.hpp>
#include <treadle/io/detail/watched.hpp>

#include <atomic>
#include <cstdint>

namespace treadle::io::detail {

using treadle::detail::poll_batch;
using treadle::detail::pool_core;
using treadle::detail::system_policy;
using ready_row = treadle::detail::task_row<task>;

/// A pool's descriptors in one epoll instance, in which its idle workers sleep. docs/design/io.md.
class epoll_driver final : public treadle::detail::poll_driver<task> {
 public:
  explicit epoll_driver(pool_core& of) noexcept : pool_(of) {}
  ~epoll_driver() override;

  [[nodiscard]] std::error_code open() noexcept;
  [[nodiscard]] watched* acquire() noexcept;
  void release(watched& over, int descriptor) noexcept;
  [[nodiscard]] std::error_code watch(watched& place, int descriptor, direction which) noexcept;

  void wait(std::int64_t deadline_ns, poll_batch& into) noexcept override;
  void ring() noexcept override;
  void deliver(poll_batch& from, ready_row& ready) noexcept override;
  void close() noexcept override;

 private:
  /// Chunk i has 64 << i places.
  static constexpr std::uint32_t first_chunk = 64, chunks = 20;
  [[nodiscard]] watched& place(std::uint32_t index) noexcept;
  [[nodiscard]] bool grow() noexcept;
  void wake_all(side& waited_at, batch& woken) noexcept;
  [[nodiscard]] bool nobody_would_look() const noexcept;

  pool_core& pool_;
  int epoll_ = -1;
  int bell_ = -1;
  treadle::detail::brief_lock<system_policy> lock_;  ///< of what follows
  watched* free_ = nullptr;
  std::uint32_t made_ = 0;
  bool closed_ = false;
  system_policy::atomic<watched*> chunk_[chunks]{};
};

}  // namespace treadle::io::detail
