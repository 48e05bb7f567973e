#include "stuck.hpp"

#include <linux/futex.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

#include <cstdio>

namespace treadle::detail::os {

namespace {

/// Reads memory that may be gone by now. False if it is.
bool read_memory(std::uint64_t from, void* into, std::size_t bytes) noexcept {
  iovec here{into, bytes};
  iovec there{reinterpret_cast<void*>(static_cast<std::uintptr_t>(from)), bytes};
  return process_vm_readv(getpid(), &here, 1, &there, 1, 0) == static_cast<ssize_t>(bytes);
}

bool is_thread(std::uint32_t number) noexcept {
  char path[48];
  std::snprintf(path, sizeof path, "/proc/self/task/%u", number);
  return number != 0 && access(path, F_OK) == 0;
}

}  // namespace

futex_sleep sleep_of(std::uint32_t thread) noexcept {
  char path[64];
  std::snprintf(path, sizeof path, "/proc/self/task/%u/syscall", thread);
  std::FILE* const from = std::fopen(path, "re");
  if (from == nullptr) return {};
  long call = -1;
  unsigned long long word = 0, operation = 0, expected = 0;
  const int read = std::fscanf(from, "%ld %llx %llx %llx", &call, &word, &operation, &expected);
  std::fclose(from);
  if (read != 4 || call != SYS_futex) return {};
  const auto kind = static_cast<int>(operation & static_cast<unsigned long long>(FUTEX_CMD_MASK));
  if (kind != FUTEX_WAIT && kind != FUTEX_WAIT_BITSET) return {};
  futex_sleep found{true, 0};
  // The C library's mutex: the word, which is 2 when somebody waits, a count, and the thread that holds it.
  struct {
    std::uint32_t word, count, owner;
  } mutex{};
  if (expected == 2 && read_memory(word, &mutex, sizeof mutex) && mutex.word == 2 && is_thread(mutex.owner)) {
    found.owner = mutex.owner;
  }
  return found;
}

}  // namespace treadle::detail::os
