#pragma once

#include <treadle/worker.hpp>

namespace treadle::this_worker {

inline constexpr std::size_t npos = worker::npos;

/// Returns the pool whose worker this thread is, or null. Out of line on purpose: code that moves between threads must
/// not keep the address of a thread-local variable.
[[nodiscard]] TREADLE_EXPORT thread_pool* pool() noexcept;

/// Returns the number of this worker in its pool, or `npos` outside.
[[nodiscard]] TREADLE_EXPORT std::size_t index() noexcept;

}  // namespace treadle::this_worker
