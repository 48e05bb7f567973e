#pragma once

#include <cerrno>

namespace treadle::detail::os {

/// Calls again what a signal has interrupted. Returns a negated errno when `f` fails.
template <class F>
auto uninterrupted(F&& f) noexcept -> decltype(f()) {
  decltype(f()) returned = f();
  while (returned < 0 && errno == EINTR) returned = f();
  return returned < 0 ? -errno : returned;
}

}  // namespace treadle::detail::os
