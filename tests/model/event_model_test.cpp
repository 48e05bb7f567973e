// Models of event.hpp: no token and no shutdown is missed, whoever sleeps, comes late or gives up.
#include "model_test.hpp"

#include <treadle/detail/event.hpp>

#include <array>

namespace {

using mc::model_policy;
using mc::with_defect;
using treadle::detail::event;
using treadle::detail::event_result;
constexpr std::int64_t no_deadline = INT64_MAX;

template <class P>
struct state {
  event<P> wake_up;
  mc::plain<int> payload{0};
  mc::plain<int> other{0};
  event_result results[3] = {};
  int tokens_left = 0;
};

bool has_token(event_result result) { return result == event_result::notified || result == event_result::granted; }

model::settings settings_for(int preemptions, int stale_reads) {
  const mc::options free = {.weak_failures = 1, .spurious_wakes = 1, .time_outs = 1};
  mc::options bounds = free;
  bounds.preemptions = preemptions;
  bounds.stale_reads = stale_reads;
  bounds.time_limit_ms = 3'000;
  return {bounds, free};
}

/// One waits, one notifies: the waiter gets the token and sees what was done before.
template <class P>
void one_token(mc::execution& x) {
  auto* s = x.make<state<P>>();
  x.thread([s] {
    MC_CHECK(s->wake_up.wait(no_deadline) == event_result::notified);
    MC_CHECK(s->payload.get() == 1);
  });
  x.thread([s] {
    s->payload.set(1);
    s->wake_up.notify();
  });
  x.run();
}

/// The wait has a deadline: a token that it misses is still there for the next wait.
template <class P>
void token_against_deadline(mc::execution& x) {
  auto* s = x.make<state<P>>();
  x.thread([s] {
    if (s->wake_up.wait(P::now_ns() + 1000) == event_result::timed_out) {
      MC_CHECK(s->wake_up.wait(no_deadline) == event_result::notified);
    }
    MC_CHECK(s->payload.get() == 1);
  });
  x.thread([s] {
    s->payload.set(1);
    s->wake_up.notify();
  });
  x.run();
}

/// One waits until it has seen what two have done, who each leave a token after it.
template <class P>
void two_notifiers(mc::execution& x) {
  auto* s = x.make<state<P>>();
  auto* done = x.make<std::array<mc::atomic<int>, 2>>();
  x.thread([s, done] {
    while ((*done)[0].load(std::memory_order_relaxed) + (*done)[1].load(std::memory_order_relaxed) != 2) {
      s->wake_up.wait(no_deadline);
    }
  });
  for (std::size_t i = 0; i < 2; ++i) {
    x.thread([s, done, i] {
      (*done)[i].store(1, std::memory_order_relaxed);
      s->wake_up.notify();
    });
  }
  x.run();
}

/// Two sleep, one token and a shutdown come: all end, and the token is not lost on the way.
template <class P>
void token_and_shutdown(mc::execution& x) {
  auto* s = x.make<state<P>>();
  for (int i = 0; i < 2; ++i) {
    x.thread([s, i] {
      s->results[i] = s->wake_up.wait(no_deadline);
      MC_CHECK((has_token(s->results[i]) ? s->payload.get() : s->other.get()) == 1);
    });
  }
  x.thread([s] {
    s->payload.set(1);
    s->wake_up.notify();
  });
  x.thread([s] {
    s->other.set(1);
    s->wake_up.shut_down();
  });
  x.run();
  MC_CHECK(!has_token(s->results[0]) || !has_token(s->results[1]));
  MC_CHECK(s->wake_up.wait(no_deadline) != event_result::timed_out);  // a late comer does not sleep
}

/// One passes by and takes the token, the others sleep: the shutdown after it reaches them.
template <class P>
void shutdown_reaches_all(mc::execution& x) {
  auto* s = x.make<state<P>>();
  for (int i = 0; i < 2; ++i) {
    x.thread([s] { s->wake_up.wait(no_deadline); });
  }
  x.thread([s] {
    s->wake_up.notify();
    s->wake_up.wait(no_deadline);
  });
  x.thread([s] { s->wake_up.shut_down(); });
  x.run();
}

/// Whoever wins a claim has exactly one waiter woken by it; a waiter that nobody claims is not.
template <class P>
void claims(mc::execution& x) {
  auto* s = x.make<state<P>>();
  auto* won = x.make<std::array<int, 2>>();
  x.thread([s] {
    s->wake_up.arm();
    s->results[0] = s->wake_up.wait_armed(P::now_ns() + 1000);
    if (s->results[0] == event_result::timed_out) s->results[0] = s->wake_up.disarm();
    if (has_token(s->results[0])) {
      MC_CHECK((s->results[0] == event_result::granted ? s->other.get() : s->payload.get()) == 1);
    }
  });
  x.thread([s, won] {
    s->payload.set(1);
    (*won)[0] = s->wake_up.claim(false) ? 1 : 0;
  });
  x.thread([s, won] {
    s->other.set(1);
    (*won)[1] = s->wake_up.claim(true) ? 1 : 0;
  });
  x.run();
  MC_CHECK((*won)[0] + (*won)[1] == (has_token(s->results[0]) ? 1 : 0));
  MC_CHECK((*won)[1] == (s->results[0] == event_result::granted ? 1 : 0));
}

/// A claim and a shutdown: the claim that won counts, even though the waiter leaves for the shutdown.
template <class P>
void claim_against_shutdown(mc::execution& x) {
  auto* s = x.make<state<P>>();
  auto* won = x.make<int>(0);
  x.thread([s] {
    s->wake_up.arm();
    s->results[0] = s->wake_up.wait_armed(no_deadline);
  });
  x.thread([s, won] { *won = s->wake_up.claim(true) ? 1 : 0; });
  x.thread([s] { s->wake_up.shut_down(); });
  x.run();
  MC_CHECK(s->results[0] == (*won != 0 ? event_result::granted : event_result::shut_down));
}

/// The owner frees the event as soon as its wait is over: the notifier must not touch it any more.
template <class P>
void freed_after_the_wait(mc::execution& x) {
  auto* wake_up = mc::make<event<P>>();
  x.thread([wake_up] {
    if (wake_up->wait(no_deadline) == event_result::notified) mc::destroy(wake_up);
  });
  x.thread([wake_up] { wake_up->notify(); });
  x.run();
}

TREADLE_MODEL(event_model, one_token, settings_for(mc::unlimited, 2), one_token<model_policy>)
TREADLE_MODEL(event_model, token_against_deadline, settings_for(3, 2), token_against_deadline<model_policy>)
TREADLE_MODEL(event_model, two_notifiers, settings_for(2, 2), two_notifiers<model_policy>)
TREADLE_MODEL(event_model, token_and_shutdown, settings_for(2, 1), token_and_shutdown<model_policy>)
TREADLE_MODEL(event_model, shutdown_reaches_all, settings_for(2, 1), shutdown_reaches_all<model_policy>)
TREADLE_MODEL(event_model, claims, settings_for(3, 1), claims<model_policy>)
TREADLE_MODEL(event_model, claim_against_shutdown, settings_for(3, 1), claim_against_shutdown<model_policy>)
TREADLE_MODEL(event_model, freed_after_the_wait, settings_for(mc::unlimited, 2), freed_after_the_wait<model_policy>)

const bool faults_listed = model::list({6, "event", token_and_shutdown<with_defect<6>>,
                                        token_and_shutdown<model_policy>, settings_for(2, 1).bounds}) &&
                           model::list({7, "event", token_and_shutdown<with_defect<7>>,
                                        token_and_shutdown<model_policy>, settings_for(2, 1).bounds});

}  // namespace
