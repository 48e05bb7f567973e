#include "epoll_driver.hpp"

#include "../os/io/epoll.hpp"

#include <treadle/assert.hpp>
#include <treadle/coro/detail/flow.hpp>
#include <treadle/errc.hpp>
#include <treadle/thread_pool.hpp>

#include <bit>
#include <memory>
#include <new>
#include <utility>

namespace treadle::io::detail {

namespace os = treadle::detail::os;
using coro::detail::brief_guard;
using treadle::detail::internal_task;

namespace {

std::error_code system_error_of(int negated) noexcept { return {-negated, std::system_category()}; }

constexpr std::uint64_t key_of(std::uint32_t index, std::uint32_t generation) noexcept {
  return std::uint64_t{generation & 0x7fffffff} << 32 | index;
}

constexpr std::uint32_t bit_of(direction which) noexcept { return 1u << static_cast<std::uint32_t>(which); }
static_assert(bit_of(direction::in) == os::readable && bit_of(direction::out) == os::writable);

}  // namespace

epoll_driver::~epoll_driver() {
  if (bell_ >= 0) os::close_descriptor(bell_);
  if (epoll_ >= 0) os::close_descriptor(epoll_);
  for (const auto& chunk : chunk_) delete[] chunk.load(std::memory_order_relaxed);
}

std::error_code epoll_driver::open() noexcept {
  epoll_ = os::make_epoll();
  if (epoll_ < 0) return system_error_of(epoll_);
  bell_ = os::make_bell(epoll_);
  return bell_ < 0 ? system_error_of(bell_) : std::error_code{};
}

// ---- places --------------------------------------------------------------------------------------------------------

watched& epoll_driver::place(std::uint32_t index) noexcept {
  const auto chunk = static_cast<std::uint32_t>(std::bit_width(index / first_chunk + 1)) - 1;
  const std::uint32_t begin = first_chunk * ((1u << chunk) - 1);
  return chunk_[chunk].load(std::memory_order_acquire)[index - begin];  // E-PLACE
}

bool epoll_driver::grow() noexcept {
  const auto chunk = static_cast<std::uint32_t>(std::bit_width(made_ / first_chunk + 1)) - 1;
  if (chunk == chunks) return false;
  const std::uint32_t count = first_chunk << chunk;
  auto* const made = new (std::nothrow) watched[count];
  if (made == nullptr) return false;
  for (std::uint32_t i = 0; i < count; ++i) {
    made[i].driver_ = this;
    made[i].index_ = made_ + i;
    made[i].next_free_ = i + 1 < count ? &made[i + 1] : free_;
  }
  free_ = made;
  made_ += count;
  chunk_[chunk].store(made, std::memory_order_release);  // E-PLACE
  return true;
}

watched* epoll_driver::acquire() noexcept {
  const brief_guard exclusive(lock_);
  if (free_ == nullptr && !grow()) return nullptr;
  watched* const taken = std::exchange(free_, free_->next_free_);
  for (side& each : taken->sides_) each.ended.store(closed_, std::memory_order_relaxed);
  taken->doubt_short_reads();
  taken->note_receive(0, false);
  return taken;
}

void epoll_driver::release(watched& over, int descriptor) noexcept {
  // A child of fork() shares the parent's epoll instance, and its locks may be held by threads that it does not have.
  if (pool_.is_inherited()) return;
  if (over.watched_for_.load(std::memory_order_relaxed) != 0) {
    if (descriptor >= 0) os::unwatch_descriptor(epoll_, descriptor);
    pool_.remove_source();
  }
  over.watched_for_.store(0, std::memory_order_relaxed);
  if (feed* const abandoned = over.fed_by()) {
    over.feed_.store(nullptr, std::memory_order_relaxed);
    abandoned->abandon();
  }
  // Events of before that a worker still holds are strangers from now on.
  over.generation_.fetch_add(1, std::memory_order_relaxed);
  const brief_guard exclusive(lock_);
  over.next_free_ = std::exchange(free_, &over);
}

/// With no thread to be had, whoever waits for a coroutine looks into the driver of the pool that it is on. For what is
/// no coroutine nobody does.
bool epoll_driver::nobody_would_look() const noexcept {
  const coro::detail::flow* const waiting = coro::detail::current_flow();
  return pool_.sync().look().total() == 0 && (waiting == nullptr || &waiting->pool() != &pool_);
}

std::error_code epoll_driver::watch(watched& place, int descriptor, direction which) noexcept {
  if (pool_.is_inherited()) return errc::inherited_by_fork;
  if (place.is_watched(which)) return {};
  const brief_guard exclusive(place.lock_);
  const std::uint32_t before = place.watched_for_.load(std::memory_order_relaxed);
  const std::uint32_t wanted = before | bit_of(which);
  if (wanted == before) return {};
  const bool again = before != 0;
  if (!again) {
    if (const std::error_code refused = pool_.admit_source()) return refused;
    if (nobody_would_look()) {
      pool_.remove_source();
      return std::make_error_code(std::errc::resource_unavailable_try_again);
    }
  }
  const std::uint32_t what = wanted | (place.trusts_short_reads_.load(std::memory_order_relaxed) ? os::unusual : 0);
  const int failed = os::watch_descriptor(
      epoll_, descriptor, what, key_of(place.index_, place.generation_.load(std::memory_order_relaxed)), again);
  if (failed != 0) {
    if (!again) pool_.remove_source();
    return system_error_of(failed);
  }
  place.watched_for_.store(wanted, std::memory_order_relaxed);
  for (side& each : place.sides_) each.number.store(static_cast<std::uint32_t>(descriptor), std::memory_order_relaxed);
  return {};
}

// ---- the driver ----------------------------------------------------------------------------------------------------

void epoll_driver::wait(std::int64_t deadline_ns, poll_batch& into) noexcept {
  os::wait_for_events(epoll_, deadline_ns, into);
  rings_.sift(into);
}

void epoll_driver::ring() noexcept { os::ring_bell(bell_); }

void epoll_driver::wake_all(side& waited_at, batch& woken) noexcept {
  const brief_guard exclusive(waited_at.lock);
  waited_at.edges.store(waited_at.edges.load(std::memory_order_relaxed) + 1, std::memory_order_release);  // E-EDGE
  bool must_wake = false;
  while (coro::detail::waiter* const next = coro::detail::take_waiter(waited_at.waiting, must_wake)) {
    if (must_wake) woken.push(next->wait->waiting());
  }
}

void epoll_driver::count_edge(watched& place, direction which, batch& woken) noexcept {
  wake_all(place.at(which), woken);
}

void epoll_driver::deliver(poll_batch& from, ready_row& ready) noexcept {
  batch woken;
  std::size_t by_rings = 0;
  for (std::uint32_t i = 0; i < from.count; ++i) {
    const poll_batch::entry& each = from.entries[i];
    if (ring_table::is_key(each.key)) {
      const std::size_t before = woken.size();
      rings_.take(each.key, woken);
      by_rings += woken.size() - before;
      continue;
    }
    const auto index = static_cast<std::uint32_t>(each.key);
    watched& told = place(index);
    // One that is closed right now may see an edge too many: whoever waits there next tries once more.
    if (key_of(index, told.generation_.load(std::memory_order_relaxed)) != each.key) continue;
    if ((each.what & os::unusual) != 0) told.doubt_short_reads();  // before the edge is counted: E-EDGE
    if ((each.what & os::readable) != 0) wake_all(told.at(direction::in), woken);
    if ((each.what & os::writable) != 0) wake_all(told.at(direction::out), woken);
  }
  from.count = 0;
  while (task* const each = woken.pop()) {
    auto& waiting = *static_cast<coro::detail::wakeable*>(each);
    if (&waiting.pool() == &pool_) {
      ready.push_back(waiting);
    } else {
      coro::detail::wakeable::wake(waiting);
    }
  }
  // What several go on with, they do in a row: what they begin is given to the kernel behind it.
  const std::size_t worker = by_rings > 1 ? own_index() : this_worker::npos;
  worker_ring* const own = worker != this_worker::npos ? rings_.at(static_cast<std::uint32_t>(worker)) : nullptr;
  if (internal_task* const last = own != nullptr ? own->gather() : nullptr) ready.push_back(*last);
}

void epoll_driver::close(std::int64_t deadline_ns) noexcept {
  batch woken;
  std::uint32_t made = 0;
  {
    const brief_guard exclusive(lock_);
    closed_ = true;
    made = made_;
  }
  for (std::uint32_t i = 0; i < made; ++i) {
    for (side& each : place(i).sides_) {
      each.ended.store(true, std::memory_order_relaxed);  // seen by who locks the side after us
      wake_all(each, woken);
    }
  }
  coro::detail::wakeable::wake_all(woken);
  rings_.close(deadline_ns);
}

// ---- what descriptors call -----------------------------------------------------------------------------------------

std::error_code watched::wait::await_resume() noexcept {
  if (!settle()) return errc::cancelled;
  return of_->ended.load(std::memory_order_relaxed) ? errc::shut_down : std::error_code{};
}

std::error_code watched::watch(int descriptor, direction which) noexcept {
  return driver_->watch(*this, descriptor, which);
}

result<epoll_driver*> driver_of(pool_core& pool) noexcept {
  if (pool.is_inherited()) return errc::inherited_by_fork;
  if (pool.driver() == nullptr) {
    std::unique_ptr<epoll_driver> made(new (std::nothrow) epoll_driver(pool));
    if (made == nullptr) return errc::out_of_memory;
    if (const std::error_code failed = made->open()) return failed;
    if (pool.adopt_driver(*made)) static_cast<void>(made.release());
  }
  return static_cast<epoll_driver*>(pool.driver());
}

result<watched*> acquire_watched(thread_pool& pool) noexcept {
  const result<epoll_driver*> driver = driver_of(pool.core());
  if (!driver) return driver.error();
  watched* const taken = (*driver)->acquire();
  if (taken == nullptr) return errc::out_of_memory;
  return taken;
}

void release_watched(watched& over, int descriptor) noexcept { over.driver_->release(over, descriptor); }

}  // namespace treadle::io::detail
