#pragma once

#include <treadle/config.hpp>
#include <treadle/detail/fork_stack.hpp>
#include <treadle/detail/waking.hpp>

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <utility>

namespace treadle::detail {

/// How forks come to other workers, and how their owner gets them back. A fork wakes nobody: while there are forks, one
/// of the idle workers is the lookout, who sleeps for short times and looks. docs/design/fork-stack.md.
///
/// Host gives call_branch(record, fork_node), besides what the scheduler asks of it.
template <class P, class Task, class Host>
class forking : public waking<P, Task, Host> {
  using base = waking<P, Task, Host>;

 protected:
  using base::host;
  using base::later;
  using base::limits_;
  using base::sync_;
  using base::workers_;

 public:
  using typename base::record;
  using fork = fork_node<P>;

  // ---- the owner of a fork ----------------------------------------------------------------------------------------

  /// Nothing of the worker's is shared: shares as many of its oldest forks as there are hungry workers, at least one,
  /// and sees to it that somebody looks.
  void feed(record& self) noexcept {
    want_lookout();
    const std::uint32_t hungry = hungry_.load(std::memory_order_relaxed);
    share(self, hungry == 0 ? 1 : hungry);
  }

  /// Shares all forks of the worker, which is about to do something else for a while.
  void share_all(record& self) noexcept {
    if (self.forks != nullptr && self.forks->has_private()) share(self, SIZE_MAX);
  }

  /// The worker will not fork for a while, but goes on: shares all that it has forked, if there can be anybody else.
  void show(record& self) noexcept {
    if (limits_.limit > 1) share_all(self);
  }

  /// Shows others all that they might take from this worker, and wakes one of them if there is any of it.
  void hand_over(record& self) noexcept {
    share_all(self);
    sync_.barrier();  // E-PARK
    const sync_state state = sync_.look();
    if (!state.searching() && state.can_wake(limits_.width, limits_.limit)) this->wake_if_work_is_left(1);
  }

  /// A shared fork is off the stack. If nothing is shared now, the next one will be, unless nobody could ever take it.
  void settled(record& self) noexcept {
    if (self.forks->shared_count() == 0 && limits_.limit > 1) self.forks->ask();
  }

  /// Waits until `awaited`, which somebody has stolen from this worker, is over. Until then the worker runs what that
  /// branch has forked, as long as its thief has some to spare; then it gives its slot away and sleeps.
  /// Leapfrogging, after Wagner and Calder (1993).
  void wait_for(record& self, fork& awaited) noexcept {
    for (std::uint32_t round = 0; !awaited.is_done(); ++round) {
      fork_stack<P>* const thief = awaited.thief();
      fork* const found = thief != nullptr ? thief->steal_while(*self.forks, awaited) : nullptr;
      if (found != nullptr) {
        record::bump(self.count.leapfrogs);
        run_branch(self, *found);
        round = 0;
      } else if (round < P::join_rounds) {
        for (int i = 0; i < join_pauses; ++i) P::pause();
      } else if (round < 2 * P::join_rounds) {
        P::yield();
      } else {
        host().enter_blocking(self);
        while (!awaited.is_done()) awaited.sleep();
        host().leave_blocking(self);
      }
    }
  }

  // ---- what a worker runs next ------------------------------------------------------------------------------------

  /// Says whether `self` may keep a task now: there is somebody who could be spared a wake-up, and there is room.
  [[nodiscard]] bool keeps_next(record& self) noexcept { return limits_.width > 1 && self.upcoming.has_room(); }

  /// Keeps `work` for `self`, which runs it next; `keeps_next` has just said yes. False: the pool is being cancelled.
  [[nodiscard]] bool keep_next(record& self, Task* work) noexcept {
    self.upcoming.put(*work);
    want_lookout();
    if (!P::seed_defect(150)) call_lookout();
    // Swept or stolen, if it is not there any more: accepted.
    return sync_.look_after_publish().life() < lifecycle::cancelling || self.upcoming.take() == nullptr;
  }

  // ---- blocking ---------------------------------------------------------------------------------------------------

  /// A running task is about to block: gives its slot to another worker, if there is work for one. Sections nest; the
  /// outermost counts.
  void enter_blocking(record& self) noexcept {
    share_all(self);
    if (self.blocking_depth++ != 0) return;
    record::bump(self.count.blocking_sections);
    const sync_state state = sync_.enter_blocking();
    sync_.sleeper_barrier(state, 2);
    if (!state.searching() && state.can_wake(limits_.width, limits_.limit)) this->wake_if_work_is_left(1);
  }
  /// The worker goes on at once; the next one to finish a task above the width parks.
  void leave_blocking(record& self) noexcept {
    if (--self.blocking_depth == 0) sync_.leave_blocking();
  }

 protected:
  // ---- thieves ----------------------------------------------------------------------------------------------------

  /// Takes a fork of `victim` into the worker's hands.
  bool steal_fork(record& self, record& victim) noexcept {
    if (self.forks == nullptr || victim.forks == nullptr || !victim.forks->is_ripe()) return false;
    self.stolen = victim.forks->steal(*self.forks);
    return self.stolen != nullptr;
  }

