#include "../os/probes.hpp"
#include "context.hpp"
#include "wait_names.hpp"

#include <treadle/detail/pool_core.hpp>

#include <bit>
#include <new>

namespace treadle::detail {

namespace {

constexpr std::uint32_t default_entries = 1'024, traced_entries = 65'536, most_entries = 1u << 20, fewest_entries = 16;
/// Of a list of tasks that is queued at once, each is noted up to so many; else the first, and how many there are.
constexpr std::size_t most_noted = 32;

using entry = flight_recorder::ring::entry;

/// A record and the entries of its recorder are one piece of memory.
constexpr std::size_t entries_at = (sizeof(pool_record) + alignof(entry) - 1) / alignof(entry) * alignof(entry);

}  // namespace

std::size_t pool_core::choose_recorder_capacity() const noexcept {
  std::uint32_t wanted = config_.recorder_entries;
  if (traced_ && (wanted < traced_entries || wanted == pool_config::no_recorder)) wanted = traced_entries;
  if (wanted == 0) wanted = default_entries;
  if (!keeps_records || wanted == pool_config::no_recorder) return 0;
  if (wanted > most_entries) wanted = most_entries;
  return std::bit_ceil(wanted < fewest_entries ? fewest_entries : wanted);
}

pool_core::record* pool_core::make_record(std::uint32_t index) noexcept {
  const std::size_t capacity = recorder_capacity_;
  void* const room =
      ::operator new (entries_at + capacity * sizeof(entry), std::align_val_t{alignof(pool_record)}, std::nothrow);
  if (room == nullptr) return nullptr;
  auto* const made = ::new (room) pool_record(*face_, index, config_.profiler.any() ? &config_.profiler : nullptr);
  if (capacity == 0) return made;
  auto* const entries = reinterpret_cast<entry*>(static_cast<std::byte*>(room) + entries_at);
  for (std::size_t i = 0; i < capacity; ++i) ::new (static_cast<void*>(entries + i)) entry;
  made->flight.adopt(entries, capacity);
  return made;
}

void pool_core::drop_record(record* unused) noexcept {
  if (unused == nullptr) return;
  static_cast<pool_record*>(unused)->~pool_record();  // an entry has nothing to destroy
  ::operator delete (static_cast<void*>(unused), std::align_val_t{alignof(pool_record)});
}

void pool_core::note_schedule_of_list(record* worker, const task* first, std::size_t count, site_word site) noexcept {
  if (!keeps_records) return;
  const auto from = [&](const task& queued) { return (site.is_known() ? site : site_of(queued)).word(); };
  if (worker == nullptr) {
    const std::uint64_t now = clock_ticks();
    context().outside.looked(now);
    return note_outside({flight_kind::schedule, first, count}, from(*first), now);
  }
  const auto note = [&](const task& queued, std::size_t tasks) {
    flight_of(*worker).note({flight_kind::schedule, &queued, tasks}, from(queued));
  };
  if (count > most_noted) return note(*first, count);
  for (std::size_t i = 0; i < count; ++i) {
    note(*first, 1);
    first = queue::pointer(first->next.load(std::memory_order_relaxed));
  }
}

void pool_core::note_outside(flight_word what, std::uint64_t detail, std::uint64_t ticks) noexcept {
  if (!keeps_records || !is_started()) return;
  // Whoever finds another at it leaves no note: nobody is held up.
  if (outside_taken_.exchange(1, std::memory_order_acquire) != 0) return;  // E-OUTSIDE
  outside_.note_at(ticks, what, detail);
  outside_taken_.store(0, std::memory_order_release);  // E-OUTSIDE
}

void pool_core::note_exposed(record& worker, std::size_t forks) noexcept {
  os::probe::expose(worker.index, forks);
  flight_of(worker).note_now({flight_kind::expose, nullptr, forks}, 0);
}

void pool_core::note_stolen(record& thief, std::uint32_t victim, std::size_t tasks) noexcept {
  os::probe::steal(thief.index, victim, tasks);
  flight_of(thief).note_now({flight_kind::steal, nullptr, tasks}, victim);
}

void pool_core::note_search(record& worker) noexcept {
  os::probe::search(worker.index);
  flight_of(worker).note_now({flight_kind::search, nullptr}, 0);
}

void pool_core::note_parked(record& worker) noexcept {
  const park_reason why = worker.polls                     ? park_reason::io
                          : worker.keeps_until_ns != never ? park_reason::timer
                                                           : park_reason::no_work;
  os::probe::park(worker.index, static_cast<std::uint32_t>(why));
  flight_of(worker).note_now({flight_kind::park, nullptr, static_cast<std::uint64_t>(why)}, 0);
  tell_profiler(worker, [&](const profiler_hooks& told) {
    if (told.park != nullptr) told.park(told.context, worker.index);
  });
}

void pool_core::note_up(record& worker) noexcept {
  os::probe::up(worker.index);
  flight_of(worker).note_change({flight_kind::up, nullptr}, 0);
  tell_profiler(worker, [&](const profiler_hooks& told) {
    if (told.unpark != nullptr) told.unpark(told.context, worker.index);
  });
}

void pool_core::note_begun(record& worker) noexcept {
  os::probe::up(worker.index);
  flight_of(worker).note_change({flight_kind::up, nullptr}, 0);
  tell_profiler(worker, [&](const profiler_hooks& told) {
    if (told.thread_begin != nullptr) told.thread_begin(told.context, worker.index);
  });
}

void pool_core::note_gone(record& worker) noexcept {
  tell_profiler(worker, [&](const profiler_hooks& told) {
    if (told.thread_end != nullptr) told.thread_end(told.context, worker.index);
  });
  os::probe::gone(worker.index);
  flight_of(worker).note_now({flight_kind::gone, nullptr}, 0);
}

void pool_core::note_blocked(record& worker, wait_kind why, site_word what) noexcept {
  const char* const kind = name_of(why).data();  // the names are literals, and end with 0
  os::probe::blocked(worker.index, kind, what.word());
  flight_of(worker).note_now({flight_kind::blocked, nullptr, static_cast<std::uint64_t>(why)}, what.word());
  tell_profiler(worker, [&](const profiler_hooks& told) {
    if (told.blocking_begin != nullptr) told.blocking_begin(told.context, worker.index, kind);
  });
}

void pool_core::note_unblocked(record& worker) noexcept {
  tell_profiler(worker, [&](const profiler_hooks& told) {
    if (told.blocking_end != nullptr) told.blocking_end(told.context, worker.index);
  });
  os::probe::unblocked(worker.index);
  flight_of(worker).note_now({flight_kind::unblocked, nullptr}, 0);
}

void pool_core::note_due(record& worker, const task& due) noexcept {
  os::probe::timer(worker.index, &due);
  flight_of(worker).note_now({flight_kind::timer, &due}, 0);
}

void pool_core::note_wake(std::uint32_t worker, std::uint64_t ticks) noexcept {
  os::probe::wake(worker);
  if (!keeps_records) return;
  const thread_context& here = context();
  const flight_word what(flight_kind::wake, nullptr);
  if (here.pool == this && here.record != nullptr) {
    flight_of(*here.record).note_at(ticks, what, worker);
  } else {
    note_outside(what, worker, ticks);
  }
}

void pool_core::note_ready(record& worker, const task_row<task>& ready) noexcept {
  if ((!keeps_records && !os::probe::are_built) || ready.count == 0) return;
  const task* each = ready.first;
  for (std::size_t i = 0; i < ready.count; ++i) {
    os::probe::io_end(worker.index, each);
    const flight_word what(flight_kind::io_end, each);
    i == 0 ? flight_of(worker).note_now(what, 0) : flight_of(worker).note(what, 0);
    each = each->next.load(std::memory_order_relaxed);
  }
}

void pool_core::note_io_begin(const task& waiting, std::uint64_t descriptor) noexcept {
  os::probe::io_begin(&waiting, descriptor);
  if (!keeps_records) return;
  record* const worker = context().record;
  if (worker != nullptr) flight_of(*worker).note({flight_kind::io_begin, &waiting}, descriptor);
}

}  // namespace treadle::detail
