#include "context.hpp"

#include <treadle/assert.hpp>
#include <treadle/checkpoint.hpp>
#include <treadle/detail/branch.hpp>
#include <treadle/thread_pool.hpp>

namespace treadle::detail {

namespace {

/// Returns the record of a worker; null for a caller who stands in for one, where nothing is ever forked.
pool_core::record* record_of(worker& self) noexcept {
  return self.index() != worker::npos ? self.pool().core().workers().at(static_cast<std::uint32_t>(self.index()))
                                      : nullptr;
}

}  // namespace

fork_cell* fork_slowly(worker& self, any_branch& forked) noexcept {
  TREADLE_DEBUG_ASSERT(context().self == &self, self.index(), 0);
  pool_core::record* const record = record_of(self);
  if (record == nullptr) return nullptr;
  bool must_share = false;
  fork_cell* const place = self.forks().push_slowly(forked, must_share);
  if (must_share) self.pool().core().feed(*record);
  return place;
}

bool join_slowly(worker& self, fork_cell* place, any_branch& forked) noexcept {
  if (place == nullptr) return true;  // it was never pushed
  pool_core& pool = self.pool().core();
  pool_core::record& record = *record_of(self);
  if (self.forks().take_back(place)) {
    pool.taken_back(record);
    return true;
  }
  pool.wait_for(record, forked);
  self.forks().close(place);
  return false;
}

void pool_core::call_branch(record& thief, fork_node<system_policy>& taken) noexcept {
  auto& branch = static_cast<any_branch&>(taken);
  branch.call(branch, static_cast<pool_record&>(thief).self);
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
