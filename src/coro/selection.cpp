#include <treadle/coro/detail/selection.hpp>

namespace treadle::coro::detail {

bool selection::try_now(std::span<channel_part* const> parts) noexcept {
  for (channel_part* const part : parts) {
    if (!part->is_ready()) continue;  // a glance; whoever then sleeps looks again with the lock held
    batch woken;
    {
      const brief_guard guard(part->lock());
      if (part->is_ready()) {
        static_cast<void>(state_.once.fire(wake_cause::done));  // nobody else knows of the wait yet
        part->chosen = true;
        part->take_now(woken);
      }
    }
    flow::wake_all(woken);
    if (part->chosen) return true;
  }
  return false;
}

bool selection::begin(flow& self, std::span<channel_part* const> parts) noexcept {
  suspended_ = true;
  if (!state_.open(self)) return false;
  for (channel_part* const part : parts) {
    batch woken;
    bool over = false;
    {
      const brief_guard guard(part->lock());
      if (!part->is_ready()) {
        part->link();
      } else {
        // What is to be had here is only taken if no other place has ended the wait meanwhile.
        over = true;
        if (state_.once.fire(wake_cause::done) != shot::lost) {
          part->chosen = true;
          part->take_now(woken);
        }
      }
    }
    flow::wake_all(woken);
    if (over) return false;
  }
  self.shows(wait_kind::channel, &parts.front()->lock());
  slept_ = true;
  if (state_.once.arm()) return true;  // LAST TOUCH
  slept_ = false;
  self.shows_nothing();
  return false;
}

std::size_t selection::settle(std::span<channel_part* const> parts) noexcept {
  std::size_t chosen = nobody;
  for (std::size_t i = 0; i < parts.size(); ++i) {
    // Who has woken a sleeper has taken out what it chose, and left the lock before.
    if (suspended_ && !(slept_ && parts[i]->chosen)) {
      const brief_guard guard(parts[i]->lock());  // who has chosen it may still be inside
      parts[i]->unlink();
    }
    if (parts[i]->chosen) chosen = i;
  }
  if (suspended_) state_.close();
  return chosen;
}

}  // namespace treadle::coro::detail
