#include "feed.hpp"

#include "../os/io/epoll.hpp"
#include "epoll_driver.hpp"

#include <cerrno>
#include <new>
#include <utility>

namespace treadle::io::detail {

using treadle::detail::brief_guard;

feed::~feed() {
  if (items_ != few_) delete[] items_;
}

feed* feed::of(watched& place, kind what) noexcept {
  feed* known = place.fed_by();
  if (known != nullptr) return known;
  auto* const made = new (std::nothrow) feed(place, what);
  if (made == nullptr) return nullptr;
  // E-FEED: who finds it finds it made.
  if (place.feed_.compare_exchange_strong(known, made, std::memory_order_acq_rel, std::memory_order_acquire)) {
    return made;
  }
  delete made;
  return known;
}

// ---- who takes -----------------------------------------------------------------------------------------------------

feed::answer feed::take(item& got) noexcept {
  const brief_guard exclusive(lock_);
  if (count_ != 0) {
    got = items_[first_];
    first_ = (first_ + 1) % room_;
    --count_;
    return answer::taken;
  }
  if (started_ && !starting_ && !lost_some_) return answer::coming;
  got.value = lost_some_ ? -ENOMEM : std::exchange(why_, 0);
  return answer::resting;
}

bool feed::start(int descriptor, std::uint32_t most_ahead) noexcept {
  epoll_driver& driver = place_.driver();
  worker_ring* const own = driver.own_ring();
  if (own == nullptr || (what_ == kind::bytes && !own->has_buffers_to_choose())) return false;
  {
    const brief_guard exclusive(lock_);
    if (starting_ || lost_some_) return false;
    if (started_ || count_ != 0) return true;
    started_ = starting_ = true;
    on_ = own;
    most_ahead_ = most_ahead;
  }
  // For who looks what is stuck: the place need not be watched.
  place_.at(direction::in).number.store(static_cast<std::uint32_t>(descriptor), std::memory_order_relaxed);
  const os::ring_call call = what_ == kind::bytes ? os::ring_call::receive_many : os::ring_call::accept_many;
  batch woken;
  const bool begun = driver.begin(*this, {call, descriptor, nullptr, 0, 0});
  {
    const brief_guard exclusive(lock_);
    starting_ = false;
    started_ = started_ && begun;
  }
  if (begun) own->take(woken);  // what was there already
  coro::detail::wakeable::wake_all(woken);
  return begun;
}

void feed::give_back(worker_ring& from, std::int32_t buffer) noexcept {
  from.give_buffer(static_cast<std::uint32_t>(buffer));
}

// ---- what comes ----------------------------------------------------------------------------------------------------

bool feed::grow() noexcept {
  auto* const more = new (std::nothrow) item[room_ * 2];
  if (more == nullptr) return false;
  for (std::uint32_t i = 0; i < count_; ++i) more[i] = items_[(first_ + i) % room_];
  if (items_ != few_) delete[] items_;
  items_ = more;
  first_ = 0;
  room_ *= 2;
  return true;
}

void feed::drop(item dropped) noexcept {
  if (dropped.buffer >= 0) on_->give_buffer(static_cast<std::uint32_t>(dropped.buffer));
  if (what_ == kind::connections) os::close_descriptor(dropped.value);
}

/// A connection for which there is no memory is ended. Bytes are not left out: then nothing comes any more.
void feed::keep(const os::ring_answer& from) noexcept {
  const item made{from.result, from.buffer};
  if (abandoned_ || lost_some_ || (count_ == room_ && !grow())) {
    lost_some_ = lost_some_ || (!abandoned_ && what_ == kind::bytes);
    drop(made);
    return;
  }
  items_[(first_ + count_) % room_] = made;
  ++count_;
}

bool feed::arrived(const os::ring_answer& from, batch& woken) noexcept {
  bool stops = false, is_gone = false, was_abandoned = false;
  {
    const brief_guard exclusive(lock_);
    if (from.buffer >= 0) on_->note_chosen();
    if (from.result >= 0) {
      keep(from);
    } else if (from.buffer >= 0) {
      on_->give_buffer(static_cast<std::uint32_t>(from.buffer));
    }
    if (from.more) {
      stops = !stopping_ && (count_ >= most_ahead_ || lost_some_);
      stopping_ = stopping_ || stops;
    } else {
      const bool by_us = stopping_ && from.result == -ECANCELED;
      why_ = from.result < 0 && !by_us ? from.result : 0;
      started_ = stopping_ = false;
      is_gone = abandoned_;
    }
    was_abandoned = abandoned_;
  }
  // If the place is given back just now, it sees an edge too many.
  if (!was_abandoned) epoll_driver::count_edge(place_, direction::in, woken);
  if (is_gone) delete this;
  return stops;
}

void feed::abandon() noexcept {
  worker_ring* on = nullptr;
  const auto key = worker_ring::key_of(*this);
  {
    const brief_guard exclusive(lock_);
    abandoned_ = true;
    for (; count_ != 0; --count_) drop(items_[std::exchange(first_, (first_ + 1) % room_)]);
    if (started_) on = on_;
  }
  if (on == nullptr) {
    delete this;
  } else {
    on->cancel(key);  // by its key: it may be gone already
  }
}

}  // namespace treadle::io::detail
