#pragma once

#include <treadle/algorithm/with.hpp>
#include <treadle/fork_join.hpp>
#include <treadle/worker.hpp>

#include <utility>

namespace treadle {

/// Calls all functions, as `f(worker&)` or `f()`, in parallel; what they return is dropped (see `fork_join` for
/// results). Where it runs and when it blocks or allocates: as `parallel_for`. What it throws, and what a stop does:
/// as `fork_join`.
template <detail::place Where, class... Fs>
requires(sizeof...(Fs) >= 2 && (detail::is_branch<Fs> && ...)) void parallel_invoke(Where&& where, Fs&&... functions) {
  detail::enter(where, [&](worker& self, const detail::loop_terms& terms) {
    if (terms.stop != nullptr) {
      static_cast<void>(fork_join(self, *terms.stop, std::forward<Fs>(functions)...));
    } else {
      static_cast<void>(fork_join(self, std::forward<Fs>(functions)...));
    }
  });
}

}  // namespace treadle
