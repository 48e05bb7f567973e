#include <treadle/coro/detail/branches.hpp>

namespace treadle::coro::detail {

std::coroutine_handle<> branch::ended(flow& over) noexcept {
  auto& self = static_cast<branch&>(over);
  return self.group->one_ended(self);
}

void branch_group::start(flow& parent) noexcept {
  parent_ = &parent;
  running_.store(count_, std::memory_order_relaxed);  // the push publishes it
  task_locals locals = parent.locals();
  if (latest_ < locals.deadline) locals.deadline = latest_;
  batch all;
  for (std::size_t i = 0; i < count_; ++i) {
    first_[i].group = this;
    first_[i].set_pool(parent.pool());
    first_[i].set_locals(locals);
    first_[i].site = parent.site;
    all.push(first_[i]);
  }
  if (parent.is_abandoned() || !parent.stops().add(*this)) {
    for (std::size_t i = 0; i < count_; ++i) static_cast<void>(first_[i].request_stop());
  }
  parent.shows(wait_kind::branches, count_);
  flow::start_all(parent.pool(), all);  // LAST TOUCH: they may all be over
}

std::coroutine_handle<> branch_group::one_ended(branch& over) noexcept {
  if (when_ == stops_others::always || *over.error != nullptr) {
    std::size_t expected = nobody;
    const auto index = static_cast<std::size_t>(&over - first_);
    if (decider_.compare_exchange_strong(expected, index, std::memory_order_relaxed, std::memory_order_relaxed)) {
      for (std::size_t i = 0; i < count_; ++i) {
        if (i != index) static_cast<void>(first_[i].request_stop());
      }
    }
  }
  // E-BRANCH: the last one, and so the parent, sees what all the others did.
  if (running_.fetch_sub(1, std::memory_order_acq_rel) != 1) return std::noop_coroutine();  // LAST TOUCH
  return over.hand_over(*parent_);
}

std::size_t branch_group::settle() noexcept {
  if (count_ == 0) return nobody;
  parent_->stops().remove(*this);
  // Who wrote it came before the last one did: E-BRANCH.
  return decider_.load(std::memory_order_relaxed);
}

void branch_group::reach(node& reached, batch& woken) noexcept {
  auto& self = static_cast<branch_group&>(reached);
  for (std::size_t i = 0; i < self.count_; ++i) static_cast<void>(self.first_[i].stops().request(woken));
}

}  // namespace treadle::coro::detail
