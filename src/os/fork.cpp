#include "fault.hpp"
#include "os.hpp"

#include <pthread.h>

namespace treadle::detail::os {

namespace {

pthread_mutex_t watches_lock = PTHREAD_MUTEX_INITIALIZER;
constinit fork_watch* watches = nullptr;

void before_fork() noexcept { pthread_mutex_lock(&watches_lock); }
void in_parent() noexcept { pthread_mutex_unlock(&watches_lock); }

void in_child() noexcept {
  for (fork_watch* watch = watches; watch != nullptr; watch = watch->next) watch->in_child(watch);
  watches = nullptr;
  pthread_mutex_unlock(&watches_lock);  // the thread that took it is the one that is left
}

// When the library is loaded, not at first use: a fork() in the middle of that would leave it half done in the child.
// The handlers are the library's own, so the system drops them when it is unloaded.
bool registered = false;
[[maybe_unused]] const bool tried_at_load = can_watch_fork();

}  // namespace

bool can_watch_fork() noexcept {
  if (fails(call::atfork)) return false;
  if (!registered) registered = pthread_atfork(&before_fork, &in_parent, &in_child) == 0;
  return registered;
}

fork_lock::fork_lock() noexcept { pthread_mutex_lock(&watches_lock); }

fork_lock::~fork_lock() { pthread_mutex_unlock(&watches_lock); }

void watch_fork(fork_watch& watch) noexcept {
  watch.previous = nullptr;
  watch.next = watches;
  if (watches != nullptr) watches->previous = &watch;
  watches = &watch;
}

void unwatch_fork(fork_watch& watch) noexcept {
  const fork_lock lock;
  if (watch.previous != nullptr) watch.previous->next = watch.next;
  if (watch.next != nullptr) watch.next->previous = watch.previous;
  if (watches == &watch) watches = watch.next;
}

}  // namespace treadle::detail::os
