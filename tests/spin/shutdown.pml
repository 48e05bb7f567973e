/* The end of a pool: outsiders that still push, workers, a drain or a cancel, the join, and the pool's memory.
 *
 * Shows: everyone leaves after a shutdown; a task is refused, run or handed back, and the report counts each; after the
 * join nothing touches the pool, also if a task's own effects have led to its end while its push was returning.
 *
 * run: safety -DN=3 -DOUTSIDERS=2 -DMODE=DRAINING
 * run: safety -DN=3 -DOUTSIDERS=2 -DMODE=CANCELLING
 * run: ltl -DN=2 -DOUTSIDERS=1 -DMODE=DRAINING
 * run: ltl -DN=2 -DOUTSIDERS=1 -DMODE=CANCELLING
 * fault: FAULT_1 -DN=2 -DOUTSIDERS=1 -DMODE=DRAINING
 * fault: FAULT_5 -DN=2 -DOUTSIDERS=1 -DMODE=DRAINING
 * fault: FAULT_15 -DN=2 -DOUTSIDERS=2 -DMODE=DRAINING
 * fault: FAULT_70 -DN=2 -DOUTSIDERS=1 -DMODE=CANCELLING
 * fault: FAULT_71 -DN=2 -DOUTSIDERS=1 -DMODE=DRAINING
 *
 * FAULT_1   the pool stops without a look at what is queued (seed defect 1)
 * FAULT_5   the join waits for the count only, and a leaving worker touches the pool after it (seed defect 5)
 * FAULT_15  a push that has to wake somebody does not enter the gate first (seed defect 15)
 * FAULT_70  the sweep does not wait for workers that have a task in their hands
 * FAULT_71  the parked workers are not told of the stop
 */
#define WIDTH N
#define LIMIT N
#include "lib/sync_word.pml"
#include "lib/worker_event.pml"

byte injected;           /* announced in the queue's word */
byte linked;             /* of those, what a consumer may take */
bool injected_armed = true;
bool closed;
byte gate;
bool started[N];
bool start_as_searcher[N];
bool in_hands[N];        /* the worker is awake and between two tasks */
bool moved[N];           /* it has taken a step that the sweep can see */
bool vacant[N] = true;   /* no thread of the record is left to be joined */
byte accepted, refused, ran, swept;
byte returned;           /* outsiders whose pushes are over */
bool freed;
bool joined;

#define touch() assert(!freed)

/* mirrors: include/treadle/detail/waking.hpp notify 5f3ee4ee
 * mirrors: include/treadle/detail/waking.hpp wake 9a9f8e18
 * mirrors: include/treadle/detail/waking.hpp start c89d838f */
inline notify() {
  d_step { touch() };
  claim_wake(LIMIT, false, kind, as_searcher);
  if
  :: kind == FRESH ->
    d_step {
      touch();
      i = 0;
      do
      :: started[i] -> i++
      :: else -> break
      od;
      start_as_searcher[i] = as_searcher;
      started[i] = true;
      vacant[i] = false;
      in_hands[i] = true;
      as_searcher = false;
      i = 0
    }
  :: kind == PARKED ->
    atomic {
      if
      :: some_claimable ->
        d_step {
          touch();
          i = 0;
          do
          :: !is_claimable(i) -> i++
          :: else -> break
          od;
          event_claim_and_wake(i, as_searcher);
          i = 0
        };
        as_searcher = false
      :: !some_claimable && life >= CANCELLING -> wake_failed(as_searcher)
      fi
    }
  :: else
  fi;
  kind = NOBODY
}

/* A push closes, or is refused, in one step with the queue's word; its last touch is the link, or leaving the gate.
 * mirrors: include/treadle/detail/scheduler.hpp inject ac5f7443
 * mirrors: include/treadle/detail/waking.hpp enter_gate e3c5bb85
 * mirrors: include/treadle/detail/waking.hpp leave_gate cf08e499
 * mirrors: include/treadle/detail/task_queue.hpp push 41bce2aa
 * mirrors: include/treadle/detail/task_queue.hpp close fdb3f6ed */
