#include "places.hpp"

#include <treadle/errc.hpp>

#include <algorithm>
#include <system_error>

namespace treadle::http::detail {

void place::release() noexcept {
  if (of_ == nullptr) return;
  const std::shared_ptr<places> of = std::move(of_);
  of->give_back(*static_cast<places::host_queue*>(std::exchange(host_, nullptr)));
}

places::places(unsigned most, unsigned most_per_host) noexcept
    : most_(std::max(1u, most)), most_per_host_(most_per_host) {}

coro::task<place> places::acquire(std::string host) {
  const std::shared_ptr<places> self = shared_from_this();
  std::shared_ptr<ticket> mine;
  host_queue* at = nullptr;
  {
    const std::lock_guard<std::mutex> exclusive(mutex_);
    if (is_closed_) throw std::system_error(treadle::errc::cancelled, "treadle::http: the client has ended");
    host_queue& queue = queue_of(std::move(host));
    at = &queue;
    // Nobody waits who may start: so nobody is overtaken.
    if (started_ < most_ && queue.first == nullptr && has_room(queue)) {
      start_now(queue);
    } else {
      try {
        mine = std::make_shared<ticket>();
      } catch (...) {
        forget_if_unused(queue);
        throw;
      }
      mine->number = next_number_++;
      link(queue, mine);
      update(queue);
    }
  }
  if (mine == nullptr) co_return place(self, at);
  try {
    co_await mine->called.wait();
  } catch (...) {
    if (leave(*mine)) place(self, at).release();
    throw;
  }
  if (!mine->has_place) throw std::system_error(treadle::errc::cancelled, "treadle::http: the client has ended");
  co_return place(self, at);
}

void places::set_most(unsigned most) noexcept {
  std::shared_ptr<ticket> called;
  {
    const std::lock_guard<std::mutex> exclusive(mutex_);
    most_ = std::max(1u, most);
    called = call_next();
  }
  wake(std::move(called));
}

void places::set_most_per_host(unsigned most) noexcept {
  std::shared_ptr<ticket> called;
  {
    const std::lock_guard<std::mutex> exclusive(mutex_);
    most_per_host_ = most;
    for (auto& [name, each] : hosts_) update(each);
    called = call_next();
  }
  wake(std::move(called));
}

void places::close() noexcept {
  std::shared_ptr<ticket> called;
  {
    const std::lock_guard<std::mutex> exclusive(mutex_);
    is_closed_ = true;
    for (auto each = hosts_.begin(); each != hosts_.end();) {
      host_queue& queue = each->second;
      while (queue.first != nullptr) {
        std::shared_ptr<ticket> ended = unlink(*queue.first);
        ended->next = std::move(called);
        called = std::move(ended);
      }
      update(queue);
      each = queue.started == 0 ? hosts_.erase(each) : std::next(each);
    }
  }
  wake(std::move(called));
}

std::size_t places::started() noexcept {
  const std::lock_guard<std::mutex> exclusive(mutex_);
  return started_;
}

std::size_t places::waiting() noexcept {
  const std::lock_guard<std::mutex> exclusive(mutex_);
  return waiting_;
}

// ---- with the mutex held -------------------------------------------------------------------------------------------

places::host_queue& places::queue_of(std::string host) {
  const auto [entry, is_new] = hosts_.try_emplace(std::move(host));
  host_queue& made = entry->second;
  if (!is_new) return made;
  try {
    made.name = &entry->first;
    turns single;
    single.emplace(0, &made);
    made.spare = single.extract(single.begin());
  } catch (...) {
    hosts_.erase(entry);
    throw;
  }
  return made;
}

bool places::has_room(const host_queue& of) const noexcept {
  return most_per_host_ == 0 || of.started < most_per_host_;
}

void places::start_now(host_queue& of) noexcept {
  ++started_;
  ++of.started;
}

void places::link(host_queue& to, std::shared_ptr<ticket> added) noexcept {
  ++waiting_;
  ticket* const raw = added.get();
  raw->of = &to;
  raw->before = to.last;
  (to.last != nullptr ? to.last->next : to.first) = std::move(added);
  to.last = raw;
}

std::shared_ptr<places::ticket> places::unlink(ticket& from) noexcept {
  --waiting_;
  host_queue& queue = *from.of;
  std::shared_ptr<ticket>& link = from.before != nullptr ? from.before->next : queue.first;
  std::shared_ptr<ticket> taken = std::move(link);
  (taken->next != nullptr ? taken->next->before : queue.last) = from.before;
  link = std::move(taken->next);
  taken->of = nullptr;
  taken->before = nullptr;
  return taken;
}

/// Enters a host that has room and somebody who waits at the place of that one's number, and takes out any other.
void places::update(host_queue& changed) noexcept {
  if (changed.is_eligible) {
    changed.spare = eligible_.extract(changed.entry);
    changed.is_eligible = false;
  }
  if (changed.first == nullptr || !has_room(changed)) return;
  changed.spare.key() = changed.first->number;
  changed.entry = eligible_.insert(std::move(changed.spare)).position;
  changed.is_eligible = true;
}

/// Gives places to those who may start, and returns them, in their order.
std::shared_ptr<places::ticket> places::call_next() noexcept {
  std::shared_ptr<ticket> first;
  std::shared_ptr<ticket>* end = &first;
  while (started_ < most_ && !eligible_.empty()) {
    host_queue& queue = *eligible_.begin()->second;
    *end = unlink(*queue.first);
    (*end)->has_place = true;
    end = &(*end)->next;
    start_now(queue);
    update(queue);
  }
  return first;
}

void places::forget_if_unused(host_queue& changed) noexcept {
  if (changed.started == 0 && changed.first == nullptr) hosts_.erase(hosts_.find(*changed.name));
}

// ---- with it let go ------------------------------------------------------------------------------------------------

void places::wake(std::shared_ptr<ticket> called) noexcept {
  while (called != nullptr) {
    const std::shared_ptr<ticket> each = std::move(called);
    called = std::move(each->next);
    each->called.set();
  }
}

void places::give_back(host_queue& of) noexcept {
  std::shared_ptr<ticket> called;
  {
    const std::lock_guard<std::mutex> exclusive(mutex_);
    --started_;
    --of.started;
    update(of);
    called = call_next();
    forget_if_unused(of);
  }
  wake(std::move(called));
}

/// Somebody was asked to stop while waiting. Returns whether it was called just then, and has a place.
bool places::leave(ticket& mine) noexcept {
  std::shared_ptr<ticket> taken;
  const std::lock_guard<std::mutex> exclusive(mutex_);
  if (mine.of == nullptr) return mine.has_place;
  host_queue& queue = *mine.of;
  taken = unlink(mine);
  update(queue);
  forget_if_unused(queue);
  return false;
}

}  // namespace treadle::http::detail
