#include <treadle/blocking.hpp>
#include <treadle/detail/context.hpp>
#include <treadle/detail/pipeline_core.hpp>
#include <treadle/errc.hpp>
#include <treadle/thread_pool.hpp>

#include <algorithm>
#include <new>
#include <system_error>
#include <utility>

namespace treadle::detail {

pipeline_core::pipeline_core(std::size_t tokens, std::vector<stage_kind> kinds, const stop_token* stop)
    : kinds_(std::move(kinds)), stop_(stop), tokens_(std::max<std::size_t>(tokens, 1)), gates_(kinds_.size()) {
  for (std::size_t stage = 0; stage != kinds_.size(); ++stage) {
    if (kinds_[stage] != stage_kind::parallel) gates_[stage].waiting.assign(tokens_.size(), none);
  }
  free_.reserve(tokens_.size());
  ready_.reserve(tokens_.size());
  for (std::size_t token = tokens_.size(); token != 0; --token) free_.push_back(token - 1);
}

pipeline_core::~pipeline_core() = default;

void pipeline_core::run(worker& self) {
  most_lines_ = std::min<std::size_t>(tokens_.size(), self.pool().worker_limit());
  std::unique_lock<std::mutex> lock(mutex_);
  work(lock, self.pool());
  --lines_;
  if (!is_over()) {
    // What is left is in other workers' hands, and none of it waits for this one.
    lock.unlock();
    blocking([&] {
      std::unique_lock<std::mutex> waiting(mutex_);
      over_.wait(waiting, [this] { return is_over(); });
    });
    lock.lock();
  }
  if (error_ != nullptr) std::rethrow_exception(std::exchange(error_, nullptr));
  if (was_stopped_)
    throw std::system_error(make_error_code(errc::cancelled), "treadle::pipeline: a stop was requested");
}

/// What another worker does for the pipeline. It may start when all is over: then it finds nothing.
void pipeline_core::line() noexcept {
  std::unique_lock<std::mutex> lock(mutex_);
  work(lock, current_worker().pool());
  --lines_;
}

/// Carries tokens as long as there is one to carry. Whoever ends a step ends it here, so that nothing is left behind.
void pipeline_core::work(std::unique_lock<std::mutex>& lock, thread_pool& pool) noexcept {
  for (;;) {
    std::size_t token;
    if (!ready_.empty()) {
      token = ready_.back();
      ready_.pop_back();
    } else if (can_pull()) {
      token = pull_next(lock, pool);
    } else {
      break;
    }
    if (token != none) carry(lock, pool, token);
  }
  if (is_over()) over_.notify_all();
}

bool pipeline_core::can_pull() {
  if (is_pulling_ || has_ended_ || free_.empty()) return false;
  if (stop_ != nullptr && stop_->stop_requested()) {
    was_stopped_ = has_ended_ = true;
    return false;
  }
  return true;
}

std::size_t pipeline_core::pull_next(std::unique_lock<std::mutex>& lock, thread_pool& pool) noexcept {
  const std::size_t token = free_.back();
  free_.pop_back();
  is_pulling_ = true;
  unlock_and_hand_on(lock, pool);
  bool is_filled = false;
  try {
    is_filled = pull(token);
    lock.lock();
  } catch (...) {
    lock.lock();
    fail();
  }
  is_pulling_ = false;
  if (!is_filled) {
    has_ended_ = true;
    free_.push_back(token);
    return none;
  }
  tokens_[token] = {.number = pulled_++};
  ++in_flight_;
  return token;
}

/// Takes a token as far as it gets: to the end, or to a gate where it must wait. There the one before it finds it.
void pipeline_core::carry(std::unique_lock<std::mutex>& lock, thread_pool& pool, std::size_t token) noexcept {
  token_state& state = tokens_[token];
  while (state.stage != kinds_.size()) {
    if (!state.is_inside && !enter(token)) return;
    const std::size_t entered = state.stage;
    std::size_t stage = entered;
    if (!state.is_empty) {
      unlock_and_hand_on(lock, pool);
      try {
        do {
          step(stage, token);
          ++stage;
        } while (stage != kinds_.size() && kinds_[stage] == stage_kind::parallel &&
                 kinds_[entered] == stage_kind::parallel);
        lock.lock();
      } catch (...) {
        lock.lock();
        fail();
        state.is_empty = true;
        stage = entered + 1;
      }
    } else {
      ++stage;
    }
    state.stage = stage;
    state.is_inside = false;
    leave(entered);
  }
  free_.push_back(token);
  --in_flight_;
}

/// Lets a token into its stage, or leaves it at the gate.
bool pipeline_core::enter(std::size_t token) {
  token_state& state = tokens_[token];
  const stage_kind kind = kinds_[state.stage];
  if (kind == stage_kind::parallel) return true;
  gate& at = gates_[state.stage];
  const std::uint64_t place = kind == stage_kind::in_order ? state.number : at.arrived++;
  if (!at.busy && place == at.next) {
    at.busy = true;
    return true;
  }
  at.waiting[place % tokens_.size()] = token;
  return false;
}

/// A token has left a stage: lets the next one in, if it is there.
void pipeline_core::leave(std::size_t stage) {
  if (kinds_[stage] == stage_kind::parallel) return;
  gate& at = gates_[stage];
  at.busy = false;
  const std::size_t next = std::exchange(at.waiting[++at.next % tokens_.size()], none);
  if (next == none) return;
  at.busy = true;
  tokens_[next].is_inside = true;
  ready_.push_back(next);
}

/// Before a stage or the source runs: if there is work left, another worker may come for it.
void pipeline_core::unlock_and_hand_on(std::unique_lock<std::mutex>& lock, thread_pool& pool) noexcept {
  const bool hands_on = lines_ < most_lines_ && (!ready_.empty() || can_pull());
  if (hands_on) ++lines_;
  lock.unlock();
  if (!hands_on) return;
  // A pool that refuses, or that has no memory, makes the pipeline slower, and nothing else: who is here goes on.
  bool is_queued = false;
  try {
    is_queued = !pool.post([self = shared_from_this()] { self->line(); });
  } catch (const std::bad_alloc&) {
    is_queued = false;
  }
  if (is_queued) return;
  const std::lock_guard<std::mutex> again(mutex_);
  --lines_;
}

/// Keeps the first exception, and ends the source.
void pipeline_core::fail() noexcept {
  if (error_ == nullptr) error_ = std::current_exception();
  has_ended_ = true;
}

}  // namespace treadle::detail
