#pragma once

#include <treadle/config.hpp>
#include <treadle/coro/detail/waiter.hpp>
#include <treadle/coro/task.hpp>
#include <treadle/source_site.hpp>
#include <treadle/thread_pool.hpp>

#include <cstddef>
#include <exception>
#include <system_error>
#include <utility>

namespace treadle::coro {

/// Tasks that are awaited together, however many are spawned and whoever spawns them. The first that throws stops the
/// others, and `join` rethrows it. A scope must have been joined after its last task when it is destroyed.
class TREADLE_EXPORT async_scope {
 public:
  /// Tasks run on `pool`, which must outlive the scope.
  explicit async_scope(thread_pool& pool) noexcept : pool_(&pool) {}
  async_scope(const async_scope&) = delete;
  async_scope& operator=(const async_scope&) = delete;
  /// Aborts if a task still runs.
  ~async_scope();

  /// Starts `body` in a flow of its own, which begins with a copy of the caller's locals. Any thread, while the scope
  /// is sure to live. Allocates from the store of frames. Throws std::system_error when the pool refuses,
  /// std::bad_alloc.
  void spawn(task<> body, source_site site = source_site::current());

  /// Asks all tasks to stop, those to come, too. Any thread; does not block.
  void request_stop() noexcept;

  /// Waits until no task runs, those spawned meanwhile included, and rethrows what the first threw, but for
  /// `errc::cancelled` after a request to stop. A request to stop the awaiting coroutine goes to the tasks; they are
  /// awaited all the same. May be awaited again after further spawns.
  task<> join();

 private:
  class child;
  template <bool stoppable>
  class until_empty;

  void one_ended(child& over) noexcept;
  [[nodiscard]] std::exception_ptr take_failure() noexcept;

  thread_pool* pool_;
  detail::flow_stops stops_;
  detail::wait_queue joining_;  ///< its lock guards what follows
  std::size_t running_ = 0;
  std::exception_ptr failure_;
};

}  // namespace treadle::coro
