#pragma once

#include <treadle/coro/spawn.hpp>
#include <treadle/default_pool.hpp>
#include <treadle/source_site.hpp>
#include <treadle/this_worker.hpp>

#include <stop_token>
#include <utility>

namespace treadle::coro {

/// Runs `body` on `pool`, blocks until it is over, and returns its result or rethrows what it threw. For threads
/// outside; on a worker another one takes its place meanwhile. Throws std::system_error when the pool refuses.
template <class T>
T sync_wait(thread_pool& pool, task<T> body, std::stop_token stop = {}, source_site site = source_site::current()) {
  return spawn(pool, std::move(body), std::move(stop), site).wait();
}

/// The same on the pool whose worker this thread is, outside on `default_pool()`.
template <class T>
T sync_wait(task<T> body, std::stop_token stop = {}, source_site site = source_site::current()) {
  thread_pool* const inside = this_worker::pool();
  return sync_wait(inside != nullptr ? *inside : default_pool(), std::move(body), std::move(stop), site);
}

}  // namespace treadle::coro
