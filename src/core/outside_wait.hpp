#pragma once

#include <treadle/detail/completion.hpp>
#include <treadle/detail/system_policy.hpp>

namespace treadle::detail {

/// A thread of no pool that sleeps until something is over, for as long as that takes. If the pool comes to have no
/// thread the sleeper has to do the work itself, so it is told when one could not be had, and when the last one is
/// gone: whichever pool it was, for what is waited for may move. docs/design/lifecycle.md.
class outside_wait {
 public:
  explicit outside_wait(completion<system_policy>& sleeps_at) noexcept;
  outside_wait(const outside_wait&) = delete;
  outside_wait& operator=(const outside_wait&) = delete;
  ~outside_wait();

  /// Says whether the thread is to be told. Who turns it on looks at the pool afterwards: what was missed is seen then.
  void be_told(bool on) noexcept;
  /// Interrupts all sleepers that are to be told. Any thread, but not under the fork lock.
  static void tell_all() noexcept;

 private:
  completion<system_policy>& sleeps_at_;
  bool told_ = false;
  outside_wait* next_;
  outside_wait* previous_ = nullptr;
};

}  // namespace treadle::detail
