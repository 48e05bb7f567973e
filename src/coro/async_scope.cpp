#include <treadle/assert.hpp>
#include <treadle/coro/async_scope.hpp>
#include <treadle/coro/detail/branches.hpp>
#include <treadle/detail/pool_core.hpp>
#include <treadle/errc.hpp>

#include <coroutine>
#include <utility>

namespace treadle::coro {

/// A task of the scope; gone when it is over.
class async_scope::child final : public detail::flow, public detail::flow_stops::node, public detail::in_frame_store {
 public:
  child(async_scope& of, coro::task<>&& body, source_site made_at) noexcept
      : flow(&of.pool_->core(), &ended, treadle::detail::site_word::of(made_at)),
        node(&reach),
        scope_(&of),
        body_(std::move(body)) {
    set_locals(this_coro::locals());
    auto& promise = body_.frame().promise();
    promise.set_flow(*this);
    set_root(body_.frame(), promise.error());
  }
  [[nodiscard]] std::exception_ptr take_error() noexcept {
    return std::exchange(body_.frame().promise().error(), nullptr);
  }

 private:
  static std::coroutine_handle<> ended(flow& over) noexcept {
    auto& self = static_cast<child&>(over);
    self.scope_->one_ended(self);
    return std::noop_coroutine();
  }
  static void reach(node& reached, batch& woken) noexcept {
    static_cast<void>(static_cast<child&>(reached).stops().request(woken));
  }

  async_scope* scope_;
  coro::task<> body_;
};

/// A wait for the last task.
template <bool stoppable>
class async_scope::until_empty : public detail::queued_wait<until_empty<stoppable>, stoppable> {
 public:
  static constexpr auto waits_for = detail::wait_kind::scope;
  explicit until_empty(async_scope& of) noexcept
      : detail::queued_wait<until_empty<stoppable>, stoppable>(of.joining_), of_(&of) {}
  [[nodiscard]] bool try_now() const noexcept { return of_->running_ == 0; }
  [[nodiscard]] bool await_resume() noexcept { return this->settle(); }

 private:
  async_scope* of_;
};

async_scope::~async_scope() { TREADLE_ASSERT(running_ == 0, running_, 0); }

void async_scope::spawn(task<> body, source_site site) {
  TREADLE_ASSERT(static_cast<bool>(body), 0, 0);
  treadle::detail::admission admitted(pool_->core());
  if (admitted.error()) throw std::system_error(admitted.error(), "treadle::coro::async_scope::spawn");
  auto* const made = new child(*this, std::move(body), site);
  {
    const detail::brief_guard exclusive(joining_.lock);
    ++running_;
  }
  if (!stops_.add(*made)) static_cast<void>(made->request_stop());
  detail::flow::start(*made, admitted);
}

void async_scope::request_stop() noexcept {
  batch woken;
  stops_.request(woken);
  detail::flow::wake_all(woken);
}

void async_scope::one_ended(child& over) noexcept {
  stops_.remove(over);
  std::exception_ptr error = over.take_error();
  if (error != nullptr && over.stop_requested() && detail::says_cancelled(error)) error = nullptr;
  const bool failed = error != nullptr;
  if (failed) {
    {
      const detail::brief_guard exclusive(joining_.lock);
      if (failure_ == nullptr) failure_ = std::move(error);
    }
    request_stop();
  }
  error = nullptr;
  delete &over;
  batch woken;
  {
    const detail::brief_guard exclusive(joining_.lock);
    bool must_wake = false;
    if (--running_ == 0) {
      while (detail::waiter* const next = detail::take_waiter(joining_.waiting, must_wake)) {
        if (must_wake) woken.push(next->wait->waiting());
      }
    }
  }  // LAST TOUCH of the scope
  detail::flow::wake_all(woken);
}

std::exception_ptr async_scope::take_failure() noexcept {
  const detail::brief_guard exclusive(joining_.lock);
  return std::exchange(failure_, nullptr);
}

task<> async_scope::join() {
  if (!co_await until_empty<true>(*this)) {
    request_stop();
    static_cast<void>(co_await until_empty<false>(*this));
  }
  if (const std::exception_ptr failed = take_failure()) std::rethrow_exception(failed);
}

}  // namespace treadle::coro
