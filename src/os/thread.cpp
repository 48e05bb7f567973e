#include "cpu.hpp"
#include "fault.hpp"
#include "os.hpp"

#include <pthread.h>
#include <sched.h>
#include <unistd.h>

#include <cstdio>
#include <new>

namespace treadle::detail::os {

struct thread {
  pthread_t handle{};
  thread* next = nullptr;
  void (*entry)(void*) noexcept = nullptr;
  void* argument = nullptr;
  thread_options options;
  bool lift_pin = false;  ///< the starter was pinned, and its one CPU is not for this thread
};

namespace {

void set_name(const thread_options& options) noexcept {
  char name[16];
  char suffix[8];
  const int suffix_length = std::snprintf(suffix, sizeof suffix, "-%u", options.index);
  // The index is what tells two workers apart, so a long name gives way to it.
  std::snprintf(name, sizeof name, "%.*s%s", 15 - suffix_length, options.name, suffix);
  if (!fails(call::setname)) pthread_setname_np(pthread_self(), name);
}

void* run_thread(void* started) {
  const thread& self = *static_cast<thread*>(started);
  if (self.options.name != nullptr) set_name(self.options);
  if (self.options.cpu != any_cpu) {
    pin_this_thread(self.options.cpu);
  } else if (self.lift_pin) {
    unpin_this_thread();
  }
  self.entry(self.argument);
  return nullptr;
}

}  // namespace

bool start_thread(void** slot, void (*entry)(void*) noexcept, void* argument, const thread_options& options) noexcept {
  auto* const made = fails(call::thread_memory) ? nullptr : new (std::nothrow) thread{};
  if (made == nullptr) return false;
  made->entry = entry;
  made->argument = argument;
  made->options = options;
  made->lift_pin = is_this_thread_pinned();
  *slot = made;
  pthread_attr_t attributes;
  bool started = !fails(call::attr_init) && pthread_attr_init(&attributes) == 0;
  if (started) {
    if (options.stack_bytes != 0) {
      started = !fails(call::attr_setstacksize) && pthread_attr_setstacksize(&attributes, options.stack_bytes) == 0;
    }
    started =
        started && !fails(call::pthread_create) && pthread_create(&made->handle, &attributes, &run_thread, made) == 0;
    pthread_attr_destroy(&attributes);
  }
  if (!started) {
    *slot = nullptr;
    delete made;
  }
  return started;
}

void join_thread(void* ended) noexcept {
  auto* const joined = static_cast<thread*>(ended);
  pthread_join(joined->handle, nullptr);
  delete joined;
}

bool try_join_thread(void* ended) noexcept {
  auto* const joined = static_cast<thread*>(ended);
  if (fails(call::tryjoin) || pthread_tryjoin_np(joined->handle, nullptr) != 0) return false;
  delete joined;
  return true;
}

void* next_thread(void* listed) noexcept { return static_cast<thread*>(listed)->next; }
void set_next_thread(void* listed, void* next) noexcept {
  static_cast<thread*>(listed)->next = static_cast<thread*>(next);
}

std::size_t minimum_stack_bytes() noexcept {
  const long bytes = fails(call::sysconf) ? -1 : sysconf(_SC_THREAD_STACK_MIN);
  return bytes > 0 ? static_cast<std::size_t>(bytes) : std::size_t{16384};
}

std::size_t page_bytes() noexcept {
  const long bytes = fails(call::sysconf) ? -1 : sysconf(_SC_PAGESIZE);
  return bytes > 0 ? static_cast<std::size_t>(bytes) : std::size_t{4096};
}

}  // namespace treadle::detail::os
