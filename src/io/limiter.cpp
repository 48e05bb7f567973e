#include <treadle/io/limiter.hpp>

namespace treadle::io {

void limiter::permit::release() noexcept {
  for (limiter* each = std::exchange(of_, nullptr); each != nullptr;) {
    // A permit of its own holds each limiter alive; once that is given back, its owner may free it.
    limiter* const next = each->within_;
    each->free_.release();  // LAST TOUCH
    each = next;
  }
}

coro::task<limiter::permit> limiter::acquire() {
  co_await free_.acquire();
  if (within_ == nullptr) co_return permit(*this);
  // Held on its own until it is whole: a stop on the way gives it back.
  struct own_place {
    coro::semaphore* of;
    ~own_place() {
      if (of != nullptr) of->release();
    }
  } own{&free_};
  permit outer = co_await within_->acquire();
  outer.of_ = nullptr;  // held by the one that is returned
  own.of = nullptr;
  co_return permit(*this);
}

limiter::permit limiter::try_acquire() noexcept {
  if (!free_.try_acquire()) return {};
  if (within_ != nullptr) {
    permit outer = within_->try_acquire();
    if (!outer) {
      free_.release();
      return {};
    }
    outer.of_ = nullptr;
  }
  return permit(*this);
}

}  // namespace treadle::io
