#pragma once

#include <treadle/config.hpp>
#include <treadle/coro/detail/flow.hpp>
#include <treadle/coro/detail/promise.hpp>
#include <treadle/detail/brief_lock.hpp>
#include <treadle/detail/system_policy.hpp>
#include <treadle/detail/wait_list.hpp>
#include <treadle/detail/wake_once.hpp>

#include <coroutine>

namespace treadle::coro::detail {

using treadle::detail::brief_guard;
using treadle::detail::shot;
using treadle::detail::system_policy;
using treadle::detail::wake_cause;
using wait_node = treadle::detail::wait_node<system_policy>;
using wait_list = treadle::detail::wait_list<system_policy>;

/// A place where coroutines wait: a lock, and those who wait in the order in which they came.
struct wait_queue {
  treadle::detail::brief_lock<system_policy> lock;
  wait_list waiting;
};

/// A wait, which lies in the frame of a coroutine or in an operation: known to the waiter's stop list while it lasts.
class TREADLE_EXPORT wait_state : flow_stops::node {
 public:
  wait_state() noexcept : node(&reach) {}

  /// Makes the wait known to whoever may request a stop. False: the wait is over before it began, as stopped.
  [[nodiscard]] bool open(wakeable& waiting) noexcept {
    waiting_ = &waiting;
    if (!waiting.is_abandoned() && waiting.stops().add(*this)) return true;
    static_cast<void>(once.fire(wake_cause::stopped));
    return false;
  }
  /// The same for a wait that no request ends.
  void open_unstoppable(wakeable& waiting) noexcept { waiting_ = &waiting; }
  /// After the wait. Nobody reaches it any more.
  void close() noexcept { waiting_->stops().remove(*this); }
  [[nodiscard]] wakeable& waiting() const noexcept { return *waiting_; }

  treadle::detail::wake_once<system_policy> once;

 private:
  static void reach(node& reached, batch& woken) noexcept;

  wakeable* waiting_ = nullptr;
};

/// A node with the wait that it belongs to.
struct waiter : wait_node {
  explicit waiter(wait_state& of) noexcept : wait_node(of.once), wait(&of) {}
  wait_state* const wait;
};

/// Takes the first waiter out and ends its wait. The caller holds the lock; if `must_wake`, it calls `wakeable::wake`
/// once it has let go of it. Null: nobody waits.
inline waiter* take_waiter(wait_list& from, bool& must_wake) noexcept {
  shot won = shot::lost;
  auto* const taken = static_cast<waiter*>(from.take(won));
  must_wake = won == shot::armed;
  return taken;
}

/// What all waits in one queue have in common: Derived says, with the lock held, whether it need not wait.
/// `bool try_now()`; and what it is that it waits for, see `show`. Suspends in the order of docs/design/coroutines.md.
template <class Derived, bool stoppable = true>
class queued_wait {
 public:
  explicit queued_wait(wait_queue& queue) noexcept : queue_(&queue), node_(state_) {}
  queued_wait(const queued_wait&) = delete;
  queued_wait& operator=(const queued_wait&) = delete;

  bool await_ready() noexcept {
    const brief_guard guard(queue_->lock);
    return derived().try_now();
  }
  template <std::derived_from<promise_base> Promise>
  bool await_suspend(std::coroutine_handle<Promise> waiting) noexcept {
    flow& self = waiting.promise().running_flow();
    self.suspend_at(waiting);
    return begin(self);  // LAST TOUCH, if true
  }
  /// Returns whether `self` is suspended now; if not, the wait is over.
  bool begin(wakeable& self) noexcept {
    suspended_ = true;
    if constexpr (stoppable) {
      if (!state_.open(self)) return false;
    } else {
      state_.open_unstoppable(self);
    }
    {
      const brief_guard guard(queue_->lock);
      if (derived().try_now()) {
        // Unless a stop was faster, in which case what was to be had is had all the same.
        static_cast<void>(state_.once.fire(wake_cause::done));
        has_it_ = true;
      } else {
        queue_->waiting.link(node_);
      }
    }
    if (has_it_) return false;
    show(self);
    slept_ = true;
    if (state_.once.arm()) return true;  // LAST TOUCH
    slept_ = false;
    self.shows_nothing();
    return false;
  }

 protected:
  ~queued_wait() = default;

  /// Ends the wait. Returns false if it was stopped, and got nothing.
  [[nodiscard]] bool settle() noexcept {
    if (!suspended_) return true;
    const bool got_it = state_.once.cause() == wake_cause::done;
    // Who has woken a sleeper to give it something has taken it out of the list, and left the lock before.
    if (!slept_ || !got_it) {
      // Whoever ended the wait may still hold the lock.
      const brief_guard guard(queue_->lock);
      queue_->waiting.unlink(node_);
    }
    if constexpr (stoppable) state_.close();
    return has_it_ || got_it;
  }
  [[nodiscard]] waiter& node() noexcept { return node_; }

 private:
  Derived& derived() noexcept { return static_cast<Derived&>(*this); }
  /// Derived may say what it is, `static constexpr wait_kind waits_for`, or show it itself.
  void show(wakeable& self) noexcept {
    if constexpr (requires { derived().show_wait(self); }) {
      derived().show_wait(self);
    } else if constexpr (requires { Derived::waits_for; }) {
      self.shows(Derived::waits_for, queue_);
    } else {
      self.shows(wait_kind::other, queue_);
    }
  }

  wait_queue* queue_;
  wait_state state_;
  waiter node_;
  bool suspended_ = false;
  bool has_it_ = false;
  bool slept_ = false;  ///< and was woken, by who had let go of the lock
};

}  // namespace treadle::coro::detail
