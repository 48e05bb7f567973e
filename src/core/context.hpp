#pragma once

#include <treadle/detail/pool_core.hpp>
#include <treadle/worker.hpp>

namespace treadle::detail {

class future_state;
class scope_core;

/// A child of a scope on a thread's stack.
struct scope_frame {
  const scope_core* scope;
  scope_frame* below;
};

/// What the current thread is to treadle.
struct thread_context {
  pool_core* pool = nullptr;            ///< whose task it runs, or null
  pool_core::record* record = nullptr;  ///< its worker's record; null while a caller stands in for one
  worker* self = nullptr;
  future_state* innermost = nullptr;       ///< the innermost awaited task on this thread's stack
  scope_frame* innermost_child = nullptr;  ///< the innermost child of a scope there
  bool in_timer = false;                   ///< it runs a timer's callback
};

/// Returns the calling thread's context. Never inlined: code that moves between threads must look it up each time.
[[nodiscard]] thread_context& context() noexcept;

}  // namespace treadle::detail
