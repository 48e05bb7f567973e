#include "context.hpp"

#include <treadle/assert.hpp>
#include <treadle/checkpoint.hpp>
#include <treadle/detail/branch.hpp>
#include <treadle/thread_pool.hpp>

namespace treadle::detail {

namespace {

/// Returns the record of a worker; null for a caller who stands in for one, where nothing is ever shared.
pool_core::record* record_of(worker& self) noexcept {
  return self.index() != worker::npos ? self.pool().core().workers().at(static_cast<std::uint32_t>(self.index()))
                                      : nullptr;
}

}  // namespace

void share_forks(worker& self) noexcept {
  TREADLE_DEBUG_ASSERT(context().self == &self, self.index(), 0);
  if (!self.forks().takes_request()) return;
  pool_core::record* const record = record_of(self);
  if (record != nullptr) self.pool().core().feed(*record);
}

void show_forks(worker& self) noexcept {
  if (!self.forks().has_private()) return;
  pool_core::record* const record = record_of(self);
  if (record != nullptr) self.pool().core().show(*record);
}

bool join_shared(worker& self, any_branch& forked) noexcept {
  pool_core& pool = self.pool().core();
  pool_core::record& record = *record_of(self);
  const bool mine = self.forks().take_back(forked);
  if (!mine) {
    const shown_link shown(&record, &forked, wait_kind::fork, {});
    pool.wait_for(record, forked);
    self.forks().close(forked);
  }
  pool.settled(record);
  return mine;
}

void pool_core::call_branch(record& thief, fork_node<system_policy>& taken) noexcept {
  auto& branch = static_cast<any_branch&>(taken);
  auto& worker = static_cast<pool_record&>(thief);
  const site_word site = site_word::of_label("<fork>");
  os::probe::enter(worker.index, &taken, site.word());
  worker.flight.note_now({flight_kind::enter, &taken}, site.word());
  tell_task_begins(worker, &taken, site);
  thread_context& here = context();
  const branch_frame frame{&taken, here.innermost_branch};
  here.innermost_branch = &frame;
  branch.call(branch, worker.self);
  context().innermost_branch = frame.below;
  tell_task_ends(worker);
  os::probe::leave(worker.index);
  worker.flight.note_now({flight_kind::leave, nullptr}, 0);
}

}  // namespace treadle::detail

namespace treadle {

void checkpoint() noexcept {
  const detail::thread_context& here = detail::context();
  if (here.record != nullptr) here.pool->hand_over(*here.record);
}

std::size_t run_ready() noexcept {
  const detail::thread_context& here = detail::context();
  if (here.record == nullptr) return 0;
  here.pool->hand_over(*here.record);
  return here.pool->run_ready_tasks(*here.record);
}

}  // namespace treadle
