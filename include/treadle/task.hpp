#pragma once

#include <treadle/detail/system_policy.hpp>

namespace treadle {

class batch;

/// A piece of work, intrusive: derive from it, add your fields, set `callback`. Scheduling one allocates nothing.
/// A task must stay where it is from `schedule` until its callback is called; the pool does not touch it after that,
/// so the callback may free it or schedule it again.
struct task {
  using callback_type = void (*)(task*) noexcept;

  constexpr task() noexcept = default;
  constexpr explicit task(callback_type function) noexcept : callback(function) {}
  /// Copies the callback; whether the source is queued does not carry over.
  constexpr task(const task& other) noexcept : callback(other.callback) {}
  constexpr task& operator=(const task& other) noexcept {
    callback = other.callback;
    return *this;
  }

  detail::system_policy::atomic<task*> next{nullptr};  ///< The pool's link. Not for users.
  callback_type callback = nullptr;  ///< Runs the task; called once a `schedule`, on some thread of the pool.
};

static_assert(alignof(task) >= 8, "the queues keep three flags in the low bits of a task's address");

}  // namespace treadle
