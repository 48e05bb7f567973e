#pragma once

#include <treadle/config.hpp>
#include <treadle/detail/sign.hpp>
#include <treadle/detail/system_policy.hpp>

#include <cstddef>
#include <cstdint>

namespace treadle::detail {

using wait_sign = sign<system_policy>;

/// Returns a sign that says nothing, from the calling thread's own store of them; null if there is no memory for one
/// more. Any thread, but no signal handler; blocks for a moment at most.
[[nodiscard]] TREADLE_EXPORT wait_sign* take_sign() noexcept;
/// Takes one down and gives it back. The same callers.
TREADLE_EXPORT void give_sign(wait_sign& over) noexcept;

/// Returns the `index`-th of all signs that there are, in use or not; null behind the last. Any thread, a signal
/// handler too.
[[nodiscard]] TREADLE_EXPORT const wait_sign* sign_at(std::size_t index) noexcept;

}  // namespace treadle::detail
