#include "rings.hpp"

#include "../os/io/epoll.hpp"

#include <treadle/coro/detail/flow.hpp>
#include <treadle/detail/system_policy.hpp>
#include <treadle/this_worker.hpp>

#include <array>
#include <memory>
#include <new>
#include <utility>

namespace treadle::io::detail {

using treadle::detail::brief_guard;

namespace {

constexpr std::int64_t short_nap_ns = 50'000;

/// A request to stop ends what waits at a socket, so the kernel has to have it; no request reaches a disk.
bool may_be_late(os::ring_call what) noexcept {
  return what == os::ring_call::read || what == os::ring_call::write || what == os::ring_call::sync;
}

}  // namespace

// ---- one ring ------------------------------------------------------------------------------------------------------

bool worker_ring::begin(std::uint64_t key, const os::ring_request& request) noexcept {
  if (!is_source_) {
    if (pool_.admit_source(true)) return false;
    is_source_ = true;
    const brief_guard exclusive(begin_lock_);  // another thread may submit, and looks at the number
    os::own_ring(ring_);
  }
  const bool is_first = is_idle();
  if (!under_way_.begin(room_)) return false;
  batch woken;
  bool refused = false;
  {
    const brief_guard exclusive(begin_lock_);
    if (is_first) helped_.store(false, std::memory_order_relaxed);
    bool staged = os::stage_on_ring(ring_, request, key);
    if (!staged) {  // it is full
      static_cast<void>(submit(os::no_key, woken));
      staged = os::stage_on_ring(ring_, request, key);
    }
    refused = !staged;
    if (staged) {
      keys_[staged_++] = key;
      if (!gathers_ || !may_be_late(request.what)) refused = submit(key, woken);
    }
  }
  coro::detail::flow::wake_all(woken);
  if (refused) {
    under_way_.end(1);
    return false;
  }
  begun_.store(begun() + 1, std::memory_order_relaxed);
  return true;
}

/// Returns whether `own` is among those that the kernel has not taken. The others go the other way.
bool worker_ring::submit(std::uint64_t own, batch& woken) noexcept {
  const bool by_owner = this_worker::pool() == &pool_.face() && this_worker::index() == worker_;
  if (!by_owner) helped_.store(true, std::memory_order_relaxed);  // the lock orders it, and the answers after it
  submissions_.store(submissions() + 1, std::memory_order_relaxed);
  const std::uint32_t refused = os::submit_on_ring(ring_, by_owner);
  bool own_too = false;
  for (std::uint32_t i = staged_ - refused; i < staged_; ++i) {
    if (keys_[i] == own) {
      own_too = true;
      continue;
    }
    auto& left = *reinterpret_cast<operation*>(static_cast<std::uintptr_t>(keys_[i]));  // feeds are never late
    coro::detail::flow& waiting = *left.waiting;
    if (left.met.end()) woken.push(waiting);  // LAST TOUCH of the operation
    under_way_.end(1);
  }
  staged_ = 0;
  return own_too;
}

treadle::detail::internal_task* worker_ring::gather() noexcept {
  const brief_guard exclusive(begin_lock_);
  return std::exchange(gathers_, true) ? nullptr : &submits_;
}

void worker_ring::submit_gathered(bool is_last) noexcept {
  batch woken;
  {
    const brief_guard exclusive(begin_lock_);
    if (is_last) gathers_ = false;  // nobody else: as long as the task is queued, it must not be queued again
    if (staged_ != 0) static_cast<void>(submit(os::no_key, woken));
  }
  coro::detail::flow::wake_all(woken);
}

bool worker_ring::lets_go() noexcept {
  if (!is_idle()) return false;
  if (is_source_) {
    {
      const brief_guard exclusive(begin_lock_);
      os::disown_ring(ring_);
    }
    pool_.remove_source(true);
    is_source_ = false;
  }
  return true;
}

void worker_ring::take(batch& woken) noexcept {
  std::array<os::ring_answer, 64> answers;
  for (;;) {
    std::size_t count = 0;
    std::array<std::uint64_t, 64> stopped;
    std::size_t stops = 0;
    std::uint32_t ended = 0;
    {
      const brief_guard exclusive(lock_);
      count = os::take_answers(ring_, answers);
      if (count == 0) return;
      under_way_.see_begun();
      // What feeds brings has an order, which ends with the lock.
      for (std::size_t i = 0; i < count; ++i) {
        const os::ring_answer& each = answers[i];
        if ((each.key & feed_bit) == 0) continue;
        auto& fed = *reinterpret_cast<feed*>(static_cast<std::uintptr_t>(each.key - feed_bit));
        if (fed.arrived(each, woken)) stopped[stops++] = each.key;  // LAST TOUCH of the feed
        if (!each.more) ++ended;
      }
    }
    for (std::size_t i = 0; i < stops; ++i) cancel(stopped[i]);
    for (std::size_t i = 0; i < count; ++i) {
      const os::ring_answer& each = answers[i];
      if (each.key == os::no_key || (each.key & feed_bit) != 0) continue;
      ++ended;
      auto& over = *reinterpret_cast<operation*>(static_cast<std::uintptr_t>(each.key));
      over.result = each.result;
      coro::detail::flow& waiting = *over.waiting;
      if (over.met.end()) woken.push(waiting);  // LAST TOUCH of the operation
    }
    if (ended != 0) under_way_.end(ended);
  }
}

bool worker_ring::has_buffers_to_choose() noexcept {
  if (buffers_ == buffers::none) {
    buffers_ = os::open_ring_buffers(ring_) == 0 ? buffers::made : buffers::refused;
  }
  // With few left, most would come back for want of one.
  return buffers_ == buffers::made &&
         chosen_.load(std::memory_order_relaxed) <= os::facts_of_rings().shape.buffers / 4 * 3;
}

void worker_ring::give_buffer(std::uint32_t which) noexcept {
  chosen_.fetch_sub(1, std::memory_order_relaxed);
  const brief_guard exclusive(buffers_lock_);
  os::give_ring_buffer(ring_, which);
}

// ---- all of a pool -------------------------------------------------------------------------------------------------

ring_table::~ring_table() {
  cell* const cells = cells_.load(std::memory_order_relaxed);
  if (cells == nullptr) return;
  for (std::uint32_t i = 0; i < pool_.limits().limit; ++i) delete cells[i].load(std::memory_order_relaxed);
  delete[] cells;
}

worker_ring* ring_table::at(std::uint32_t worker) const noexcept {
  const cell* const cells = cells_.load(std::memory_order_acquire);                   // E-RINGS
  return cells != nullptr ? cells[worker].load(std::memory_order_acquire) : nullptr;  // E-RINGS
}

worker_ring* ring_table::make(std::uint32_t worker, int epoll) noexcept {
  const brief_guard exclusive(lock_);
  if (closed_) return nullptr;
  cell* cells = cells_.load(std::memory_order_relaxed);
  if (cells == nullptr) {
    cells = new (std::nothrow) cell[pool_.limits().limit]{};
    if (cells == nullptr) return nullptr;
    cells_.store(cells, std::memory_order_release);  // E-RINGS
  }
  os::ring* opened = nullptr;
  if (os::open_ring(opened) != 0) return nullptr;
  auto* const made = new (std::nothrow) worker_ring(*opened, pool_, worker);
  if (made == nullptr) {
    os::close_ring(opened);
    return nullptr;
  }
  if (os::watch_descriptor(epoll, os::number_of_ring(*opened), os::readable, key_bit | worker, false) != 0) {
    delete made;
    return nullptr;
  }
  cells[worker].store(made, std::memory_order_release);  // E-RINGS
  return made;
}

worker_ring* ring_table::own(std::uint32_t worker, int epoll) noexcept {
  worker_ring* const known = at(worker);
  return known != nullptr ? known : make(worker, epoll);
}

bool ring_table::lets_go(std::uint32_t worker) noexcept {
  // What this thread has given to the ring of another the kernel would give up with it.
  for (std::uint32_t i = 0; cells_.load(std::memory_order_acquire) != nullptr && i < pool_.limits().limit;  // E-RINGS
       ++i) {
    const worker_ring* const each = at(i);
    if (each != nullptr && i != worker && each->needs_others()) return false;
  }
  worker_ring* const own = at(worker);
  return own == nullptr || own->lets_go();
}

void ring_table::take(std::uint64_t key, batch& woken) noexcept {
  worker_ring* const told = at(static_cast<std::uint32_t>(key));
  if (told != nullptr) told->take(woken);
}

// The kernel tells one sleeper of an answer, and wakes the owner to make it, if that sleeps: who comes second has been
// woken for nothing, and sleeps on.
void ring_table::sift(poll_batch& arrived) noexcept {
  const std::size_t index = this_worker::pool() == &pool_.face() ? this_worker::index() : this_worker::npos;
  const worker_ring* const own = index != this_worker::npos ? at(static_cast<std::uint32_t>(index)) : nullptr;
  bool takes_own = own != nullptr && own->has_answers();
  std::uint32_t kept = 0;
  for (std::uint32_t i = 0; i < arrived.count; ++i) {
    const poll_batch::entry each = arrived.entries[i];
    if (is_key(each.key)) {
      const auto worker = static_cast<std::uint32_t>(each.key);
      const worker_ring* const told = at(worker);
      if (told == nullptr || !told->has_answers()) continue;
      if (worker == index) takes_own = false;
    }
    arrived.entries[kept++] = each;
  }
  if (takes_own && kept < poll_batch::capacity) arrived.entries[kept++] = {key_bit | index, 0};
  arrived.count = kept;
}

void ring_table::close(std::int64_t deadline_ns) noexcept {
  {
    const brief_guard exclusive(lock_);
    closed_ = true;
  }
  if (cells_.load(std::memory_order_acquire) == nullptr) return;  // E-RINGS
  for (std::uint32_t i = 0; i < pool_.limits().limit; ++i) {
    if (worker_ring* const each = at(i)) each->close();
  }
  for (std::uint32_t i = 0; i < pool_.limits().limit; ++i) {
    worker_ring* const each = at(i);
    while (each != nullptr && !each->is_idle()) {
      batch woken;
      each->submit_gathered(false);
      if (has_rings_for_sockets()) each->cancel_all();  // again, for one that was being begun
      each->take(woken);
      coro::detail::flow::wake_all(woken);
      if (each->is_idle()) break;
      if (treadle::detail::monotonic_ns() >= deadline_ns) return;
      treadle::detail::sleep_thread(short_nap_ns);
    }
  }
}

std::uint64_t ring_table::sum(std::uint64_t (worker_ring::*of)() const noexcept) const noexcept {
  std::uint64_t all = 0;
  for (std::uint32_t i = 0; cells_.load(std::memory_order_acquire) != nullptr && i < pool_.limits().limit;  // E-RINGS
       ++i) {
    if (const worker_ring* const each = at(i)) all += (each->*of)();
  }
  return all;
}

}  // namespace treadle::io::detail
