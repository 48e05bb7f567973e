// Stands before the C library of a finished program (LD_PRELOAD) and answers as a worse system might. What it does is
// in TREADLE_SHIM, a list such as "threads=3,futex=2": of each call named, one in so many is refused or disturbed.
//   threads     pthread_create: EAGAIN
//   futex       waits: EINTR, EAGAIN or a 0 that means nothing, in turn
//   membarrier  ENOSYS
//   affinity    sched_getaffinity, sched_setaffinity: ENOSYS
//   reads       read: fewer bytes than there are, or EINTR
//   atfork      the first registration of fork handlers: ENOMEM; no_atfork: each
#include <dlfcn.h>
#include <linux/futex.h>
#include <pthread.h>
#include <sched.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <cstdarg>
#include <cstdint>
#include <cstdlib>
#include <cstring>

namespace {

class disturbance {
 public:
  explicit constexpr disturbance(const char* name) noexcept : name_(name) {}

  /// Returns the number of this disturbance, from 1, or 0 if this call is left alone.
  std::uint64_t strikes() noexcept {
    const std::uint64_t one_in = setting();
    if (one_in == 0) return 0;
    const std::uint64_t call = calls_.fetch_add(1, std::memory_order_relaxed) + 1;
    return call % one_in == 0 ? call / one_in : 0;
  }

 private:
  std::uint64_t setting() noexcept {
    std::uint64_t known = setting_.load(std::memory_order_relaxed);
    if (known == unknown) setting_.store(known = find(), std::memory_order_relaxed);
    return known;
  }
  [[nodiscard]] std::uint64_t find() const noexcept {
    const std::size_t length = std::strlen(name_);
    const char* list = std::getenv("TREADLE_SHIM");
    while (list != nullptr) {
      if (std::strncmp(list, name_, length) == 0 && list[length] == '=')
        return std::strtoull(list + length + 1, nullptr, 10);
      list = std::strchr(list, ',');
      if (list != nullptr) ++list;
    }
    return 0;
  }

  static constexpr std::uint64_t unknown = UINT64_MAX;
  const char* name_;
  std::atomic<std::uint64_t> setting_{unknown}, calls_{0};
};

constinit disturbance threads{"threads"}, futex{"futex"}, membarrier{"membarrier"}, affinity{"affinity"},
    reads{"reads"}, atfork{"atfork"}, no_atfork{"no_atfork"};

template <class F>
F* real(F*, const char* name) noexcept {
  return reinterpret_cast<F*>(dlsym(RTLD_NEXT, name));
}

int refuse(int error) noexcept {
  errno = error;
  return -1;
}

}  // namespace

extern "C" {

int pthread_create(pthread_t* thread, const pthread_attr_t* attributes, void* (*entry)(void*), void* argument) {
  if (threads.strikes() != 0) return EAGAIN;
  return real(&pthread_create, "pthread_create")(thread, attributes, entry, argument);
}

long syscall(long number, ...) noexcept {
  va_list list;
  va_start(list, number);
  long words[6];
  for (long& word : words) word = va_arg(list, long);
  va_end(list);
  if (number == SYS_membarrier && membarrier.strikes() != 0) return refuse(ENOSYS);
  if (number == SYS_futex && (words[1] & FUTEX_CMD_MASK) == FUTEX_WAIT_BITSET) {
    const std::uint64_t strike = futex.strikes();
    if (strike % 3 == 1) return refuse(EINTR);
    if (strike % 3 == 2) return refuse(EAGAIN);
    if (strike != 0) return 0;
  }
  using function = long(long, ...) noexcept;
  static function* const next = reinterpret_cast<function*>(dlsym(RTLD_NEXT, "syscall"));
  return next(number, words[0], words[1], words[2], words[3], words[4], words[5]);
}

int sched_getaffinity(pid_t thread, std::size_t bytes, cpu_set_t* mask) noexcept {
  if (affinity.strikes() != 0) return refuse(ENOSYS);
  return real(&sched_getaffinity, "sched_getaffinity")(thread, bytes, mask);
}

int sched_setaffinity(pid_t thread, std::size_t bytes, const cpu_set_t* mask) noexcept {
  if (affinity.strikes() != 0) return refuse(ENOSYS);
  return real(&sched_setaffinity, "sched_setaffinity")(thread, bytes, mask);
}

ssize_t read(int file, void* to, std::size_t bytes) {
  static auto* const next = real(&read, "read");
  const std::uint64_t strike = reads.strikes();
  if (strike % 4 == 1) return refuse(EINTR);
  if (strike != 0 && bytes > 1) bytes = 1 + strike * 7919 % (bytes - 1);
  return next(file, to, bytes);
}

int __register_atfork(void (*prepare)(), void (*parent)(), void (*child)(), void* object) {
  if (atfork.strikes() == 1 || no_atfork.strikes() != 0) return ENOMEM;
  using function = int(void (*)(), void (*)(), void (*)(), void*);
  return reinterpret_cast<function*>(dlsym(RTLD_NEXT, "__register_atfork"))(prepare, parent, child, object);
}
}
