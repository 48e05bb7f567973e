#include <treadle/detail/system_policy.hpp>

#include <linux/membarrier.h>
#include <sys/syscall.h>
#include <unistd.h>

namespace treadle::detail {

constinit std::atomic<bool> asymmetric_barriers{false};

namespace {

bool membarrier(int command) noexcept { return syscall(SYS_membarrier, command, 0, 0) == 0; }

}  // namespace

void enable_asymmetric_barriers() noexcept {
  asymmetric_barriers.store(membarrier(MEMBARRIER_CMD_REGISTER_PRIVATE_EXPEDITED), std::memory_order_relaxed);
}

bool barrier_on_all_threads() noexcept {
  if (membarrier(MEMBARRIER_CMD_PRIVATE_EXPEDITED)) return true;
  // Taken away since the registration (a filter of system calls): no new leases, and none is taken back.
  asymmetric_barriers.store(false, std::memory_order_relaxed);
  return false;
}

}  // namespace treadle::detail
