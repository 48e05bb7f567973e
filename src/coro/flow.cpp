#include "../core/context.hpp"

#include <treadle/coro/detail/flow.hpp>
#include <treadle/coro/detail/waiter.hpp>
#include <treadle/detail/pool_core.hpp>
#include <treadle/errc.hpp>

#include <coroutine>
#include <exception>
#include <system_error>
#include <utility>

namespace treadle::coro::detail {

namespace {

/// What a thread is to coroutines.
struct thread_state {
  flow* running = nullptr;
  batch* abandoned = nullptr;  ///< flows that wait until the one that unwinds here is through
  task_locals locals;
};

constinit thread_local thread_state here{};

TREADLE_NEVER_INLINE thread_state& state() noexcept {
  asm volatile("" ::: "memory");
  return here;
}

}  // namespace

flow* current_flow() noexcept { return state().running; }

flow::flow(treadle::detail::pool_core* runs_on, end_type at_end, treadle::detail::site_word made_at) noexcept
    : wakeable(ops, runs_on, made_at), end_(at_end) {}

void flow::drive() noexcept {
  unstarted_error_ = nullptr;
  shows_nothing();
  thread_state& thread = state();
  std::coroutine_handle<> following = resume_at_;
  slot_ = &following;
  flow* const before = std::exchange(thread.running, this);
  do {
    std::exchange(following, nullptr)
        .resume();  // LAST TOUCH of the flow: another thread may have it, or nobody any more
  } while (following);
  thread.running = before;
}

void flow::run_queued(internal_task* queued) noexcept { static_cast<flow*>(queued)->drive(); }

bool flow::cancel_queued(internal_task* queued) noexcept {
  abandon(*static_cast<flow*>(queued));
  return true;
}

void flow::start(flow& made, treadle::detail::admission& admitted) noexcept {
  current_flow() != nullptr ? admitted.push_next(made) : admitted.push(made);
}

void flow::start_all(treadle::detail::pool_core& pool, batch& flows) noexcept {
  if (flows.empty()) return;
  treadle::task* last = nullptr;
  for (treadle::task& each : flows) last = &each;
  if (pool.readmit(&*flows.begin(), last, flows.size())) {
    flows.clear();
    return;
  }
  while (treadle::task* const each = flows.pop()) abandon(*static_cast<flow*>(each));
}

/// One after another, however many are refused meanwhile: the stack stays as it is.
void flow::abandon(flow& refused) noexcept {
  refused.set_abandoned();
  thread_state& thread = state();
  if (thread.abandoned != nullptr) {
    thread.abandoned->push(refused);
    return;
  }
  batch others;
  thread.abandoned = &others;
  refused.unwind();
  while (treadle::task* const each = others.pop()) static_cast<flow*>(each)->unwind();
  thread.abandoned = nullptr;
}

void flow::unwind() noexcept {
  if (unstarted_error_ == nullptr) {
    drive();
    return;
  }
  *std::exchange(unstarted_error_, nullptr) = cancelled_error();
  // Its end may hand control over to whoever waits for it.
  thread_state& thread = state();
  std::coroutine_handle<> following = nullptr;
  slot_ = &following;
  flow* const before = std::exchange(thread.running, this);
  for (std::coroutine_handle<> first = end_(*this);; first = std::exchange(following, nullptr)) {
    first.resume();
    if (!following) break;
  }
  thread.running = before;
}

std::coroutine_handle<> flow::hand_over(flow& to) noexcept {
  if (is_abandoned() || &to.pool() != &pool()) {
    wake(to);
    return std::noop_coroutine();
  }
  to.slot_ = slot_;
  to.shows_nothing();
  state().running = &to;
  return to.transfer(to.resume_at_);
}

std::exception_ptr cancelled_error() noexcept {
  return std::make_exception_ptr(
      std::system_error(make_error_code(errc::cancelled), "treadle: a coroutine was stopped"));
}

bool says_cancelled(const std::exception_ptr& error) noexcept {
  try {
    std::rethrow_exception(error);
  } catch (const std::system_error& caught) {
    return caught.code() == errc::cancelled;
  } catch (...) {
    return false;
  }
}

void throw_cancelled() {
  throw std::system_error(make_error_code(errc::cancelled), "treadle: a coroutine was stopped");
}

}  // namespace treadle::coro::detail

namespace treadle::coro::this_coro {

task_locals& locals() noexcept {
  detail::thread_state& thread = detail::state();
  return thread.running != nullptr ? thread.running->locals() : thread.locals;
}

bool stop_requested() noexcept {
  const detail::flow* const running = detail::state().running;
  return running != nullptr && running->stop_requested();
}

}  // namespace treadle::coro::this_coro