proctype outsider() {
  byte i, kind;
  bool as_searcher, must_wake, entered, accept;
  do
  :: atomic { injected_armed && !closed && !entered -> touch();
#ifndef FAULT_15
      gate++;
#endif
      entered = true }
  :: atomic { !injected_armed || closed || entered -> touch();
      if
      :: closed -> refused++
      :: else ->
        accept = true;
        injected++;
        accepted++;
        must_wake = injected_armed;
        injected_armed = false
      fi;
      break }
  od;
  if
  :: accept -> d_step { touch(); linked++; accept = false }
  :: else
  fi;
  if
  :: must_wake -> must_wake = false; notify()
  :: else
  fi;
  if
  :: entered -> d_step {
#ifndef FAULT_15
      touch();
      gate--;
#endif
      entered = false
    }
  :: else
  fi;
  returned++
}

/* mirrors: include/treadle/detail/scheduler.hpp work 6c874231
 * mirrors: include/treadle/detail/scheduler.hpp next b0503c65
 * mirrors: include/treadle/detail/scheduler.hpp put_back eba69e94
 * mirrors: include/treadle/detail/parking.hpp rest a0511cb9
 * mirrors: include/treadle/detail/parking.hpp sleep 56030230
 * mirrors: include/treadle/detail/parking.hpp leave_running 19446fda
 * mirrors: include/treadle/detail/parking.hpp leave_parked e048c4ff
 * mirrors: src/core/pool_core.cpp thread_main 680fc39c */
