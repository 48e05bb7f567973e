// Models of sync_word.hpp alone: its counts are those of the threads in every end state, a claim wakes exactly one, a
// start that fails leaves no trace, a stop and a claim exclude each other, and who sees zero threads may free the pool.
#include "model_test.hpp"

#include <treadle/detail/event.hpp>
#include <treadle/detail/sync_word.hpp>

#include <array>

namespace {

using mc::model_policy;
using treadle::detail::event;
using treadle::detail::event_result;
using treadle::detail::lifecycle;
using treadle::detail::sync_state;
using treadle::detail::sync_word;
using treadle::detail::unpark;
using treadle::detail::wake_claim;
using treadle::detail::wake_kind;

constexpr std::int64_t no_deadline = INT64_MAX;
constexpr std::uint32_t width = 3;

bool has_token(event_result result) { return result == event_result::notified || result == event_result::granted; }

/// The least of a pool: work is a number, workers sleep on events of their own.
struct desk {
  explicit desk(sync_state at_start = sync_state()) : sync(at_start) {}

  sync_word<model_policy> sync;
  mc::atomic<int> work{0};
  std::array<event<model_policy>, 2> wake_ups;
  std::array<mc::plain<int>, 3> left{};  ///< what each thread did before it left
  std::array<int, 3> outcome{};
  std::array<wake_claim, 3> claims{};

