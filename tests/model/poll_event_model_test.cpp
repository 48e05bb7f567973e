// Models of poll_event.hpp and polling.hpp alone, on a simulated driver: tokens that any sleeper may take, of which none
// is lost or made twice, whatever the bell makes of two rings; and a driver that is found by who may need it.
#include "scheduler_model.hpp"

namespace {

using mc::model_policy;
using mc::with_defect;
using treadle::detail::event_result;

model::settings settings_for(int preemptions, int stale_reads) {
  return {{.preemptions = preemptions, .stale_reads = stale_reads, .weak_failures = 1, .time_limit_ms = 1'000},
          {.weak_failures = 1, .spurious_wakes = 1, .time_outs = 1},
          3'000};
}

/// The event, its driver, and what a notifier has done before.
template <class P>
struct bedroom {
  treadle::detail::poll_event<P, model::node> sleepers;
  model::simulated_driver<P> driver;
  mc::plain<int> before{0};
  mc::atomic<std::uint32_t> left{0};  ///< how many have left without a token
  mc::atomic<std::uint32_t> up{0};    ///< how many sleep no more

  event_result wait() {
    treadle::detail::poll_batch none;
    return sleepers.wait_armed(driver, INT64_MAX, none);
  }
  bool claim(bool with_grant) {
    if (!sleepers.claim(with_grant)) return false;
    driver.ring();
    return true;
  }
};

/// Two wait, two leave a token each, and both tokens are taken.
template <class P>
void two_claims_in_one_ring(mc::execution& x) {
  auto* s = x.make<bedroom<P>>();
  s->sleepers.arm();
  s->sleepers.arm();
  for (int i = 0; i < 2; ++i) {
    x.thread([s] { MC_CHECK(s->wait() == event_result::notified); });
    x.thread([s] { MC_CHECK(s->claim(false)); });
  }
  x.run();
}

/// The bell orders what comes before it; who takes a token without having heard it must see as much.
template <class P>
void taken_without_the_bell(mc::execution& x) {
  auto* s = x.make<bedroom<P>>();
  s->sleepers.arm();
  x.thread([s] {
    s->before.set(1);
    if (!s->claim(true)) s->before.set(2);  // nobody waits any more, and nobody looks
  });
  x.thread([s] {
    if (s->sleepers.disarm(s->driver, false) == event_result::granted) MC_CHECK(s->before.get() == 1);
  });
  x.run();
}

/// One who comes late takes a token that was left for another, and sees what was done before; the other waits on, and the
/// next token is for it.
template <class P>
void late_sleeper(mc::execution& x) {
  auto* s = x.make<bedroom<P>>();
  s->sleepers.arm();
  x.thread([s] { MC_CHECK(s->wait() == event_result::notified); });
  x.thread([s] {
    s->before.set(1);
    MC_CHECK(s->claim(false));
  });
  x.thread([s] {
    s->sleepers.arm();
    if (s->sleepers.disarm(s->driver, false) == event_result::timed_out) return;
    MC_CHECK(s->before.get() == 1);
    while (!s->claim(false)) P::pause();  // it owes the other that token
  });
  x.run();
  MC_CHECK(!s->sleepers.has_waiters());
}

/// A shutdown ends the waits of all, those that begin later as well, and is rung for no more often than is needed.
template <class P>
void shutdown_reaches_all(mc::execution& x) {
  auto* s = x.make<bedroom<P>>();
  s->sleepers.arm();
  s->sleepers.arm();
  for (int i = 0; i < 2; ++i) {
    x.thread([s] {
      MC_CHECK(s->wait() == event_result::shut_down);
      MC_CHECK(s->before.get() == 1);
    });
  }
  x.thread([s] {
    s->before.set(1);
    s->sleepers.shut_down(s->driver);
  });
  x.thread([s] {
    s->sleepers.arm();
    if (s->sleepers.disarm(s->driver, false) == event_result::shut_down) MC_CHECK(s->before.get() == 1);
  });
  x.run();
  MC_CHECK(!s->sleepers.has_waiters());
  MC_CHECK(!s->sleepers.claim(false));
}

/// A token that was left is taken, shutdown or not; without it, the shutdown is what the sleeper finds.
template <class P>
void token_and_shutdown(mc::execution& x) {
  auto* s = x.make<bedroom<P>>();
  auto* claimed = x.make<mc::atomic<std::uint32_t>>(0U);
  auto* taken = x.make<mc::atomic<std::uint32_t>>(0U);
  s->sleepers.arm();
  s->sleepers.arm();
  for (int i = 0; i < 2; ++i) {
    x.thread([s, taken] {
      const event_result result = s->wait();
      MC_CHECK(result == event_result::notified || result == event_result::shut_down);
      if (result == event_result::notified) taken->fetch_add(1, std::memory_order_relaxed);
    });
  }
  x.thread([s] { s->sleepers.shut_down(s->driver); });
  x.thread([s, claimed] { claimed->store(s->claim(false) ? 1 : 0, std::memory_order_relaxed); });
  x.run();
  MC_CHECK(claimed->peek() == taken->peek());
}

/// Two whose time is over while somebody claims: who leaves is not chosen, and with `stays` one remains to be.
template <class P>
void leave_against_claim(mc::execution& x) {
  auto* s = x.make<bedroom<P>>();
  s->sleepers.arm();
  s->sleepers.arm();
  for (int i = 0; i < 2; ++i) {
    x.thread([s] {
      if (s->sleepers.leave(true)) {
        s->left.fetch_add(1, std::memory_order_relaxed);
      } else {
        MC_CHECK(s->wait() == event_result::notified);
      }
      s->up.fetch_add(1, std::memory_order_relaxed);
    });
  }
  x.thread([s] {
    MC_CHECK(s->claim(false));
    while (s->up.load(std::memory_order_relaxed) < 2) {
      static_cast<void>(s->claim(false));  // for the second, if neither has left
      P::pause();
    }
  });
  x.run();
  MC_CHECK(s->left.peek() <= 1);
}

/// One who is no sleeper looks into the driver and hears the bell: it rings for whom that was meant.
template <class P>
void heard_by_a_passer_by(mc::execution& x) {
  auto* s = x.make<bedroom<P>>();
  s->sleepers.arm();
  x.thread([s] { MC_CHECK(s->wait() == event_result::notified); });
  x.thread([s] { MC_CHECK(s->claim(false)); });
  x.thread([s] {
    treadle::detail::poll_batch seen;
    s->driver.wait(INT64_MIN, seen);
    if (seen.heard_bell && s->sleepers.must_ring_again()) s->driver.ring();
  });
  x.run();
}

// ---- what a pool has of the world, without a scheduler -------------------------------------------------------------

template <class P>
struct outlook : treadle::detail::polling<P, model::node> {
  using base = treadle::detail::polling<P, model::node>;
  using base::count_source;
  using base::driver_in_use;
  using base::has_sources;
  using base::poll_;

  ~outlook() {
    if (this->driver() != nullptr) mc::destroy(&model::find_driver<P>(*this));
  }
  void watch() {
    model::find_driver<P>(*this).ring();
    count_source();
  }
};

/// Two open the first descriptors of a pool while a worker looks for some: there is one driver, seen whole.
template <class P>
void first_sources(mc::execution& x) {
  auto* o = x.make<outlook<P>>();
  x.thread([o] { o->watch(); });
  x.thread([o] { o->watch(); });
  x.thread([o] {
    if (!o->has_sources()) return;
    treadle::detail::poll_batch seen;
    o->driver_in_use().wait(INT64_MIN, seen);
  });
  x.thread([o] {  // as the end of a pool, which was told of no descriptor
    if (auto* const driver = o->driver()) o->poll_.shut_down(*driver);
  });
  x.run();
}

/// A waker may choose one who sleeps in the driver, or is about to, before it has heard of that in any other way.
template <class P>
void claimer_finds_the_driver(mc::execution& x) {
  auto* o = x.make<outlook<P>>();
  x.thread([o] { o->watch(); });
  x.thread([o] {
    if (!o->has_sources()) return;
    o->poll_.arm();
    treadle::detail::poll_batch none;
    while (o->poll_.wait_armed(o->driver_in_use(), INT64_MIN, none) == treadle::detail::event_result::timed_out) {
      if (o->poll_.leave(false)) return;
    }
  });
  x.thread([o] {
    if (o->poll_.claim(false)) o->driver_in_use().ring();
  });
  x.run();
}

TREADLE_MODEL(poll_event_model, two_claims_in_one_ring, settings_for(2, 1), two_claims_in_one_ring<model_policy>)
TREADLE_MODEL(poll_event_model, taken_without_the_bell, settings_for(mc::unlimited, 2),
              taken_without_the_bell<model_policy>)
TREADLE_MODEL(poll_event_model, late_sleeper, settings_for(3, 1), late_sleeper<model_policy>)
TREADLE_MODEL(poll_event_model, shutdown_reaches_all, settings_for(2, 1), shutdown_reaches_all<model_policy>)
TREADLE_MODEL(poll_event_model, token_and_shutdown, settings_for(2, 1), token_and_shutdown<model_policy>)
TREADLE_MODEL(poll_event_model, leave_against_claim, settings_for(2, 1), leave_against_claim<model_policy>)
TREADLE_MODEL(poll_event_model, heard_by_a_passer_by, settings_for(3, 2), heard_by_a_passer_by<model_policy>)

TREADLE_MODEL(poll_event_model, claimer_finds_the_driver, settings_for(3, 2), claimer_finds_the_driver<model_policy>)
TREADLE_MODEL(polling_model, first_sources, settings_for(2, 2), first_sources<model_policy>)

const bool bell_listed = model::list({142, "poll_event", two_claims_in_one_ring<with_defect<142>>,
                                      two_claims_in_one_ring<model_policy>, settings_for(1, 1).bounds});

}  // namespace
