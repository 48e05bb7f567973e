#pragma once

#include <treadle/detail/context.hpp>
#include <treadle/detail/internal_task.hpp>

#include <exception>
#include <type_traits>
#include <utility>

namespace treadle::detail {

/// A callable and its task in one allocation; gone after its one call. What it throws goes to `unhandled_exception`.
template <class F>
struct callable_task final : internal_task {
  template <class Callable>
  callable_task(Callable&& callable, source_site scheduled_at)
      : internal_task(ops, scheduled_at), function(std::forward<Callable>(callable)) {}

  static void run(internal_task* made) noexcept {
    // Volatile, so that it stays on the stack: of a callable that is known never to return (one that calls exit()) the
    // compiler would drop the last pointer to this task, and a leak checker report it.
    callable_task* volatile const self = static_cast<callable_task*>(made);
    try {
      call_on_worker(self->function);
    } catch (...) {
      report_unhandled(std::current_exception());
    }
    delete self;
  }
  static bool cancel(internal_task* made) noexcept {
    delete static_cast<callable_task*>(made);
    return true;
  }

  static constexpr operations ops{&run, &cancel};
  F function;
};

}  // namespace treadle::detail