  /// Takes what `victim` was to run next.
  [[nodiscard]] Task* steal_next(record& self, record& victim) noexcept {
    Task* const taken = victim.upcoming.is_ripe() ? victim.upcoming.steal() : nullptr;
    if (taken == nullptr) return nullptr;
    record::bump(self.count.steals);
    record::bump(self.count.stolen);
    host().note_stolen(self, victim.index, 1);
    return taken;
  }

  /// Runs the fork that the worker has stolen.
  void run_stolen(record& self) noexcept {
    fork& taken = *self.stolen;
    self.stolen = nullptr;
    record::bump(self.count.forks_stolen);
    self.become(activity::in_branch);
    run_branch(self, taken);
    self.become(activity::awake);
  }

  /// Evidence that a worker has looked everywhere and found nothing, for as long as it goes on looking.
  class hunger {
   public:
    explicit hunger(forking& pool) noexcept
        : pool_(pool), counts_(pool.forks_are_used_.load(std::memory_order_relaxed) != 0) {
      if (counts_) pool_.hungry_.fetch_add(1, std::memory_order_relaxed);
    }
    ~hunger() {
      if (counts_) pool_.hungry_.fetch_sub(1, std::memory_order_relaxed);
    }
    hunger(const hunger&) = delete;
    hunger& operator=(const hunger&) = delete;

   private:
    forking& pool_;
    const bool counts_;
  };

  // ---- the lookout ------------------------------------------------------------------------------------------------

  /// Makes a parked worker the lookout, if one is needed and there is none: a fork that was not ripe a moment ago stays
  /// for somebody to look at.
  void become_lookout(record& self) noexcept {
    if (lookout_.load(std::memory_order_relaxed) != 0) return;
    if (forks_are_used_.load(std::memory_order_relaxed) == 0 && !this->any_offers()) return;
    // Relaxed: the exchange settles who has the post, and what the lookout looks at it looks at again.
    if (lookout_.exchange(1, std::memory_order_relaxed) != 0) return;
    self.nap_ns = shortest_nap_ns;
    self.looks_in_vain = 0;
  }

  /// Gives the post up. Whoever shares a fork from now on wakes somebody; what was shared before is seen after this.
  void leave_lookout(record& self) noexcept {
    if (std::exchange(self.nap_ns, 0) == 0) return;
    lookout_.exchange(0, std::memory_order_relaxed);
    sync_.barrier();  // E-LOOKOUT
  }

  /// One look: says whether there is a fork to take. When the post is given up, any fork counts: nobody else will look.
  [[nodiscard]] bool look_out(record& self) noexcept {
    if (ripe_offers()) return true;
    self.nap_ns = self.nap_ns < longest_nap_ns ? self.nap_ns * 2 : longest_nap_ns;
    const bool in_vain = forks_are_used_.exchange(0, std::memory_order_relaxed) == 0;
    self.looks_in_vain = in_vain ? self.looks_in_vain + 1 : 0;
    if (self.looks_in_vain < P::lookout_patience && !sync_.look().quiet()) return false;
    leave_lookout(self);
    return this->any_offers();
  }

 private:
  void share(record& self, std::size_t most) noexcept {
    const std::size_t count = self.forks->share(most);
    if (count == 0) return;
    record::bump(self.count.forks_exposed, count);
    host().note_exposed(self, count);
    call_lookout();
  }

  /// Relaxed: a hint that there should be a lookout. Who misses it still sees what there is to see.
  void want_lookout() noexcept {
    if (forks_are_used_.load(std::memory_order_relaxed) == 0) forks_are_used_.exchange(1, std::memory_order_relaxed);
  }

  /// Something was offered that nobody is woken for: sees to it that somebody looks.
  void call_lookout() noexcept {
    if (lookout_.load(std::memory_order_seq_cst) != 0) return;  // E-LOOKOUT
    const sync_state state = sync_.look_after_publish();
    if (!state.searching() && state.can_wake(limits_.width, limits_.limit)) this->notify(1);
  }

  void run_branch(record& self, fork& taken) noexcept {
    host().call_branch(self, taken);
    fork::finish(&taken);  // LAST TOUCH
  }

  [[nodiscard]] bool ripe_offers() const noexcept {
    const std::uint32_t count = workers_.count();
    for (std::uint32_t i = 0; i < count; ++i) {
      const record* const victim = workers_.at(i);
      if (victim != nullptr && victim->offers_something_ripe()) return true;
    }
    return false;
  }

  static constexpr std::int64_t shortest_nap_ns = 100'000, longest_nap_ns = 1'000'000;
  static constexpr int join_pauses = 8;

  alignas(TREADLE_CACHE_LINE) typename P::template atomic<std::uint32_t> forks_are_used_{0};
  typename P::template atomic<std::uint32_t> lookout_{0};
  typename P::template atomic<std::uint32_t> hungry_{0};
};

}  // namespace treadle::detail
