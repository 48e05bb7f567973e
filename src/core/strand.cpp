#include "context.hpp"

#include <treadle/detail/task_queue.hpp>
#include <treadle/strand.hpp>

#include <atomic>
#include <cstdint>

namespace treadle::detail {

/// A queue of posted tasks and the one task of the pool that runs them. Who raises `pending` from zero queues that
/// task; it goes on until it has brought `pending` back to zero.
class strand_core final : public internal_task {
 public:
  explicit strand_core(thread_pool& pool) noexcept : internal_task(ops, {}), pool_(pool) {}

  [[nodiscard]] pool_core& pool() const noexcept { return pool_.core(); }

  void push(internal_task& made, admission& admitted) noexcept {
    // Counted before it can be taken, so that the count never falls below what is left. E-STRAND: whoever runs next
    // sees what ran before.
    const bool idle = pending_.fetch_add(1, std::memory_order_acq_rel) == 0;  // E-STRAND
    // The pool's task takes the place of the first one.
    made.holds_place = !idle && admitted.take_place();
    static_cast<void>(posted_.push(&made, &made, true));
    if (!idle) return;
    add_owner();
    admitted.push(*this);
  }

  void add_owner() noexcept { owners_.fetch_add(1, std::memory_order_relaxed); }
  void drop_owner() noexcept {
    if (owners_.fetch_sub(1, std::memory_order_acq_rel) == 1) delete this;  // E-STRAND
  }

 private:
  /// Tasks that one turn runs at most, so that the pool's other work is not kept waiting.
  static constexpr std::uint32_t turn = 61;

  static void run(internal_task* made) noexcept {
    auto* const self = static_cast<strand_core*>(made);
    std::uint32_t ran = 0;
    while (ran < turn) {
      internal_task* const next = self->take();
      if (next == nullptr) break;  // all done, or its poster is about to push it
      next->operations_of->run(next);
      ++ran;
    }
    self->end_turn(ran);
  }

  /// Ends what was posted unrun: the pool is being cancelled.
  static bool cancel(internal_task* made) noexcept {
    auto* const self = static_cast<strand_core*>(made);
    std::uint32_t ended = 0;
    for (;;) {
      while (internal_task* const next = self->take()) {
        next->operations_of->cancel(next);
        ++ended;
      }
      if (self->pending_.fetch_sub(ended, std::memory_order_acq_rel) == ended) break;  // E-STRAND
      ended = 0;
      yield_thread();
    }
    self->drop_owner();
    return true;
  }

  void end_turn(std::uint32_t ran) noexcept {
    if (pending_.fetch_sub(ran, std::memory_order_acq_rel) == ran) {  // E-STRAND
      drop_owner();
      return;
    }
    // Behind the pool's other work. Refused only when cancelled: then what is left ends unrun.
    if (pool_.core().schedule(this, this, 1)) cancel(this);
  }

  internal_task* take() noexcept {
    task* taken = nullptr;
    bool more = false;
    posted_.take(1, more, [&](task* first) { taken = first; });
    auto* const oldest = static_cast<internal_task*>(taken);
    if (oldest != nullptr && oldest->holds_place) pool().taken_from_injected(1);
    return oldest;
  }

  static constexpr operations ops{&run, &cancel};

  thread_pool& pool_;
  task_queue<system_policy, task> posted_;
  std::atomic<std::uint32_t> pending_{0};
  std::atomic<std::uint32_t> owners_{1};
};

strand_handle::strand_handle(thread_pool& pool) : core_(new strand_core(pool)) {}
strand_handle::~strand_handle() { core_->drop_owner(); }
pool_core& strand_handle::pool() const noexcept { return core_->pool(); }
void strand_handle::push(internal_task& made, admission& admitted) noexcept { core_->push(made, admitted); }

}  // namespace treadle::detail
