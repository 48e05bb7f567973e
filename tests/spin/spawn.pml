/* Threads that the system refuses: outsiders push, then wait each until the pool has run dry.
 *
 * Shows: a refused thread leaves the word as if it had not been claimed; its work is found by a sleeper, by a later
 * start, or by whoever waits, who runs it; every wait ends, and every task has run.
 *
 * run: safety -DN=3 -DREFUSALS=2 -DPUSHES=1
 * run: safety -DN=3 -DREFUSALS=2 -DPUSHES=2 -DOUTSIDERS=1
 * run: safety -DN=3 -DREFUSALS=1 -DPUSHES=2 -DOUTSIDERS=1 -DNOBODY_WAITS
 * run: ltl -DN=2 -DREFUSALS=2 -DPUSHES=1
 * fault: FAULT_2 -DN=2 -DREFUSALS=1 -DPUSHES=1
 * fault: FAULT_60 -DN=2 -DREFUSALS=1 -DPUSHES=2 -DOUTSIDERS=1 -DNOBODY_WAITS
 * fault: FAULT_61 -DN=2 -DREFUSALS=1 -DPUSHES=1
 *
 * FAULT_2   a refused thread stays counted, and keeps the searcher token (seed defect 2)
 * FAULT_60  after a refusal nobody arms the injected queue or looks for a sleeper
 * FAULT_61  a refusal is not told to those who wait
 */
#define WIDTH N
#define LIMIT N
#include "lib/sync_word.pml"
#include "lib/worker_event.pml"

byte injected;
bool injected_armed = true;
bool started[N];
bool start_as_searcher[N];
byte refusals = REFUSALS; /* how many starts will be refused, whichever */
byte drained, made, ran, standing_in;
#ifndef OUTSIDERS
#define OUTSIDERS 2
#endif
bool told[2]; /* the epoch, as each waiter sees it: moved since it read it? */

/* mirrors: include/treadle/detail/waking.hpp tell_quiet b5b067ce */
inline tell_quiet() {
  told[0] = true;
  told[1] = true
}

inline arm_injected(seen) {
  d_step {
    seen = (injected > 0);
    injected_armed = true
  }
}

inline wake_parked() {
  d_step {
    some_claimable;
    i = 0;
    do
    :: !is_claimable(i) -> i++
    :: else -> break
    od;
    event_claim_and_wake(i, as_searcher);
    as_searcher = false;
    kind = NOBODY;
    i = 0
  }
}

/* mirrors: include/treadle/detail/waking.hpp notify 5f3ee4ee
 * mirrors: include/treadle/detail/waking.hpp wake 9a9f8e18
 * mirrors: include/treadle/detail/waking.hpp start c89d838f
 * mirrors: include/treadle/detail/worker_list.hpp take_vacant b03dee59 */
inline notify() {
  claim_wake(LIMIT, false, kind, as_searcher);
  if
  :: kind == PARKED -> wake_parked()
  :: kind == FRESH ->
    kind = NOBODY;
    if
    :: d_step {
        i = 0;
        do
        :: started[i] -> i++
        :: else -> break
        od;
        assert(i < N);
        start_as_searcher[i] = as_searcher;
        started[i] = true;
        as_searcher = false;
        i = 0
      }
    :: atomic { refusals > 0 -> refusals-- };
#ifndef FAULT_2
      start_failed(as_searcher);
#ifndef FAULT_61
      tell_quiet();
#endif
#ifndef FAULT_60
      if
      :: n_idle != 0 ->
        seen = (injected > 0);
        if
        :: !seen -> arm_injected(seen)
        :: else
        fi;
        if
        :: seen ->
          seen = false;
          claim_wake(0, false, kind, as_searcher);
          if
          :: kind != NOBODY -> wake_parked()
          :: else
          fi
        :: else
        fi
      :: else -> arm_injected(seen); seen = false
      fi
#endif
#endif
    fi
  :: else
  fi
}

