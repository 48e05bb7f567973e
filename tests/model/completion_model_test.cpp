// Models of completion.hpp: exactly one runs the task, whoever waits is woken and sees what it did, however the wait
// goes, and the last of the two to let go frees it.
#include "model_test.hpp"

#include <treadle/detail/completion.hpp>

#include <array>

namespace {

using mc::model_policy;
using mc::with_defect;
constexpr std::int64_t no_deadline = INT64_MAX;

/// A future's state: made with two references, freed by the last.
template <class P>
struct state {
  treadle::detail::completion<P> word;
  mc::plain<int> result{0};
  mc::plain<int> runs{0};

  void run() {
    runs.set(runs.get() + 1);
    result.set(7);
    word.complete();
  }
  static void let_go(state* s) {
    if (!s->word.release()) return;
    s->result.set(-1);  // what the destructor writes must come after all that others have read
    mc::destroy(s);
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

/// The queue's side runs the task while the future's side sleeps for it and takes the result.
template <class P>
void run_against_wait(mc::execution& x) {
  auto* s = mc::make<state<P>>();
  x.thread([s] {
    if (s->word.claim()) s->run();
    state<P>::let_go(s);
  });
  x.thread([s] {
    MC_CHECK(s->word.wait(no_deadline));
    MC_CHECK(s->result.get() == 7 && !s->word.was_cancelled());
    state<P>::let_go(s);
  });
  x.run();
}

/// The waiter runs it itself if it is free, else it sleeps: once in all, either way.
template <class P>
void claimed_by_the_waiter(mc::execution& x) {
  auto* s = mc::make<state<P>>();
  x.thread([s] {
    if (s->word.claim()) s->run();
    state<P>::let_go(s);
  });
  x.thread([s] {
    if (s->word.claim()) {
      s->run();
    } else {
      MC_CHECK(s->word.is_claimed());
      s->word.wait(no_deadline);
    }
    MC_CHECK(s->result.get() == 7 && s->runs.get() == 1);
    state<P>::let_go(s);
  });
  x.run();
}

/// Two threads wait for one task, one of them not for ever; a third runs it. (A future has one waiter; a scope may not.)
template <class P>
void two_waiters(mc::execution& x) {
  auto* s = x.make<state<P>>();
  x.thread([s] {
    MC_CHECK(s->word.claim());
    s->run();
  });
  x.thread([s] {
    MC_CHECK(s->word.wait(no_deadline));
    MC_CHECK(s->result.get() == 7);
  });
  x.thread([s] {
    if (!s->word.wait(P::now_ns() + 1000)) MC_CHECK(s->word.wait(no_deadline));
    MC_CHECK(s->result.get() == 7);
  });
  x.run();
}

/// A waiter whose time is over looks once more, and lets go while the task runs.
template <class P>
void given_up(mc::execution& x) {
  auto* s = mc::make<state<P>>();
  x.thread([s] {
    if (s->word.claim()) s->run();
    state<P>::let_go(s);
  });
  x.thread([s] {
    if (s->word.wait(P::now_ns() + 1000)) MC_CHECK(s->result.get() == 7);
    state<P>::let_go(s);
  });
  x.run();
}

/// Nobody waits: the future looks now and then, and is dropped.
template <class P>
void polled(mc::execution& x) {
  auto* s = mc::make<state<P>>();
  x.thread([s] {
    if (s->word.claim()) s->run();
    state<P>::let_go(s);
  });
  x.thread([s] {
    for (int i = 0; i < 2; ++i) {
      if (s->word.is_done()) MC_CHECK(s->result.get() == 7);
    }
    state<P>::let_go(s);
  });
  x.run();
}

/// The pool is cancelled while the waiter claims: it runs, or it ends unrun and the waiter is told.
template <class P>
void cancel_against_claim(mc::execution& x) {
  auto* s = mc::make<state<P>>();
  x.thread([s] {
    if (s->word.claim()) {
      s->result.set(-7);
      s->word.complete_unrun();
    }
    state<P>::let_go(s);
  });
  x.thread([s] {
    const bool mine = mc::choose(2) != 0 && s->word.claim();
    if (mine) s->run();
    MC_CHECK(s->word.wait(no_deadline));
    MC_CHECK(s->word.was_cancelled() == !mine);
    MC_CHECK(s->result.get() == (mine ? 7 : -7));
    state<P>::let_go(s);
  });
  x.run();
}

/// Who finds the task claimed finds its runner counted.
template <class P>
void the_late_see_the_claimer(mc::execution& x) {
  auto* s = x.make<state<P>>();
  auto* at_work = x.make<mc::atomic<int>>(0);
  x.thread([s, at_work] {
    at_work->store(1, std::memory_order_relaxed);
    static_cast<void>(s->word.claim());
  });
  x.thread([s, at_work] {
    if (!s->word.claim()) MC_CHECK(at_work->load(std::memory_order_relaxed) == 1);
  });
  x.run();
}

/// Two others interrupt the wait, each for news of its own: the waiter sees both, however they meet.
template <class P>
void interrupted_for_news(mc::execution& x) {
  auto* s = x.make<state<P>>();
  auto* news = x.make<std::array<mc::atomic<int>, 2>>();
  for (std::size_t i = 0; i < 2; ++i) {
    x.thread([s, news, i] {
      (*news)[i].store(1, std::memory_order_relaxed);
      s->word.interrupt();
    });
  }
  x.thread([s, news] {
    while ((*news)[0].load(std::memory_order_relaxed) == 0 || (*news)[1].load(std::memory_order_relaxed) == 0) {
      MC_CHECK(!s->word.wait(no_deadline));
    }
  });
  x.run();
}

/// An interruption keeps nobody from the end.
template <class P>
void interrupted_at_the_end(mc::execution& x) {
  auto* s = x.make<state<P>>();
  x.thread([s] {
    MC_CHECK(s->word.claim());
    s->run();
  });
  x.thread([s] { s->word.interrupt(); });
  x.thread([s] {
    while (!s->word.wait(no_deadline)) {
    }
    MC_CHECK(s->result.get() == 7);
  });
  x.run();
}

TREADLE_MODEL(completion_model, interrupted_for_news, settings_for(3, 2), interrupted_for_news<model_policy>)
TREADLE_MODEL(completion_model, interrupted_at_the_end, settings_for(3, 2), interrupted_at_the_end<model_policy>)
TREADLE_MODEL(completion_model, the_late_see_the_claimer, settings_for(mc::unlimited, 2),
              the_late_see_the_claimer<model_policy>)
TREADLE_MODEL(completion_model, run_against_wait, settings_for(mc::unlimited, 2), run_against_wait<model_policy>)
TREADLE_MODEL(completion_model, claimed_by_the_waiter, settings_for(mc::unlimited, 2),
              claimed_by_the_waiter<model_policy>)
TREADLE_MODEL(completion_model, two_waiters, settings_for(3, 2), two_waiters<model_policy>)
TREADLE_MODEL(completion_model, given_up, settings_for(mc::unlimited, 2), given_up<model_policy>)
TREADLE_MODEL(completion_model, polled, settings_for(mc::unlimited, 2), polled<model_policy>)
TREADLE_MODEL(completion_model, cancel_against_claim, settings_for(mc::unlimited, 2),
              cancel_against_claim<model_policy>)

const bool faults_listed = model::list({119, "completion", run_against_wait<with_defect<119>>,
                                        run_against_wait<model_policy>, settings_for(mc::unlimited, 2).bounds});

}  // namespace
