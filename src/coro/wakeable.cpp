#include "../core/context.hpp"

#include <treadle/coro/detail/waiter.hpp>
#include <treadle/coro/detail/wakeable.hpp>
#include <treadle/detail/pool_core.hpp>

namespace treadle::coro::detail {

void wakeable::shows(treadle::detail::wait_kind kind, std::uint64_t detail) noexcept {
  using treadle::detail::wait_kind;
  if (kind == wait_kind::readable || kind == wait_kind::writable || kind == wait_kind::file) {
    treadle::detail::pool_core::note_io_begin(*this, detail);
  }
  if (sign_ == nullptr) {
    sign_ = treadle::detail::take_sign();
    if (sign_ == nullptr) return;
    sign_->name(&pool(), site.word());
  }
  sign_->hang(kind, detail, treadle::detail::last_known_ns());
}

void wakeable::wake(wakeable& suspended) noexcept {
  if (current_flow() == nullptr || !suspended.pool().run_next(suspended)) queue(suspended);
}

void wakeable::queue(wakeable& suspended) noexcept {
  if (!suspended.pool().readmit(&suspended, &suspended, 1))
    static_cast<void>(suspended.operations_of->cancel(&suspended));
}

void wakeable::wake_all(batch& suspended) noexcept {
  while (treadle::task* const each = suspended.pop()) wake(*static_cast<wakeable*>(each));
}

bool wakeable::request_stop() noexcept {
  batch woken;
  const bool first = stops_.request(woken);
  wake_all(woken);
  return first;
}

void wait_state::reach(node& reached, batch& woken) noexcept {
  auto& self = static_cast<wait_state&>(reached);
  if (self.once.fire(wake_cause::stopped) == shot::armed) woken.push(*self.waiting_);
}

}  // namespace treadle::coro::detail