/* mirrors: include/treadle/detail/scheduler.hpp found ae10b427
 * mirrors: include/treadle/detail/parking.hpp rest a0511cb9
 * mirrors: include/treadle/detail/parking.hpp resume 896fef82 */
proctype worker(byte self) {
  bool just_woken, searcher, seen, as_searcher;
  byte i, kind;
end_unborn:
  atomic {
    started[self] -> searcher = start_as_searcher[self];
    start_as_searcher[self] = false;
    just_woken = true
  };
next:
  atomic {
    if
    :: injected > 0 -> injected--
    :: else -> goto rest
    fi
  };
  if
  :: just_woken || injected > 0 ->
    just_woken = false;
    if
    :: searcher -> release_search(searcher)
    :: else
    fi;
    if
    :: atomic { !searching && can_wake -> seen = (injected > 0) };
      if
      :: !seen -> arm_injected(seen)
      :: else
      fi;
      if
      :: seen -> seen = false; notify()
      :: else
      fi
    :: searching || !can_wake
    fi
  :: else
  fi;
  ran++;
  goto next;
rest:
  event_arm(self);
  announce_idle(searcher);
  arm_injected(seen);
  if
  :: seen ->
    seen = false;
    cancel_idle(kind);
    if
    :: kind == UNPARKED ->
      event_disarm(self, kind);
      if
      :: kind != NOTHING -> give_back_idle()
      :: else
      fi;
      goto awake
    :: else -> kind = NOTHING
    fi
  :: !seen && is_idle_quiet -> tell_quiet()
  :: else
  fi;
  do
  :: kind == NOTHING ->
    event_look_or_sleep(self, kind);
end_asleep:
    !wake_up[self].asleep
  :: else -> break
  od;
awake:
  searcher = (kind == GRANTED);
  kind = NOTHING;
  just_woken = true;
  goto next
}

/* Pushes, then waits; with no thread at all it runs what is queued itself.
 * mirrors: include/treadle/detail/scheduler.hpp is_quiet 8ab66b77
 * mirrors: include/treadle/detail/scheduler.hpp wait_until_maybe_quiet bc1a66da
 * mirrors: src/core/lifecycle.cpp run_on_caller f8c7f468
 * mirrors: src/core/lifecycle.cpp drain d7dde2c6 */
proctype outsider(byte self) {
  byte i, kind, pushes = PUSHES;
  bool as_searcher, seen, must_wake;
  do
  :: pushes > 0 ->
    d_step {
      pushes--;
      injected++;
      made++;
      must_wake = injected_armed;
      injected_armed = false
    };
    if
    :: must_wake -> must_wake = false; notify()
    :: else
    fi
  :: else -> break
  od;
#ifndef NOBODY_WAITS
  do
  :: true ->
    do
    :: atomic { n_total == 0 && injected > 0 -> injected--; standing_in++ };
      ran++;
      d_step { standing_in--; told[0] = true; told[1] = true }
    :: atomic { !(n_total == 0 && injected > 0) -> break }
    od;
    told[self] = false;
    if
    :: injected == 0 ->
      if
      :: is_idle_quiet && standing_in == 0 -> break
      :: else
      fi
    :: else
    fi;
    told[self] /* the sleep on the epoch; the kernel also looks again after a nap, which is not relied on here */
  od;
#endif
  drained++
}

#ifndef LTL
active proctype quiescent() {
end_moving:
  timeout;
  assert(drained == OUTSIDERS);
  assert(ran == made && injected == 0);
  assert(n_active == 0 && n_idle == n_total && !searching)
}
#else
ltl every_wait_ends { <>(drained == OUTSIDERS) }
#endif

init {
  byte at;
  atomic {
    do
    :: at < N -> run worker(at); at++
    :: else -> at = 0; break
    od;
    do
    :: at < OUTSIDERS -> run outsider(at); at++
    :: else -> break
    od
  }
}
