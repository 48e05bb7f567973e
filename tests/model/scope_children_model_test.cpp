// Models of scope_children.hpp: every child runs once, on whoever takes it; the waiter is woken by the last, and by new
// ones; the ticket is queued whenever there is somebody to come for, and never twice; the last to let go frees all.
#include "model_test.hpp"

#include <treadle/detail/scope_children.hpp>

#include <array>

namespace {

using mc::model_policy;

struct child {
  mc::atomic<child*> next{nullptr};
  mc::plain<int> runs{0};  ///< and what the child has done, for the waiter to see
};

constexpr int max_children = 4;

/// A scope's shared part, as scope_core: made with the scope's reference, freed by the last. The pool is `queued`.
template <class P>
struct state {
  treadle::detail::scope_children<P, child> children;
  mc::plain<int> ticket{0};  ///< the ticket's own link: whoever queues or takes it has it alone
  mc::plain<int> alive{1};
};

/// What outlives the scope: the pool's queue, and the caller's storage.
struct outside {
  mc::atomic<int> queued{0};    ///< the ticket is in the pool's queue
  mc::atomic<int> finished{0};  ///< nobody spawns any more
  mc::atomic<int> blocked{0};
  std::array<child, max_children> storage;
};

template <class P>
struct scope {
  state<P>* core;
  outside* pool;

  child& at(int i) const { return pool->storage[static_cast<std::size_t>(i)]; }

  void queue_ticket() const {
    core->ticket.set(core->ticket.get() + 1);
    MC_CHECK(pool->queued.exchange(1, std::memory_order_release) == 0);
  }
  void spawn(int first, int last) const {
    for (int i = first; i < last; ++i) at(i).next.store(&at(i + 1), std::memory_order_relaxed);
    if (core->children.add(&at(first), &at(last), static_cast<std::uint32_t>(last - first + 1))) queue_ticket();
  }
  void spawn(int one) const { spawn(one, one); }

  template <class Run>
  void wait(Run&& run) const {
    core->children.wait(
        run, [this] { pool->blocked.fetch_add(1, std::memory_order_relaxed); },
        [this] { pool->blocked.fetch_sub(1, std::memory_order_relaxed); });
    MC_CHECK(pool->blocked.load(std::memory_order_relaxed) == 0);
  }
  void wait() const {
    wait([](child& taken) { taken.runs.set(taken.runs.get() + 1); });
  }
  /// The end of the scope's life. All that its children did is seen, and their storage is the caller's again.
  void end(int first, int last) const {
    for (int i = first; i <= last; ++i) MC_CHECK(at(i).runs.get() == 1);
    for (int i = first; i <= last; ++i) at(i).runs.set(100);
    let_go();
  }
  void let_go() const {
    if (core->children.release()) free();
  }
  void free() const {
    core->alive.set(0);  // what the destructor writes must come after all that others have read
    core->ticket.set(0);
    mc::destroy(core);
  }

