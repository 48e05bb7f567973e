#include "context.hpp"

#include <treadle/detail/strand_queue.hpp>
#include <treadle/strand.hpp>

#include <cstdint>

namespace treadle::detail {

/// A queue of posted tasks and the one task of the pool that runs them in turns.
class strand_core final : public internal_task {
 public:
  explicit strand_core(thread_pool& pool) noexcept : internal_task(ops, site_word::of_label("<strand>")), pool_(pool) {}

  [[nodiscard]] pool_core& pool() const noexcept { return pool_.core(); }

  void push(internal_task& made, admission& admitted) noexcept {
    const bool idle = posted_.announce();
    // The pool's task takes the place of the first one.
    made.holds_place = !idle && admitted.take_place();
    posted_.push(&made);
    if (!idle) return;
    posted_.add_owner();
    admitted.push(*this);
  }

  void drop_owner() noexcept {
    if (posted_.drop_owner()) delete this;
  }

 private:
  /// Tasks that one turn runs at most, so that the pool's other work is not kept waiting.
  static constexpr std::uint32_t turn = 61;

  static void run(internal_task* made) noexcept {
    auto* const self = static_cast<strand_core*>(made);
    pool_core::record* const worker = context().record;
    std::uint32_t ran = 0;
    while (ran < turn) {
      task* const next = self->posted_.take();
      if (next == nullptr) break;  // all done, or its poster is about to push it
      internal_task* const taken = self->leaves(next);
      const shown_in_place shown(worker, *taken);
      taken->operations_of->run(taken);
      ++ran;
    }
    if (self->posted_.end_turn(ran)) return self->drop_owner();
    // Behind the pool's other work. Refused only when cancelled: then what is left ends unrun.
    if (self->pool().schedule(self, self, 1)) cancel(self);
  }

  /// Ends what was posted unrun: the pool is being cancelled.
  static bool cancel(internal_task* made) noexcept {
    auto* const self = static_cast<strand_core*>(made);
    self->posted_.sweep([self](task* next) {
      internal_task* const taken = self->leaves(next);
      taken->operations_of->cancel(taken);
    });
    self->drop_owner();
    return true;
  }

  /// A task is out of the queue, and no longer counts as queued in the pool.
  internal_task* leaves(task* taken) noexcept {
    auto* const oldest = static_cast<internal_task*>(taken);
    if (oldest->holds_place) pool().taken_from_injected(1);
    return oldest;
  }

  static constexpr operations ops{&run, &cancel};

  thread_pool& pool_;
  strand_queue<system_policy, task> posted_;
};

strand_handle::strand_handle(thread_pool& pool) : core_(new strand_core(pool)) {}
strand_handle::~strand_handle() { core_->drop_owner(); }
pool_core& strand_handle::pool() const noexcept { return core_->pool(); }
void strand_handle::push(internal_task& made, admission& admitted) noexcept { core_->push(made, admitted); }

}  // namespace treadle::detail
