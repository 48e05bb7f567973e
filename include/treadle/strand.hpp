#pragma once

#include <treadle/config.hpp>
#include <treadle/detail/callable_task.hpp>
#include <treadle/detail/pool_core.hpp>
#include <treadle/source_site.hpp>
#include <treadle/thread_pool.hpp>

#include <memory>
#include <system_error>
#include <type_traits>
#include <utility>

namespace treadle {

namespace detail {

class strand_core;

/// Counts the strand's handles and its queued run as owners.
class TREADLE_EXPORT strand_handle {
 public:
  explicit strand_handle(thread_pool& pool);
  ~strand_handle();
  strand_handle(const strand_handle&) = delete;
  strand_handle& operator=(const strand_handle&) = delete;

  [[nodiscard]] pool_core& pool() const noexcept;
  void push(internal_task& made, admission& admitted) noexcept;

 private:
  strand_core* core_;
};

}  // namespace detail

/// Runs what is posted to it on a pool, first in first out and never two at once; no lock is held meanwhile.
/// Any thread may post. Destroying the strand leaves what was posted to run; the pool must outlive it.
class strand {
 public:
  /// Allocates once.
  explicit strand(thread_pool& pool) : handle_(pool) {}

  /// Queues a call of `f`, or of `f(worker&)`. Allocates once. Errors and exceptions are those of `thread_pool::post`.
  template <class F>
  [[nodiscard]] std::error_code post(F&& f, source_site site = source_site::current()) {
    using made = detail::callable_task<std::decay_t<F>>;
    detail::admission admitted(handle_.pool());
    if (!admitted.error()) handle_.push(*new made(std::forward<F>(f), site), admitted);
    return admitted.error();
  }

 private:
  detail::strand_handle handle_;
};

}  // namespace treadle
