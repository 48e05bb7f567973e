#pragma once

#include <treadle/config.hpp>

#include <atomic>
#include <cstdint>

namespace treadle::detail::os {

/// The calls of this floor that a test can make fail, where TREADLE_FAULTS is defined; elsewhere none can and nothing
/// of this is left. Of those whose answer nobody can use, a failure is that they do nothing (`setname`, `yield`,
/// `sleep`), come late (`futex_wake`) or carry a part only (`receive_short`, `send_short`). A clock, a lock and a
/// join that are used rightly cannot fail, nor can what gives a descriptor up.
enum class call : std::uint32_t {
  thread_memory,
  attr_init,
  attr_setstacksize,
  pthread_create,
  tryjoin,
  setname,
  atfork,
  sysconf,
  sched_getaffinity,
  sched_setaffinity,
  open,
  read,
  realloc,
  membarrier_register,
  membarrier,
  futex_wait,
  futex_wake,
  epoll_create,
  eventfd,
  epoll_ctl,
  epoll_wait,
  epoll_pwait2,
  ppoll,
  poll,
  ring,
  socket,
  bind,
  listen,
  accept,
  connect,
  receive,
  receive_short,
  send,
  send_short,
  shutdown,
  getsockname,
  getsockopt,
  setsockopt,
  fcntl,
  pipe,
  pipe_read,
  pipe_write,
  duplicate,
  look_up,
  open_file,
  read_file,
  write_file,
  sync_file,
  resize_file,
  stat,
  rename,
  unlink,
  mkdir,
  open_directory,
  read_directory,
  write,
  map,
  ring_setup,
  ring_register,
  ring_enter,
  ring_cancel,
  sleep,
  yield,
  count
};

#if defined(TREADLE_FAULTS)
/// Is asked before each call; true makes it fail, with errno as the hook left it. Any thread.
TREADLE_EXPORT extern std::atomic<bool (*)(call) noexcept> fault_hook;

inline bool fails(call asked) noexcept {
  const auto hook = fault_hook.load(std::memory_order_relaxed);
  return hook != nullptr && hook(asked);
}
#else
constexpr bool fails(call) noexcept { return false; }
#endif

}  // namespace treadle::detail::os
