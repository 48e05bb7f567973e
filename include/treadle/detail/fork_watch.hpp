#pragma once

namespace treadle::detail {

/// An entry in the process's list of started pools, which a child of fork() walks to mark them as inherited.
struct fork_watch {
  fork_watch* next = nullptr;
  fork_watch* previous = nullptr;
  void (*in_child)(fork_watch*) noexcept = nullptr;
};

}  // namespace treadle::detail
