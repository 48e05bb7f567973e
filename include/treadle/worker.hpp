#pragma once

#include <treadle/config.hpp>
#include <treadle/detail/fork_stack.hpp>
#include <treadle/detail/system_policy.hpp>

#include <cstddef>

namespace treadle {

class thread_pool;

/// The worker that runs the current task. Passed to callables that ask for it; valid while that task runs, on its
/// thread.
class worker {
 public:
  static constexpr std::size_t npos = static_cast<std::size_t>(-1);

  worker(thread_pool& pool, std::size_t index) noexcept : pool_(&pool), index_(index) {}
  worker(const worker&) = delete;
  worker& operator=(const worker&) = delete;

  [[nodiscard]] thread_pool& pool() const noexcept { return *pool_; }
  /// Returns the worker's number, below `max_threads` + `max_spare_threads`; it does not change during a task.
  /// `npos` when a caller from outside runs the task, for want of any worker.
  [[nodiscard]] std::size_t index() const noexcept { return index_; }

  /// For treadle's own parts.
  [[nodiscard]] detail::fork_stack<detail::system_policy>& forks() noexcept { return forks_; }

 private:
  detail::fork_stack<detail::system_policy> forks_;
  thread_pool* pool_;
  std::size_t index_;
};

}  // namespace treadle
