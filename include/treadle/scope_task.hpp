#pragma once

#include <treadle/detail/system_policy.hpp>
#include <treadle/stop_token.hpp>

namespace treadle {

class scope;
class worker;

namespace detail {
class scope_core;
}

/// A child of a scope in its user's storage: derive from it, add your fields, give it a function. Spawning one
/// allocates nothing. It must stay where it is from `spawn` until its function is called, or, if a stop has kept it
/// from starting, until the scope's `wait` is over; the scope does not touch it after the call, so the function may
/// free it or spawn it again.
class scope_task {
 public:
  /// Runs the child on `self`. What it throws reaches the scope's `wait`.
  using function_type = void (*)(scope_task& child, worker& self, const stop_token& stop);

  constexpr explicit scope_task(function_type function) noexcept : function_(function) {}
  scope_task(const scope_task&) = delete;
  scope_task& operator=(const scope_task&) = delete;

  /// The scope's link. Not for users.
  detail::system_policy::atomic<scope_task*> next{nullptr};

 protected:
  /// For children that the scope has made: `discard` ends one that will not be called.
  constexpr scope_task(function_type function, void (*discard)(scope_task&) noexcept) noexcept
      : function_(function), discard_(discard) {}

 private:
  friend class detail::scope_core;
  friend class scope;
  function_type function_;
  void (*discard_)(scope_task&) noexcept = nullptr;
};

static_assert(alignof(scope_task) >= 8, "the queues keep three flags in the low bits of a child's address");

}  // namespace treadle