proctype worker(byte self) {
  bool searcher, seen, as_searcher, just_woken;
  byte i, kind;
end_unborn:
  atomic {
    started[self] -> searcher = start_as_searcher[self];
    start_as_searcher[self] = false;
    just_woken = true
  };
next:
  atomic {
    touch();
    if
    :: life >= CANCELLING -> goto rest
    :: life < CANCELLING && linked > 0 -> linked--; injected--; moved[self] = true
    :: life < CANCELLING && injected == 0 -> goto rest
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
      :: !seen -> d_step { seen = (injected > 0); injected_armed = true }
      :: else
      fi;
      if
      :: seen -> seen = false; notify()
      :: else
      fi
    :: searching || !can_wake
    fi;
    if
    :: atomic { life >= CANCELLING -> injected++; linked++; goto next }
    :: life < CANCELLING
    fi
  :: else
  fi;
  d_step { moved[self] = true; in_hands[self] = false }; /* started */
  d_step { ran++; moved[self] = true; in_hands[self] = true };
  goto next;
rest:
  if
  :: life >= CANCELLING -> leave_active(searcher); goto gone
  :: else
  fi;
  event_arm(self);
  announce_idle(searcher);
  d_step { moved[self] = true; in_hands[self] = false };
  if
  :: life >= CANCELLING ->
    event_disarm(self, kind);
    if
    :: kind == NOTIFIED || kind == GRANTED ->
      searcher = (kind == GRANTED);
      leave_active(searcher)
    :: else -> leave_idle()
    fi;
    goto gone
  :: else
  fi;
  d_step { seen = (injected > 0); injected_armed = true };
  if
  :: seen ->
    seen = false;
    cancel_idle(kind);
    if
    :: kind == UNPARKED ->
      event_disarm(self, kind);
      if
      :: kind == NOTIFIED || kind == GRANTED -> give_back_idle()
      :: else -> kind = NOTHING
      fi;
      goto awake
    :: else -> kind = NOTHING
    fi
  :: else
  fi;
  do
  :: kind == NOTHING ->
    event_look_or_sleep(self, kind);
end_asleep:
    !wake_up[self].asleep
  :: else -> break
  od;
  if
  :: kind == SHUT_DOWN -> leave_idle(); goto gone
  :: else
  fi;
awake:
  atomic { moved[self] = true; in_hands[self] = true; searcher = (kind == GRANTED); kind = NOTHING; just_woken = true };
  goto next;
gone:
  atomic { moved[self] = true; in_hands[self] = false };
  d_step { touch(); vacant[self] = true } /* LAST TOUCH: the record is left, and the thread ends */
}

inline tell_parked() {
  do
  :: i < N -> d_step { event_shut_down(i); futex_wake(i); i++ }
  :: else -> i = 0; break
  od
}

#define someone_in_hands (in_hands[0] || in_hands[1] || IN_HANDS_2)
#define someone_moved (moved[0] || moved[1] || MOVED_2)
#define all_vacant (vacant[0] && vacant[1] && VACANT_2)
#if N > 2
#define IN_HANDS_2 in_hands[2]
#define MOVED_2 moved[2]
#define VACANT_2 vacant[2]
#else
#define IN_HANDS_2 false
#define MOVED_2 false
#define VACANT_2 true
#endif

/* mirrors: src/core/lifecycle.cpp close_to_outsiders c084aa03
 * mirrors: include/treadle/detail/parking.hpp stop_parked a824554b
 * mirrors: src/core/lifecycle.cpp drain_until 3c1ecdd0
 * mirrors: src/core/lifecycle.cpp cancel_all 91ecea88
 * mirrors: src/core/lifecycle.cpp shut_down b635e9f8
 * mirrors: src/core/lifecycle.cpp wait_for_threads 3639861c
 * mirrors: src/core/lifecycle.cpp join 4dd57687
 * mirrors: src/core/pool_core.cpp join_left 1b59b44e
 * mirrors: include/treadle/detail/scheduler.hpp is_quiet 8ab66b77
 * mirrors: include/treadle/detail/sync_word.hpp stop_if_unchanged 0f6cf598
 * mirrors: include/treadle/detail/sweep.hpp is_settled 456f94f6
 * mirrors: include/treadle/detail/sweep.hpp sweep 89312c96 */
active proctype owner() {
  byte i, seen_active, seen_total, found_now;
  bool settled, wait_for_effects;
  if
  :: atomic { ran == OUTSIDERS -> wait_for_effects = true } /* the tasks' effects: pushes may still be returning */
  :: true
  fi;
  closed = true;
  gate == 0;
  advance(MODE);
  if
  :: MODE == DRAINING ->
    do
    :: atomic {
#ifdef FAULT_1
        true
#else
        injected == 0
#endif
        -> skip };
      atomic { /* the look after the queues */
        if
#ifdef FAULT_1
        :: true -> seen_active = n_active; seen_total = n_total
#else
        :: is_idle_quiet && gate == 0 -> seen_active = n_active; seen_total = n_total
        :: !(is_idle_quiet && gate == 0) -> goto again
#endif
        fi
      };
      atomic { /* stop_if_unchanged */
        if
        :: n_active == seen_active && n_total == seen_total && life == DRAINING -> life = STOPPED; break
        :: else -> goto again
        fi
      };
again:
      skip
    od
#ifndef FAULT_71
    ; tell_parked()
#endif
  :: else ->
    tell_parked();
    do
    :: true ->
      d_step {
        settled = (!someone_in_hands && gate == 0);
        i = 0;
        do
        :: i < N -> moved[i] = false; i++
        :: else -> i = 0; break
        od
      };
      d_step { injected == linked; found_now = linked; swept = swept + linked; injected = 0; linked = 0 };
#ifdef FAULT_70
      break
#else
      if
      :: atomic { settled && found_now == 0 && !someone_in_hands && !someone_moved && gate == 0 -> break }
      :: atomic { !(settled && found_now == 0 && !someone_in_hands && !someone_moved && gate == 0) -> found_now = 0 }
      fi
#endif
    od
  fi;
  n_total == 0;
#ifndef FAULT_5
  all_vacant;
#endif
  gate == 0;
  joined = true;
  if
  :: wait_for_effects
  :: !wait_for_effects -> returned == OUTSIDERS /* no call may begin on a pool that is gone */
  fi;
  freed = true
}

#ifndef LTL
active proctype quiescent() {
end_moving:
  timeout;
  assert(freed);
  assert(n_total == 0 && n_active == 0 && n_idle == 0 && !searching);
  assert(injected == 0);
  assert(accepted + refused == OUTSIDERS);
  assert(ran + swept == accepted)
}
#else
ltl everyone_leaves { <>(joined && n_total == 0) }
#endif

init {
  byte at;
  atomic {
    do
    :: at < N -> run worker(at); at++
    :: else -> at = 0; break
    od;
    do
    :: at < OUTSIDERS -> run outsider(); at++
    :: else -> break
    od
  }
}
