#pragma once

#include "site_names.hpp"

#include <cstdint>
#include <string>
#include <vector>

namespace treadle::detail {
class pool_core;
struct wait_link;
}  // namespace treadle::detail

namespace treadle::obs {

/// Finds workers that wait for each other: for a future's task, for a scope's children or for a stolen branch that
/// another of them has on its stack. They may belong to different pools, as long as each has such an object.
/// docs/design/inside.md.
class wait_cycles {
 public:
  /// The pool outlives it. Throws std::bad_alloc.
  explicit wait_cycles(const detail::pool_core& pool);
  ~wait_cycles();
  wait_cycles(const wait_cycles&) = delete;
  wait_cycles& operator=(const wait_cycles&) = delete;

  /// Returns a line for each cycle that this pool has a part in, and that was not returned before. One thread at a
  /// time; holds up workers that begin or end a wait, for as long as it takes to follow those of the others. Throws
  /// std::bad_alloc.
  [[nodiscard]] std::vector<std::string> look(site_names& names);

 private:
  const detail::pool_core& pool_;
  std::vector<const detail::wait_link*> reported_;  ///< of these cycles, which never end
};

}  // namespace treadle::obs
