// Models of timer_wheel.hpp: between a cancel or a move and the expiry exactly one wins, also while the timer goes elsewhere;
// whoever wins sees what the armer did, and the loser touches the timer no more.
#include "model_test.hpp"

#include <treadle/detail/timer_wheel.hpp>

namespace {

using mc::model_policy;
using mc::with_defect;
using treadle::detail::arming;
using treadle::detail::timer_wheel;
constexpr std::size_t no_bound = SIZE_MAX;
constexpr std::int64_t soon = 1, later = 1'000'000;

template <class P>
struct state {
  timer_wheel<P> here;
  timer_wheel<P> there;
  typename timer_wheel<P>::node timer;
  mc::plain<int> payload{0};
  mc::atomic<int> won{0};

  void arm(timer_wheel<P>& in, int value) {
    payload.set(value);
    MC_CHECK(in.arm(timer, soon) != arming::refused);
  }
  /// Returns how many it expired.
  std::size_t expire(timer_wheel<P>& in) {
    return in.expire(later, no_bound, [this](auto&) {
      payload.set(payload.get() + 1);
      won.fetch_add(1, std::memory_order_relaxed);
    });
  }
  bool cancel() {
    if (!timer_wheel<P>::cancel(timer)) return false;
    payload.set(payload.get() + 1);
    won.fetch_add(1, std::memory_order_relaxed);
    return true;
  }
};

model::settings settings_for(int preemptions, int stale_reads) {
  const mc::options free = {.spurious_wakes = 2};
  mc::options bounds = free;
  bounds.spurious_wakes = 1;
  bounds.preemptions = preemptions;
  bounds.stale_reads = stale_reads;
  bounds.time_limit_ms = 2'000;
  return {bounds, free, 5'000};
}

/// An expiry and two cancels of one timer.
template <class P>
void cancel_against_expiry(mc::execution& x) {
  auto* s = x.make<state<P>>();
  s->arm(s->here, 7);
  x.thread([s] { s->expire(s->here); });
  x.thread([s] { s->cancel(); });
  x.thread([s] { s->cancel(); });
  x.run();
  MC_CHECK(s->won.peek() == 1 && s->payload.get() == 8);
  MC_CHECK(s->here.next_ns() == timer_wheel<P>::never);
}

/// The armer arms while another looks for what is due: seen now or later, once.
template <class P>
void arm_against_expiry(mc::execution& x) {
  auto* s = x.make<state<P>>();
  x.thread([s] { s->arm(s->here, 7); });
  x.thread([s] { s->expire(s->here); });
  x.run();
  s->expire(s->here);
  MC_CHECK(s->won.peek() == 1 && s->payload.get() == 8);
}

/// The armer takes its timer back and arms it in another wheel, while somebody cancels it and both wheels expire: what was
/// armed twice is won twice.
template <class P>
void moved_against_cancel(mc::execution& x) {
  auto* s = x.make<state<P>>();
  auto* armed = x.make<mc::atomic<int>>(1);
  s->arm(s->here, 7);
  x.thread([s, armed] {
    if (!s->cancel()) return;
    armed->fetch_add(1, std::memory_order_relaxed);
    s->arm(s->there, 20);
  });
  x.thread([s] { s->expire(s->here); });
  x.thread([s] { s->cancel(); });
  x.run();
  s->expire(s->there);
  MC_CHECK(s->won.peek() == armed->peek());
  MC_CHECK(s->here.next_ns() == timer_wheel<P>::never && s->there.next_ns() == timer_wheel<P>::never);
}

/// The wheel is closed while a timer is armed and another cancelled: refused or handed back, never both or neither.
template <class P>
void close_against_arm(mc::execution& x) {
  auto* s = x.make<state<P>>();
  auto* refused = x.make<mc::atomic<int>>(0);
  x.thread([s, refused] {
    s->payload.set(7);
    if (s->here.arm(s->timer, later) == arming::refused) refused->fetch_add(1, std::memory_order_relaxed);
  });
  x.thread([s] {
    s->here.close([s](auto&) {
      MC_CHECK(s->payload.get() == 7);
      s->won.fetch_add(1, std::memory_order_relaxed);
    });
  });
  x.run();
  MC_CHECK(s->won.peek() + refused->peek() == 1);
}

/// Two expire; who wins frees the timer, and the other touches it no more.
template <class P>
void freed_by_the_winner(mc::execution& x) {
  auto* s = x.make<state<P>>();
  auto* timer = mc::make<typename timer_wheel<P>::node>();
  MC_CHECK(s->here.arm(*timer, soon) == arming::first);
  x.thread([s] { s->here.expire(later, no_bound, [](auto& expired) { mc::destroy(&expired); }); });
  x.thread([s] { s->here.expire(later, no_bound, [](auto& expired) { mc::destroy(&expired); }); });
  x.run();
  MC_CHECK(s->here.next_ns() == timer_wheel<P>::never);
}

/// The armer has only just made the wheel: who finds the timer there finds the wheel whole.
template <class P>
void cancel_against_the_first_arm(mc::execution& x) {
  auto* s = x.make<state<P>>();
  auto* made = x.make<mc::plain<timer_wheel<P>*>>(nullptr);
  x.thread([s, made] {
    made->set(mc::make<timer_wheel<P>>());
    s->arm(*made->get(), 7);
  });
  x.thread([s] { s->cancel(); });
  x.run();
  if (s->won.peek() == 0) s->expire(*made->get());
  MC_CHECK(s->won.peek() == 1 && s->payload.get() == 8);
  mc::destroy(made->get());
}

/// A timer is moved beyond the look of one that expires: moved in time, and it expires at the next look, or not.
template <class P>
void rearm_against_expiry(mc::execution& x) {
  auto* s = x.make<state<P>>();
  auto* moved = x.make<mc::atomic<int>>(0);
  s->arm(s->here, 7);
  x.thread([s] { s->expire(s->here); });
  x.thread([s, moved] {
    if (timer_wheel<P>::rearm(s->timer, 2 * later) != arming::refused) moved->fetch_add(1, std::memory_order_relaxed);
  });
  x.run();
  MC_CHECK(s->won.peek() == 1 - moved->peek());
  s->here.expire(3 * later, no_bound, [s](auto&) { s->won.fetch_add(1, std::memory_order_relaxed); });
  MC_CHECK(s->won.peek() == 1 && s->here.next_ns() == timer_wheel<P>::never);
}

/// The timer goes to another wheel while it is moved: it is moved in the wheel in which it lies.
template <class P>
void rearm_against_another_wheel(mc::execution& x) {
  auto* s = x.make<state<P>>();
  s->arm(s->here, 7);
  x.thread([s] {
    if (s->cancel()) s->arm(s->there, 20);
  });
  x.thread([s] { static_cast<void>(timer_wheel<P>::rearm(s->timer, soon)); });
  x.thread([s] { s->expire(s->there); });
  x.run();
  s->expire(s->here);
  s->expire(s->there);
  MC_CHECK(s->won.peek() == 2);
  MC_CHECK(s->here.next_ns() == timer_wheel<P>::never && s->there.next_ns() == timer_wheel<P>::never);
}

/// As cancel_against_the_first_arm.
template <class P>
void rearm_against_the_first_arm(mc::execution& x) {
  auto* s = x.make<state<P>>();
  auto* made = x.make<mc::plain<timer_wheel<P>*>>(nullptr);
  x.thread([s, made] {
    made->set(mc::make<timer_wheel<P>>());
    s->arm(*made->get(), 7);
  });
  x.thread([s] { static_cast<void>(timer_wheel<P>::rearm(s->timer, 2)); });
  x.run();
  s->expire(*made->get());
  MC_CHECK(s->won.peek() == 1 && s->payload.get() == 8);
  mc::destroy(made->get());
}

TREADLE_MODEL(timer_wheel_model, rearm_against_expiry, settings_for(mc::unlimited, 2),
              rearm_against_expiry<model_policy>)
TREADLE_MODEL(timer_wheel_model, rearm_against_another_wheel, settings_for(3, 1),
              rearm_against_another_wheel<model_policy>)
TREADLE_MODEL(timer_wheel_model, rearm_against_the_first_arm, settings_for(mc::unlimited, 2),
              rearm_against_the_first_arm<model_policy>)
TREADLE_MODEL(timer_wheel_model, cancel_against_the_first_arm, settings_for(mc::unlimited, 2),
              cancel_against_the_first_arm<model_policy>)
TREADLE_MODEL(timer_wheel_model, cancel_against_expiry, settings_for(3, 1), cancel_against_expiry<model_policy>)
TREADLE_MODEL(timer_wheel_model, arm_against_expiry, settings_for(mc::unlimited, 2), arm_against_expiry<model_policy>)
TREADLE_MODEL(timer_wheel_model, moved_against_cancel, settings_for(3, 1), moved_against_cancel<model_policy>)
TREADLE_MODEL(timer_wheel_model, close_against_arm, settings_for(mc::unlimited, 2), close_against_arm<model_policy>)
TREADLE_MODEL(timer_wheel_model, freed_by_the_winner, settings_for(mc::unlimited, 2), freed_by_the_winner<model_policy>)

const bool faults_listed = model::list({131, "timer_wheel", cancel_against_expiry<with_defect<131>>,
                                        cancel_against_expiry<model_policy>, settings_for(3, 1).bounds}) &&
                           model::list({151, "timer_wheel", rearm_against_another_wheel<with_defect<151>>,
                                        rearm_against_another_wheel<model_policy>, settings_for(3, 1).bounds});

}  // namespace