  void add_work() {
    work.fetch_add(1, std::memory_order_relaxed);
    sync.publisher_barrier();
    const sync_state seen = sync.look();
    if (!seen.searching() && seen.can_wake(width, 0)) wake_parked();
  }
  bool take_work() {
    int seen = work.load(std::memory_order_relaxed);
    while (seen != 0) {
      if (work.compare_exchange_strong(seen, seen - 1, std::memory_order_relaxed, std::memory_order_relaxed))
        return true;
    }
    return false;
  }
  void wake_parked() {
    const wake_claim claim = sync.claim_wake(width, 0, false);
    if (claim.kind == wake_kind::none) return;
    MC_CHECK(claim.kind == wake_kind::parked);
    while (!wake_ups[0].claim(claim.searcher) && !wake_ups[1].claim(claim.searcher)) model_policy::pause();
  }
  /// Parks until work is there. The worker counts as active before and after.
  void park_until_work(std::size_t worker, bool searcher) {
    event<model_policy>& wake_up = wake_ups[worker];
    for (;;) {
      if (take_work()) {
        if (!searcher) return;
        sync.sleeper_barrier(sync.release_search(), 2);
        if (work.load(std::memory_order_relaxed) != 0 && sync.look().can_wake(width, 0)) wake_parked();
        return;
      }
      wake_up.arm();
      const sync_state now = sync.announce_idle(searcher);
      searcher = false;
      sync.sleeper_barrier(now, 1);
      if (work.load(std::memory_order_relaxed) != 0) {
        if (sync.cancel_idle(width) == unpark::done) {
          const event_result token = wake_up.disarm();
          if (has_token(token)) sync.give_back_idle();
          searcher = token == event_result::granted;
          continue;
        }
      }
      searcher = wake_up.wait_armed(no_deadline) == event_result::granted;
    }
  }
  void check_counts(std::uint32_t active, std::uint32_t idle, std::uint32_t total) const {
    const sync_state end = sync.look();
    MC_CHECK(end.active() == active);
    MC_CHECK(end.idle() == idle);
    MC_CHECK(end.total() == total);
    MC_CHECK(!end.searching());
  }
};

model::settings settings_for(int preemptions, int stale_reads) {
  const mc::options free = {.weak_failures = 1, .spurious_wakes = 1, .time_outs = 1, .refused_barriers = true};
  mc::options bounds = free;
  bounds.spurious_wakes = 0;
  bounds.preemptions = preemptions;
  bounds.stale_reads = stale_reads;
  bounds.time_limit_ms = 2'000;
  return {bounds, free, 5'000};
}

/// One brings work while another goes to sleep: neither misses the other.
void notify_against_wait(mc::execution& x) {
  auto* d = x.make<desk>(sync_state::of(2, 0, 2));
  x.thread([d] { d->park_until_work(0, false); });
  x.thread([d] { d->add_work(); });
  x.run();
  d->check_counts(2, 0, 2);
}

/// Two workers, two pieces of work from a third: all are awake at the end.
void two_sleepers(mc::execution& x) {
  auto* d = x.make<desk>(sync_state::of(3, 0, 3));
  for (std::size_t i = 0; i < 2; ++i) {
    x.thread([d, i] { d->park_until_work(i, false); });
  }
  x.thread([d] {
    d->add_work();
    d->add_work();
  });
  x.run();
  d->check_counts(3, 0, 3);
}

/// One worker is parked and one more may be started: two who wake get one each, and one of them the search.
void two_claims(mc::execution& x) {
  auto* d = x.make<desk>(sync_state::of(0, 1, 1));
  for (std::size_t i = 0; i < 2; ++i) {
    x.thread([d, i] { d->claims[i] = d->sync.claim_wake(2, 2, i == 1); });
  }
  x.run();
  int parked = 0, fresh = 0, searchers = 0;
  for (std::size_t i = 0; i < 2; ++i) {
    parked += d->claims[i].kind == wake_kind::parked ? 1 : 0;
    fresh += d->claims[i].kind == wake_kind::fresh ? 1 : 0;
    searchers += d->claims[i].searcher ? 1 : 0;
  }
  const sync_state end = d->sync.look();
  MC_CHECK(searchers == 1 && end.searching());
  MC_CHECK(parked == 1 && fresh == 0);  // a second searcher is not wanted, an extra one only if it is parked
  MC_CHECK(end.active() == 1 && end.idle() == 0 && end.total() == 1);
}

/// Threads cannot be started now and then: each failure is taken back whole, and the next claim is possible.
void spawn_fails(mc::execution& x) {
  auto* d = x.make<desk>();
  for (std::size_t i = 0; i < 2; ++i) {
    x.thread([d, i] {
      const wake_claim claim = d->sync.claim_wake(2, 2, false);
      if (claim.kind == wake_kind::none) return;
      MC_CHECK(claim.kind == wake_kind::fresh);
      if (mc::choose(2) != 0) {
        d->sync.start_failed(claim.searcher);
        return;
      }
      d->outcome[i] = 1;
      if (claim.searcher) d->sync.release_search();
    });
  }
  x.run();
  const auto started = static_cast<std::uint32_t>(d->outcome[0] + d->outcome[1]);
  d->check_counts(started, 0, started);
  MC_CHECK(d->sync.claim_wake(2, 2, false).kind == (started == 2 ? wake_kind::none : wake_kind::fresh));
}

/// A parked worker leaves just as one wakes it: either it stays, or the waker starts a fresh one, or there is nobody to
/// wake and no place for one either, until the worker has left.
void retire_against_claim(mc::execution& x) {
  auto* d = x.make<desk>(sync_state::of(0, 1, 1));
  d->wake_ups[0].arm();
  x.thread([d] {
    if (d->sync.retire_idle()) {
      const event_result token = d->wake_ups[0].disarm();
      MC_CHECK(!has_token(token));
      d->outcome[0] = 1;
      d->sync.leave_retired();
    } else {
      MC_CHECK(has_token(d->wake_ups[0].wait_armed(no_deadline)));
    }
  });
  x.thread([d] {
    d->claims[1] = d->sync.claim_wake(1, 1, false);
    if (d->claims[1].kind == wake_kind::parked) {
      while (!d->wake_ups[0].claim(true)) model_policy::pause();
    }
    if (d->claims[1].kind != wake_kind::none) d->sync.release_search();
  });
  x.run();
  MC_CHECK((d->claims[1].kind == wake_kind::parked) == (d->outcome[0] == 0));
  const std::uint32_t left = d->claims[1].kind == wake_kind::none ? 0 : 1;
  d->check_counts(left, 0, left);
}

/// A drain ends only in a state in which nobody was awake or being woken; after that nobody is woken any more.
void stop_against_claim(mc::execution& x) {
  auto* d = x.make<desk>(sync_state::of(0, 1, 1));
  d->sync.advance(lifecycle::draining);
  x.thread([d] {
    const sync_state seen = d->sync.look_acquire();
    d->outcome[0] = seen.quiet() && d->sync.stop_if_unchanged(seen) ? 1 : 0;
  });
  x.thread([d] {
    d->claims[1] = d->sync.claim_wake(1, 1, false);
    if (d->claims[1].kind == wake_kind::none) return;
    if (mc::choose(2) != 0) d->sync.wake_failed(d->claims[1].searcher);
  });
  x.run();
  const bool stopped = d->sync.look().life() == lifecycle::stopped;
  MC_CHECK(stopped == (d->outcome[0] != 0));
  MC_CHECK(!stopped || d->sync.look().quiet());
  MC_CHECK(!stopped || d->sync.claim_wake(1, 1, false).kind == wake_kind::none);
}

/// Drain, cancel and stop at once, while threads come and go: life never goes back.
void life_only_goes_on(mc::execution& x) {
  auto* d = x.make<desk>(sync_state::of(1, 0, 1));
  x.thread([d] { d->outcome[0] = static_cast<int>(d->sync.advance(lifecycle::draining).life()); });
  x.thread([d] {
    d->outcome[1] = static_cast<int>(d->sync.advance(lifecycle::cancelling).life());
    d->sync.advance(lifecycle::draining);
  });
  x.thread([d] {
    if (!d->sync.retire_idle()) d->sync.leave_active(false);
  });
  x.run();
  MC_CHECK(d->sync.look().life() == lifecycle::cancelling);
  MC_CHECK(d->outcome[0] == 0 || d->outcome[0] == 2);
  MC_CHECK(d->outcome[1] == 0 || d->outcome[1] == 1);
  d->check_counts(0, 0, 0);
}

/// Two leave, one from its run and one from its sleep; who then sees no thread sees all they did, and frees the word.
void join_sees_all(mc::execution& x) {
  auto* d = mc::make<desk>(sync_state::of(1, 1, 2));
  x.thread([d] {
    d->left[0].set(1);
    d->sync.leave_active(false);
  });
  x.thread([d] {
    d->left[1].set(1);
    d->sync.leave_idle();
  });
  x.thread([d] {
    while (d->sync.look_acquire().total() != 0) model_policy::yield();
    MC_CHECK(d->left[0].get() + d->left[1].get() == 2);
    mc::destroy(d);
  });
  x.run();
}

/// A claim has taken the count of the one who leaves from its sleep: it comes back as the claim is taken back.
void leave_while_claimed(mc::execution& x) {
  auto* d = x.make<desk>(sync_state::of(0, 1, 1));
  x.thread([d] {
    const wake_claim claim = d->sync.claim_wake(1, 1, false);
    if (claim.kind != wake_kind::none) d->sync.wake_failed(claim.searcher);
  });
  x.thread([d] {
    d->sync.advance(lifecycle::cancelling);
    d->sync.leave_idle();
  });
  x.run();
  d->check_counts(0, 0, 0);
}

/// A task blocks while another worker is woken into its slot: it goes on above the width.
void blocking(mc::execution& x) {
  auto* d = x.make<desk>(sync_state::of(1, 1, 2));
  x.thread([d] {
    d->sync.enter_blocking();
    d->sync.leave_blocking();
  });
  x.thread([d] { d->claims[1] = d->sync.claim_wake(1, 2, false); });
  x.run();
  const std::uint32_t woken = d->claims[1].kind == wake_kind::parked ? 1 : 0;
  const sync_state end = d->sync.look();
  MC_CHECK(end.active() == 1 + woken && end.idle() == 1 - woken && end.total() == 2 && end.blocked() == 0);
}

/// Who watches learns that the last worker has parked, whichever of the two comes first.
void watch_against_park(mc::execution& x) {
  auto* d = x.make<desk>(sync_state::of(1, 0, 1));
  x.thread([d] {
    const sync_state now = d->sync.announce_idle(false);
    if (now.quiet() && now.watched()) {
      d->sync.unwatch();
      d->wake_ups[0].notify();
    }
  });
  x.thread([d] {
    d->sync.watch();
    if (!d->sync.look().quiet()) MC_CHECK(d->wake_ups[0].wait(no_deadline) == event_result::notified);
  });
  x.run();
  d->check_counts(0, 1, 1);
}

/// All counts at the end of their fields: nothing runs over into the next field, and nobody is started beyond it.
void counts_near_their_limit(mc::execution& x) {
  constexpr std::uint32_t most = sync_state::max_count;
  auto* d = x.make<desk>(sync_state::of(most - 1, 0, most - 1));
  for (std::size_t i = 0; i < 2; ++i) {
    x.thread([d, i] {
      d->claims[i] = d->sync.claim_wake(most, most, false);
      if (d->claims[i].searcher) d->sync.release_search();
    });
  }
  x.thread([d] {
    d->sync.enter_blocking();
    d->sync.announce_idle(false);
    if (d->sync.cancel_idle(most) == unpark::done) d->outcome[2] = 1;
    d->sync.leave_blocking();
  });
  x.run();
  const sync_state end = d->sync.look();
  MC_CHECK(end.active() + end.idle() == end.total());
  MC_CHECK(end.total() == most || end.total() == most - 1);
  MC_CHECK(end.active() <= most && end.life() == lifecycle::running && !end.searching() && !end.watched());
}

TREADLE_MODEL(sync_word_model, notify_against_wait, settings_for(2, 1), notify_against_wait)
TREADLE_MODEL(sync_word_model, two_sleepers, settings_for(1, 1), two_sleepers)
TREADLE_MODEL(sync_word_model, two_claims, settings_for(mc::unlimited, 2), two_claims)
TREADLE_MODEL(sync_word_model, spawn_fails, settings_for(mc::unlimited, 2), spawn_fails)
TREADLE_MODEL(sync_word_model, retire_against_claim, settings_for(3, 2), retire_against_claim)
TREADLE_MODEL(sync_word_model, stop_against_claim, settings_for(mc::unlimited, 2), stop_against_claim)
TREADLE_MODEL(sync_word_model, life_only_goes_on, settings_for(3, 2), life_only_goes_on)
TREADLE_MODEL(sync_word_model, join_sees_all, settings_for(3, 2), join_sees_all)
TREADLE_MODEL(sync_word_model, leave_while_claimed, settings_for(3, 2), leave_while_claimed)
TREADLE_MODEL(sync_word_model, blocking, settings_for(mc::unlimited, 2), blocking)
TREADLE_MODEL(sync_word_model, watch_against_park, settings_for(3, 2), watch_against_park)
TREADLE_MODEL(sync_word_model, counts_near_their_limit, settings_for(2, 1), counts_near_their_limit)

}  // namespace
