#pragma once

#include <treadle/config.hpp>
#include <treadle/detail/site_word.hpp>
#include <treadle/source_site.hpp>
#include <treadle/task.hpp>

namespace treadle::detail {

struct internal_task;

/// Runs an internal_task. The one callback of all tasks that the pool makes, so that a cancel can tell them from the
/// user's.
TREADLE_EXPORT void run_internal(task* made) noexcept;

/// A task that the pool has made: it knows how to run and how to end unrun.
struct internal_task : task {
  struct operations {
    void (*run)(internal_task*) noexcept;
    bool (*cancel)(internal_task*) noexcept;  ///< returns false if the task had been run aside from its queue entry
  };

  internal_task(const operations& ops, source_site scheduled_at) noexcept
      : internal_task(ops, site_word::of(scheduled_at)) {}
  internal_task(const operations& ops, site_word scheduled_at) noexcept
      : task(&run_internal), operations_of(&ops), site(scheduled_at) {}

  const operations* operations_of;
  site_word site;
  bool holds_place = false;  ///< in a strand's queue, and counted against `max_queued` until it is taken out
};

}  // namespace treadle::detail
