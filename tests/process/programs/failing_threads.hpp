#pragma once

#include <dlfcn.h>
#include <pthread.h>

#include <atomic>
#include <cerrno>
#include <cstdint>

/// Stands between the program and the system's pthread_create, and refuses threads as a scenario says. One file of a
/// program includes it. It works under every sanitizer, where resource limits would hit the sanitizer itself.
namespace failing_threads {

/// Refuses the n-th creation from now if bit n is set; the last bit stands for all that follow.
inline std::atomic<std::uint64_t> refuse{0};
inline std::atomic<int> asked{0}, refused{0};
/// The answer that is given in place of a thread.
inline std::atomic<int> error{EAGAIN};
/// A scenario's own threads are none of the pool's.
inline thread_local bool exempt = false;

inline constexpr std::uint64_t none = 0, all = ~std::uint64_t{0};
constexpr std::uint64_t only(int nth) { return std::uint64_t{1} << nth; }

inline void set(std::uint64_t which) {
  asked = 0;
  refused = 0;
  refuse = which;
}

inline bool refuses_this_one() {
  if (exempt) return false;
  const int number = asked.fetch_add(1);
  const bool answer = ((refuse.load() >> (number < 63 ? number : 63)) & 1) != 0;
  if (answer) ++refused;
  return answer;
}

using create_function = int (*)(pthread_t*, const pthread_attr_t*, void* (*)(void*), void*);

}  // namespace failing_threads

extern "C" {
// Where the sanitizer is linked into the program itself, this is what it wants to be asked through.
int __interceptor_pthread_create(pthread_t*, const pthread_attr_t*, void* (*)(void*), void*) __attribute__((weak));

int pthread_create(pthread_t* thread, const pthread_attr_t* attributes, void* (*entry)(void*), void* argument) {
  if (failing_threads::refuses_this_one()) return failing_threads::error;
  failing_threads::create_function create = &__interceptor_pthread_create;
  if (create == nullptr)
    create = reinterpret_cast<failing_threads::create_function>(dlsym(RTLD_NEXT, "pthread_create"));
  return create(thread, attributes, entry, argument);
}
}
