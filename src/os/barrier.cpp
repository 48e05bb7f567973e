#include "fault.hpp"

#include <treadle/detail/system_policy.hpp>

#include <linux/membarrier.h>
#include <sys/syscall.h>
#include <unistd.h>

namespace treadle::detail {

constinit std::atomic<bool> asymmetric_barriers{false};

namespace {

bool membarrier(int command) noexcept {
  const bool registers = command == MEMBARRIER_CMD_REGISTER_PRIVATE_EXPEDITED;
  if (os::fails(registers ? os::call::membarrier_register : os::call::membarrier)) return false;
  return syscall(SYS_membarrier, command, 0, 0) == 0;
}

}  // namespace

void enable_asymmetric_barriers() noexcept {
  asymmetric_barriers.store(membarrier(MEMBARRIER_CMD_REGISTER_PRIVATE_EXPEDITED), std::memory_order_relaxed);
}

void barrier_on_all_threads() noexcept {
  if (membarrier(MEMBARRIER_CMD_PRIVATE_EXPEDITED)) return;
  // Taken away since the registration, by a filter of system calls: nobody leaves barriers to others from now on. What
  // they have left already is waited for: a store leaves its processor's buffer in far less, and a switch of threads
  // empties it.
  asymmetric_barriers.store(false, std::memory_order_relaxed);
  sleep_thread(10'000'000);
}

}  // namespace treadle::detail
