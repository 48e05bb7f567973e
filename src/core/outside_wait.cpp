#include "outside_wait.hpp"

#include "../os/os.hpp"

#include <treadle/detail/fork_watch.hpp>

namespace treadle::detail {

namespace {

/// All sleepers of the process. Guarded by the fork lock, so that a child finds the list whole, and empties it: the
/// sleepers are threads that it does not have.
struct sleepers : fork_watch {
  outside_wait* first = nullptr;
  bool is_watched = false;
};

constinit sleepers all{};

void forget_all(fork_watch*) noexcept {
  all.first = nullptr;
  all.is_watched = false;
}

}  // namespace

outside_wait::outside_wait(completion<system_policy>& sleeps_at) noexcept : sleeps_at_(sleeps_at) {
  const os::fork_lock lock;
  if (!all.is_watched) {
    all.in_child = &forget_all;
    os::watch_fork(all);
    all.is_watched = true;
  }
  next_ = all.first;
  if (next_ != nullptr) next_->previous_ = this;
  all.first = this;
}

outside_wait::~outside_wait() {
  const os::fork_lock lock;
  if (previous_ != nullptr) previous_->next_ = next_;
  if (next_ != nullptr) next_->previous_ = previous_;
  if (all.first == this) all.first = next_;
}

void outside_wait::be_told(bool on) noexcept {
  const os::fork_lock lock;
  told_ = on;
}

void outside_wait::tell_all() noexcept {
  const os::fork_lock lock;
  for (outside_wait* each = all.first; each != nullptr; each = each->next_) {
    if (each->told_) each->sleeps_at_.interrupt();
  }
}

}  // namespace treadle::detail
