// Models of the kernels that coroutines wait with: brief_lock.hpp excludes and publishes, even if what it guards dies with
// the next holder; wake_once.hpp, wait_list.hpp and stop_list.hpp end each wait once, and a waiter is woken if and only if
// it sleeps; so does a sleep, with stop_list.hpp and timer_wheel.hpp.
#include "model_test.hpp"

#include <treadle/detail/brief_lock.hpp>
#include <treadle/detail/stop_list.hpp>
#include <treadle/detail/timer_wheel.hpp>
#include <treadle/detail/wait_list.hpp>
#include <treadle/detail/wake_once.hpp>

#include <array>
#include <cstdint>

namespace {

using mc::model_policy;
using treadle::detail::brief_guard;
using treadle::detail::brief_lock;
using treadle::detail::shot;
using treadle::detail::wake_cause;

model::settings settings_for(int preemptions, int stale_reads) {
  const mc::options free = {.spurious_wakes = 2};
  mc::options bounds = free;
  bounds.spurious_wakes = 1;
  bounds.preemptions = preemptions;
  bounds.stale_reads = stale_reads;
  bounds.time_limit_ms = 2'000;
  return {bounds, free, 5'000};
}

// ---- brief_lock -----------------------------------------------------------------------------------------------------

template <class P>
struct guarded {
  brief_lock<P> lock;
  mc::plain<int> value{0};
  mc::plain<bool> last{false};
};

/// Three threads change what one lock guards.
template <class P>
void exclusion(mc::execution& x) {
  auto* s = x.make<guarded<P>>();
  for (int i = 0; i < 3; ++i) {
    x.thread([s] {
      const brief_guard guard(s->lock);
      s->value.set(s->value.get() + 1);
    });
  }
  x.run();
  MC_CHECK(s->value.peek() == 3);
}

/// Whoever comes second frees the lock with all that it guards: the first does not touch it after it has let go.
template <class P>
void freed_by_the_next(mc::execution& x) {
  auto* s = mc::make<guarded<P>>();
  for (int i = 0; i < 2; ++i) {
    x.thread([s] {
      s->lock.lock();
      const bool mine = s->last.get();
      s->last.set(true);
      s->lock.unlock();
      if (mine) mc::destroy(s);
    });
  }
  x.run();
}

TREADLE_MODEL(brief_lock_model, exclusion, settings_for(3, 2), exclusion<model_policy>)
TREADLE_MODEL(brief_lock_model, freed_by_the_next, settings_for(mc::unlimited, 2), freed_by_the_next<model_policy>)

// ---- waits ----------------------------------------------------------------------------------------------------------

/// Those whose waits a request to stop has ended.
template <class P>
struct woken_waits;

/// A coroutine's wait, as coro/detail/waiter.hpp has it. Instead of being scheduled, its number of wake-ups is raised.
template <class P>
struct wait : treadle::detail::stop_list<P, woken_waits<P>>::node {
  using base = typename treadle::detail::stop_list<P, woken_waits<P>>::node;
  wait() noexcept : base(&reach), here(once), there(once) {}

  static void reach(base& reached, woken_waits<P>& woken) noexcept;

  /// What the thread that fires an armed wait does: the resumed waiter sees what came before.
  void wake() {
    frame.set(frame.get() + 1);
    MC_CHECK(resumed.exchange(1, std::memory_order_acq_rel) == 0);
  }

  treadle::detail::wake_once<P> once;
  treadle::detail::wait_node<P> here;   // at the first place
  treadle::detail::wait_node<P> there;  // at the second
  mc::plain<int> frame{0};              // what the coroutine keeps: it belongs to one thread at a time
  mc::plain<int> item{0};
  mc::atomic<int> resumed{0};
};

template <class P>
struct woken_waits {
  std::array<wait<P>*, 2> all{};
  unsigned count = 0;
};

template <class P>
void wait<P>::reach(base& reached, woken_waits<P>& woken) noexcept {
  auto& self = static_cast<wait&>(reached);
  if (self.once.fire(wake_cause::stopped) == shot::armed) woken.all[woken.count++] = &self;
}

/// A channel of the simplest kind: one item at a time, given to the first who waits or kept.
template <class P>
struct place {
  brief_lock<P> lock;
  treadle::detail::wait_list<P> waiting;
  mc::plain<int> items{0};

  void give(wait<P>* (*owner_of)(treadle::detail::wait_node<P>&)) {
    wait<P>* woken = nullptr;
    {
      const brief_guard guard(lock);
      shot won = shot::lost;
      if (auto* const first = waiting.take(won)) {
        wait<P>* const owner = owner_of(*first);
        owner->item.set(owner->item.get() + 1);  // after the shot, with the lock held
        if (won == shot::armed) woken = owner;
      } else {
        items.set(items.get() + 1);
      }
    }
    if (woken != nullptr) woken->wake();
  }
};

template <class P>
struct world {
  treadle::detail::stop_list<P, woken_waits<P>> stops;
  std::array<place<P>, 2> places;
  wait<P> waiter;
  mc::plain<bool> slept{false};

  /// Waits at the first `count` places. Returns whether it went to sleep.
  bool begin(unsigned count) {
    waiter.frame.set(1);
    if (!stops.add(waiter)) {
      static_cast<void>(waiter.once.fire(wake_cause::stopped));
      return false;
    }
    for (unsigned i = 0; i < count; ++i) {
      place<P>& at = places[i];
      const brief_guard guard(at.lock);
      if (at.items.get() == 0) {
        at.waiting.link(i == 0 ? waiter.here : waiter.there);
        continue;
      }
      if (waiter.once.fire(wake_cause::done) != shot::lost) {
        at.items.set(at.items.get() - 1);
        waiter.item.set(waiter.item.get() + 1);
      }
      return false;
    }
    return waiter.once.arm();
  }
  /// What the resumed waiter does. Returns what it got.
  int settle(unsigned count) {
    for (unsigned i = 0; i < count; ++i) {
      const brief_guard guard(places[i].lock);
      places[i].waiting.unlink(i == 0 ? waiter.here : waiter.there);
    }
    stops.remove(waiter);
    return waiter.item.get();
  }
  void request() {
    woken_waits<P> woken;
    stops.request(woken);
    MC_CHECK(stops.requested());
    for (unsigned i = 0; i < woken.count; ++i) woken.all[i]->wake();
  }
  static wait<P>* owner_of_here(treadle::detail::wait_node<P>& node) {
    return owner(node, [](wait<P>& of) -> treadle::detail::wait_node<P>& { return of.here; });
  }
  static wait<P>* owner_of_there(treadle::detail::wait_node<P>& node) {
    return owner(node, [](wait<P>& of) -> treadle::detail::wait_node<P>& { return of.there; });
  }

  static wait<P>*& only() {
    static wait<P>* one = nullptr;
    return one;
  }

 private:
  template <class Member>
  static wait<P>* owner(treadle::detail::wait_node<P>& node, Member&& member) {
    MC_CHECK(&member(*only()) == &node);
    return only();
  }
};

/// After everybody is through: the waiter slept and was woken once, or neither; no item was lost or came twice.
template <class P>
void check(world<P>& w, unsigned count, int given, bool stopped) {
  const bool slept = w.slept.peek();
  MC_CHECK(w.waiter.resumed.peek() <= (slept ? 1 : 0));
  if (slept && (given != 0 || stopped)) MC_CHECK(w.waiter.resumed.peek() == 1);
  if (slept && given == 0 && !stopped) return;
  const int got = w.settle(count);
  MC_CHECK(got <= 1);
  MC_CHECK(got + w.places[0].items.get() + w.places[1].items.get() == given);
  MC_CHECK((got == 1) == (w.waiter.once.cause() == wake_cause::done));
  MC_CHECK(w.places[0].waiting.empty() && w.places[1].waiting.empty());
}

template <class P>
world<P>* make_world(mc::execution& x) {
  auto* w = x.make<world<P>>();
  world<P>::only() = &w->waiter;
  return w;
}

/// One place gives while the waiter comes.
template <class P>
void give_against_wait(mc::execution& x) {
  auto* w = make_world<P>(x);
  x.thread([w] { w->slept.set(w->begin(1)); });
  x.thread([w] { w->places[0].give(&world<P>::owner_of_here); });
  x.run();
  check(*w, 1, 1, false);
}

/// A request to stop against a place that gives.
template <class P>
void stop_against_give(mc::execution& x) {
  auto* w = make_world<P>(x);
  x.thread([w] { w->slept.set(w->begin(1)); });
  x.thread([w] { w->places[0].give(&world<P>::owner_of_here); });
  x.thread([w] { w->request(); });
  x.run();
  check(*w, 1, 1, true);
}

/// Who was woken because it was given something needs no lock to settle: it may free the place at once.
template <class P>
void settles_without_the_lock(mc::execution& x) {
  auto* w = mc::make<world<P>>();
  world<P>::only() = &w->waiter;
  auto* given = x.make<mc::atomic<int>>(0);
  auto* stopped = x.make<mc::atomic<int>>(0);
  x.thread([w, given, stopped] {
    const bool slept = w->begin(1);
    while (slept && w->waiter.resumed.load(std::memory_order_acquire) == 0) P::yield();
    if (slept && w->waiter.once.cause() == wake_cause::done) {
      MC_CHECK(w->waiter.item.get() == 1 && !w->waiter.here.linked.get());
      w->stops.remove(w->waiter);
    } else {
      static_cast<void>(w->settle(1));
      while (given->load(std::memory_order_acquire) == 0) P::yield();  // the place is not ours to free
    }
    while (stopped->load(std::memory_order_acquire) == 0) P::yield();  // whoever may request a stop keeps it alive
    mc::destroy(w);
  });
  x.thread([w, given] {
    w->places[0].give(&world<P>::owner_of_here);
    given->store(1, std::memory_order_release);
  });
  x.thread([w, stopped] {
    w->request();
    stopped->store(1, std::memory_order_release);
  });
  x.run();
}

/// Two places give to one who waits at both: one item goes through, the other stays.
template <class P>
void two_places(mc::execution& x) {
  auto* w = make_world<P>(x);
  x.thread([w] { w->slept.set(w->begin(2)); });
  x.thread([w] { w->places[0].give(&world<P>::owner_of_here); });
  x.thread([w] { w->places[1].give(&world<P>::owner_of_there); });
  x.run();
  check(*w, 2, 2, false);
}

/// A waiter that does not have to sleep leaves, and its frame dies, while a request to stop goes through the list.
template <class P>
void gone_before_the_stop(mc::execution& x) {
  auto* stops = x.make<treadle::detail::stop_list<P, woken_waits<P>>>();
  auto* reason = x.make<mc::plain<int>>(0);
  x.thread([stops, reason] {
    auto* passing = mc::make<wait<P>>();
    if (stops->add(*passing)) {
      static_cast<void>(passing->once.fire(wake_cause::done));
      stops->remove(*passing);
    }
    mc::destroy(passing);
    if (stops->requested()) MC_CHECK(reason->get() == 1);
  });
  x.thread([stops, reason] {
    reason->set(1);
    woken_waits<P> woken;
    MC_CHECK(stops->request(woken));
    MC_CHECK(!stops->request(woken) && woken.count == 0);
  });
  x.run();
}

/// Who fires at an armed wait sees what the waiter did before it armed.
template <class P>
void armed_is_published(mc::execution& x) {
  auto* one = x.make<wait<P>>();
  x.thread([one] {
    one->frame.set(1);
    static_cast<void>(one->once.arm());
  });
  x.thread([one] {
    if (one->once.fire(wake_cause::stopped) == shot::armed) MC_CHECK(one->frame.get() == 1);
  });
  x.thread([one] {
    if (one->once.fire(wake_cause::done) == shot::armed) MC_CHECK(one->frame.get() == 1);
  });
  x.run();
  MC_CHECK(one->once.cause() != wake_cause::none);
}

// ---- sleep ----------------------------------------------------------------------------------------------------------

template <class P>
struct woken_nap;

/// A coroutine's sleep, as coro/detail/sleeper.hpp has it: its timer lies in a wheel, itself in a stop list.
template <class P>
struct nap : treadle::detail::stop_list<P, woken_nap<P>>::node {
  using base = typename treadle::detail::stop_list<P, woken_nap<P>>::node;
  nap() noexcept : base(&reach) {}
  static void reach(base& reached, woken_nap<P>& woken) noexcept;

  treadle::detail::timer_node<P> timer;
  mc::plain<int> frame{0};
};

template <class P>
struct woken_nap {
  nap<P>* only = nullptr;
};

template <class P>
void nap<P>::reach(base& reached, woken_nap<P>& woken) noexcept {
  auto& self = static_cast<nap&>(reached);
  if (treadle::detail::timer_wheel<P>::cancel(self.timer)) woken.only = &self;
}

template <class P>
struct bedroom {
  treadle::detail::stop_list<P, woken_nap<P>> stops;
  treadle::detail::timer_wheel<P> wheel;
  nap<P>* sleeper = nullptr;
  mc::plain<bool> slept{false};
  mc::atomic<int> woken{0};

  void begin() {
    sleeper->frame.set(1);
    sleeper->timer.work = sleeper;
    const bool begun =
        stops.add_begun(*sleeper, [this] { return wheel.arm(sleeper->timer, 1) != treadle::detail::arming::refused; });
    slept.set(begun);
    if (!begun) mc::destroy(sleeper);
  }
  /// Runs the resumed coroutine to its end: its frame is gone afterwards.
  void resume(nap<P>* whose) {
    MC_CHECK(whose->frame.get() == 1);
    stops.remove(*whose);
    mc::destroy(whose);
    woken.fetch_add(1, std::memory_order_relaxed);
  }
  void request() {
    woken_nap<P> reached;
    stops.request(reached);
    if (reached.only != nullptr) resume(reached.only);
  }
  void expire() {
    wheel.expire(1'000'000, SIZE_MAX, [this](auto& expired) { resume(static_cast<nap<P>*>(expired.work)); });
  }
  void close() {
    wheel.close([this](auto& armed) { resume(static_cast<nap<P>*>(armed.work)); });
  }
};

template <class P>
bedroom<P>* make_bedroom(mc::execution& x) {
  auto* room = x.make<bedroom<P>>();
  room->sleeper = mc::make<nap<P>>();
  return room;
}

/// A request to stop while a coroutine goes to sleep: if it slept, it is woken.
template <class P>
void stop_against_sleep(mc::execution& x) {
  auto* room = make_bedroom<P>(x);
  x.thread([room] { room->begin(); });
  x.thread([room] { room->request(); });
  x.run();
  MC_CHECK(room->woken.peek() == (room->slept.peek() ? 1 : 0));
}

/// A sleep, the time that it waits for, and a request to stop: it is woken once if it slept, and its frame, which is gone
/// then, is touched by nobody.
template <class P>
void stop_against_expiry(mc::execution& x) {
  auto* room = make_bedroom<P>(x);
  x.thread([room] { room->begin(); });
  x.thread([room] { room->expire(); });
  x.thread([room] { room->request(); });
  x.run();
  MC_CHECK(room->woken.peek() == (room->slept.peek() ? 1 : 0));
}

/// The same with a wheel that is closed.
template <class P>
void stop_against_close(mc::execution& x) {
  auto* room = make_bedroom<P>(x);
  x.thread([room] { room->begin(); });
  x.thread([room] { room->close(); });
  x.thread([room] { room->request(); });
  x.run();
  MC_CHECK(room->woken.peek() == (room->slept.peek() ? 1 : 0));
}

TREADLE_MODEL(stop_list_model, stop_against_sleep, settings_for(3, 2), stop_against_sleep<model_policy>)
TREADLE_MODEL(stop_list_model, stop_against_expiry, settings_for(2, 1), stop_against_expiry<model_policy>)
const bool faults_listed = model::list({133, "stop_list", stop_against_sleep<mc::with_defect<133>>,
                                        stop_against_sleep<model_policy>, settings_for(3, 2).bounds});

TREADLE_MODEL(stop_list_model, stop_against_close, settings_for(2, 1), stop_against_close<model_policy>)
TREADLE_MODEL(wake_once_model, armed_is_published, settings_for(mc::unlimited, 2), armed_is_published<model_policy>)
TREADLE_MODEL(wait_list_model, give_against_wait, settings_for(3, 2), give_against_wait<model_policy>)
TREADLE_MODEL(wait_list_model, settles_without_the_lock, settings_for(2, 1), settles_without_the_lock<model_policy>)
TREADLE_MODEL(wait_list_model, two_places, settings_for(2, 1), two_places<model_policy>)
TREADLE_MODEL(stop_list_model, stop_against_give, settings_for(2, 1), stop_against_give<model_policy>)
TREADLE_MODEL(stop_list_model, gone_before_the_stop, settings_for(mc::unlimited, 2), gone_before_the_stop<model_policy>)

}  // namespace
