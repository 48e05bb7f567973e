// Models of crew.hpp: every node that is ready is run once, by whoever is there, and the last to leave a closed crew
// frees it, once.
#include "model_test.hpp"

#include <treadle/detail/crew.hpp>

#include <array>
#include <cstddef>

namespace {

using mc::model_policy;

template <class P>
struct step {
  typename P::template plain<step*> ready_next{};
  typename P::template plain<unsigned> owed{};
  typename P::template plain<int> runs{0};
};
template <class P>
struct ticket {
  typename P::template plain<ticket*> next_idle{};
};

/// A graph of a first step, after which two more are ready. The pool is a word for each ticket: queued or not.
template <class P, std::size_t Steps>
struct team {
  using crew_type = treadle::detail::crew<P, step<P>, ticket<P>>;
  using orders = typename crew_type::orders;
  using list = typename crew_type::list;

  crew_type crew;
  std::array<step<P>, Steps> steps;
  std::array<ticket<P>, 2> tickets;
  std::array<mc::atomic<unsigned>, 2> queued{0U, 0U};
  mc::atomic<unsigned> over{0};

  team() {
    for (auto& each : tickets) crew.enlist(each);
  }
  void queue(ticket<P>* hired) {
    while (hired != nullptr) {
      ticket<P>* const next = hired->next_idle.get();
      queued[static_cast<std::size_t>(hired - tickets.data())].store(1, std::memory_order_release);
      hired = next;
    }
  }
  /// Returns whether the caller frees the team.
  bool work(orders now, ticket<P>* by) {
    for (;;) {
      queue(now.hired);
      if (now.ended) {
        for (auto& each : steps) MC_CHECK(each.runs.get() == 1);
        crew.end();
        over.store(1, std::memory_order_release);
        if (by == nullptr) return false;
        now = crew.take(*by, false);
        continue;
      }
      if (now.next == nullptr) return now.last_ticket;
      step<P>& running = *now.next;
      running.runs.set(running.runs.get() + 1);
      list made;
      if (&running == &steps[0]) {
        for (std::size_t i = 1; i < Steps; ++i) made.push(steps[i]);
      }
      now = crew.finish(running, made, false, by);
    }
  }
  /// A worker of the pool, which calls one ticket if it is queued before the run is over.
  static void serve(team* t, std::size_t number) {
    while (t->queued[number].load(std::memory_order_acquire) == 0) {
      if (t->over.load(std::memory_order_acquire) != 0 && t->queued[number].load(std::memory_order_acquire) == 0)
        return;
      P::yield();
    }
    if (t->work(t->crew.take(t->tickets[number], true), &t->tickets[number])) mc::destroy(t);
  }
};

model::settings settings_for(int preemptions) {
  mc::options bounds;
  bounds.preemptions = preemptions;
  bounds.stale_reads = 2;
  bounds.time_limit_ms = 3'000;
  return {bounds, {}, 3'000};
}

/// Somebody outside waits; one ticket begins, and hires the other.
template <class P>
void tickets_do_it_all(mc::execution& x) {
  using shared = team<P, 3>;
  auto* t = x.make<shared>();
  x.thread([t] {
    typename shared::list sources;
    sources.push(t->steps[0]);
    t->queue(t->crew.begin(sources, false).hired);
    while (!t->crew.is_over()) P::yield();
    for (auto& each : t->steps) MC_CHECK(each.runs.get() == 1);
  });
  x.thread([t] { shared::serve(t, 0); });
  x.thread([t] { shared::serve(t, 1); });
  x.run();
}

/// The waiter takes part, and lets go of the crew when the run is over; a ticket that was hired may come later. Freed by
/// the last of them.
template <class P>
void freed_by_the_last(mc::execution& x) {
  using shared = team<P, 2>;
  auto* t = mc::make<shared>();
  auto* next = x.make<mc::atomic<unsigned>>(0U);
  x.thread([t, next] {
    typename shared::list sources;
    sources.push(t->steps[0]);
    sources.push(t->steps[1]);
    const auto first = t->crew.begin(sources, true);
    next->store(first.hired == &t->tickets[0] ? 1U : 2U, std::memory_order_release);
    auto now = first;
    now.hired = nullptr;
    for (;;) {
      if (now.ended) {
        t->crew.end();
        break;
      }
      if (now.next == nullptr) break;
      now.next->runs.set(now.next->runs.get() + 1);
      now = t->crew.finish(*now.next, {}, false, nullptr);
    }
    while (!t->crew.is_over()) P::yield();
    for (auto& each : t->steps) MC_CHECK(each.runs.get() == 1);
    if (t->crew.close()) mc::destroy(t);
  });
  x.thread([t, next] {
    while (next->load(std::memory_order_acquire) == 0) P::yield();
    auto& mine = t->tickets[next->load(std::memory_order_relaxed) - 1];
    auto now = t->crew.take(mine, true);
    while (now.next != nullptr || now.ended) {
      if (now.ended) {
        t->crew.end();
        now = t->crew.take(mine, false);
        continue;
      }
      now.next->runs.set(now.next->runs.get() + 1);
      now = t->crew.finish(*now.next, {}, false, &mine);
    }
    if (now.last_ticket) mc::destroy(t);
  });
  x.run();
}

/// A step is made ready while it runs: it runs again after that, in one thread or the other, never in both.
template <class P>
void runs_again_after_itself(mc::execution& x) {
  using shared = team<P, 2>;
  auto* t = x.make<shared>();
  x.thread([t] {
    typename shared::list sources;
    for (auto& each : t->steps) {
      each.owed.set(1);
      sources.push(each);
    }
    static_cast<void>(t->crew.begin(sources, false));
    t->over.store(1, std::memory_order_release);
  });
  const auto work = [t] {
    while (t->over.load(std::memory_order_acquire) == 0) P::yield();
    auto now = t->crew.take();
    while (!t->crew.is_over()) {
      if (now.ended) {
        t->crew.end();
      } else if (now.next != nullptr) {
        step<P>& running = *now.next;
        running.runs.set(running.runs.get() + 1);
        if (&running == &t->steps[0]) t->crew.add_ready(t->steps[1]);
        now = t->crew.finish(running, {}, true, nullptr);
        continue;
      } else {
        P::yield();
      }
      now = t->crew.take();
    }
    MC_CHECK(t->steps[0].runs.get() == 1 && t->steps[1].runs.get() == 2);
  };
  x.thread(work);
  x.thread(work);
  x.run();
}

TREADLE_MODEL(crew_model, tickets_do_it_all, settings_for(2), tickets_do_it_all<model_policy>)
TREADLE_MODEL(crew_model, freed_by_the_last, settings_for(3), freed_by_the_last<model_policy>)
TREADLE_MODEL(crew_model, runs_again_after_itself, settings_for(2), runs_again_after_itself<model_policy>)

}  // namespace