  /// A worker of the pool: takes the ticket as often as it is queued, until nobody spawns any more.
  template <class Run>
  void work(std::uint32_t most, Run&& run) const {
    for (;;) {
      const bool over = pool->finished.load(std::memory_order_acquire) != 0;
      if (pool->queued.exchange(0, std::memory_order_acquire) == 0) {
        if (over) return;
        P::yield();
        continue;
      }
      core->ticket.set(core->ticket.get() + 1);
      const bool last = core->children.run_some(
          most,
          [&](child& taken) {
            MC_CHECK(core->alive.get() == 1);
            run(taken);
          },
          [this] { queue_ticket(); });
      if (last) free();
    }
  }
  void work(std::uint32_t most = 4) const {
    work(most, [](child& taken) { taken.runs.set(taken.runs.get() + 1); });
  }
};

model::settings settings_for(int preemptions, int stale_reads) {
  const mc::options free = {.spurious_wakes = 2, .time_outs = 1};
  mc::options bounds = free;
  bounds.spurious_wakes = 1;
  bounds.preemptions = preemptions;
  bounds.stale_reads = stale_reads;
  bounds.time_limit_ms = 2'000;
  return {bounds, free, 5'000};
}

/// The owner spawns two, one after the other, and waits; one worker has the ticket.
template <class P>
void owner_and_worker(mc::execution& x) {
  const scope<P> s{mc::make<state<P>>(), x.make<outside>()};
  x.thread([s] {
    s.spawn(0);
    s.spawn(1);
    s.wait();
    s.end(0, 1);
    s.pool->finished.exchange(1, std::memory_order_release);
  });
  x.thread([s] { s.work(); });
  x.run();
}

/// A list of three in one go, and two workers who hand the ticket to each other.
template <class P>
void list_and_two_workers(mc::execution& x) {
  const scope<P> s{mc::make<state<P>>(), x.make<outside>()};
  x.thread([s] {
    s.spawn(0, 2);
    s.wait();
    s.end(0, 2);
    s.pool->finished.exchange(1, std::memory_order_release);
  });
  for (int i = 0; i < 2; ++i) x.thread([s] { s.work(2); });
  x.run();
}

/// The owner is no worker: it sleeps and runs nothing.
template <class P>
void owner_outside(mc::execution& x) {
  const scope<P> s{mc::make<state<P>>(), x.make<outside>()};
  x.thread([s] {
    s.spawn(0);
    s.spawn(1);
    while (!s.core->children.is_done()) s.core->children.sleep(false, INT64_MAX);
    s.end(0, 1);
    s.pool->finished.exchange(1, std::memory_order_release);
  });
  x.thread([s] { s.work(); });
  x.run();
}

/// A running child spawns another; on the worker it waits for that one, which only the owner can run then, asleep or not.
template <class P>
void child_needs_the_waiter(mc::execution& x) {
  const scope<P> s{mc::make<state<P>>(), x.make<outside>()};
  auto* const second_ran = x.make<mc::atomic<int>>(0);
  const auto run = [s, second_ran](child& taken, bool waits) {
    if (&taken == &s.at(1)) {
      second_ran->exchange(1, std::memory_order_release);
    } else {
      s.spawn(1);
      while (waits && second_ran->load(std::memory_order_acquire) == 0) P::yield();
    }
    taken.runs.set(taken.runs.get() + 1);
  };
  x.thread([s, run] {
    s.spawn(0);
    s.wait([&](child& taken) { run(taken, false); });
    s.end(0, 1);
    s.pool->finished.exchange(1, std::memory_order_release);
  });
  x.thread([s, run] { s.work(1, [&](child& taken) { run(taken, true); }); });
  x.run();
}

/// The same with an owner that goes to sleep at once, without a look at the queue on the way.
template <class P>
void child_needs_the_sleeper(mc::execution& x) {
  const scope<P> s{mc::make<state<P>>(), x.make<outside>()};
  auto* const second_ran = x.make<mc::atomic<int>>(0);
  const auto count = [](child& taken) { taken.runs.set(taken.runs.get() + 1); };
  x.thread([s, count, second_ran] {
    s.spawn(0);
    while (!s.core->children.is_done()) {
      s.core->children.sleep(true, INT64_MAX);
      if (second_ran->load(std::memory_order_relaxed) == 0) {
        P::yield();  // the first is the worker's to run
      } else if (s.core->children.run_one(count)) {
        second_ran->exchange(2, std::memory_order_release);
      }
    }
    s.end(0, 1);
    s.pool->finished.exchange(1, std::memory_order_release);
  });
  x.thread([s, count, second_ran] {
    s.work(1, [&](child& taken) {
      if (&taken == &s.at(0)) {
        second_ran->exchange(1, std::memory_order_release);
        s.spawn(1);
        while (second_ran->load(std::memory_order_acquire) != 2) P::yield();
      }
      count(taken);
    });
  });
  x.run();
}

/// Two rounds on one scope: the ticket of the first may come late.
template <class P>
void used_again(mc::execution& x) {
  const scope<P> s{mc::make<state<P>>(), x.make<outside>()};
  x.thread([s] {
    s.spawn(0);
    s.wait();
    MC_CHECK(s.at(0).runs.get() == 1);
    s.spawn(1);
    s.wait();
    s.end(0, 1);
    s.pool->finished.exchange(1, std::memory_order_release);
  });
  x.thread([s] { s.work(); });
  x.run();
}

/// The pool is cancelled: the ticket ends what has not started, and a child that runs meanwhile spawns one more.
template <class P>
void ended_unrun(mc::execution& x) {
  const scope<P> s{mc::make<state<P>>(), x.make<outside>()};
  x.thread([s] {
    s.spawn(0);
    s.spawn(1);
    while (!s.core->children.is_done()) s.core->children.sleep(false, INT64_MAX);
    s.end(0, 1);
    s.pool->finished.exchange(1, std::memory_order_release);
  });
  x.thread([s] {
    for (;;) {
      const bool over = s.pool->finished.load(std::memory_order_acquire) != 0;
      if (s.pool->queued.exchange(0, std::memory_order_acquire) == 0) {
        if (over) return;
        P::yield();
        continue;
      }
      s.core->ticket.set(s.core->ticket.get() + 1);
      if (s.core->children.end_all([](child& taken) { taken.runs.set(taken.runs.get() + 1); })) s.free();
    }
  });
  x.run();
}

TREADLE_MODEL(scope_children_model, owner_and_worker, settings_for(3, 2), owner_and_worker<model_policy>)
TREADLE_MODEL(scope_children_model, list_and_two_workers, settings_for(2, 1), list_and_two_workers<model_policy>)
TREADLE_MODEL(scope_children_model, owner_outside, settings_for(3, 2), owner_outside<model_policy>)
TREADLE_MODEL(scope_children_model, child_needs_the_waiter, settings_for(3, 2), child_needs_the_waiter<model_policy>)
TREADLE_MODEL(scope_children_model, child_needs_the_sleeper, settings_for(3, 2), child_needs_the_sleeper<model_policy>)
TREADLE_MODEL(scope_children_model, used_again, settings_for(3, 2), used_again<model_policy>)
TREADLE_MODEL(scope_children_model, ended_unrun, settings_for(3, 2), ended_unrun<model_policy>)

}  // namespace
