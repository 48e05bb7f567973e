/* Who wakes whom, who sleeps when: pushes from outside, from tasks and in batches, against workers that go to sleep.
 *
 * Shows: a queued task and a worker that might run it do not last side by side, also if a running task waits for what
 * it has queued; at most one searcher token; a push of n wakes at most bit_width(n); when nothing moves any more, the
 * counts of the word are those of the threads, and every task has run.
 *
 * run: safety -DN=4 -DPUSHES=2 -DSPAWNS=1
 * run: safety -DN=3 -DPUSHES=1 -DBATCH=3 -DSPAWNS=0
 * run: safety -DN=2 -DPUSHES=3 -DSPAWNS=1
 * run: ltl -DN=3 -DPUSHES=2 -DSPAWNS=1
 * fault: FAULT_3 -DN=3 -DPUSHES=2 -DSPAWNS=1
 * fault: FAULT_14 -DN=3 -DPUSHES=1 -DBATCH=3 -DSPAWNS=0
 * fault: FAULT_40 -DN=3 -DPUSHES=2 -DSPAWNS=1
 * fault: FAULT_41 -DN=3 -DPUSHES=2 -DSPAWNS=1
 * fault: FAULT_42 -DN=2 -DPUSHES=3 -DSPAWNS=0
 *
 * Memory is sequentially consistent here: that the barriers are enough is shown by tests/model. FAULT_3 lets the look
 * at the word slip before the store that publishes, which is what a missing barrier does.
 *
 * FAULT_3   a task's push looks for sleepers before it publishes (seed defect 3)
 * FAULT_14  who lets go of the queue forgets what is left, and others take a held queue for empty (seed defect 14)
 * FAULT_40  a worker goes to sleep without a second look
 * FAULT_41  a searcher looks for the rest of the work before it gives the token back
 * FAULT_42  a sleeper does not arm the injected queue
 */
#ifndef BATCH
#define BATCH 1
#endif
#define CHUNK 2
#define WIDTH N
#define LIMIT N

#include "lib/sync_word.pml"
#include "lib/worker_event.pml"

byte injected;          /* tasks in the injected queue */
bool injected_armed = true; /* the flag in its word */
bool consuming;         /* its consumer's lock */
byte ring[N];           /* tasks in each worker's own queue */
bool started[N];        /* a starter has handed the record to its thread */
bool start_as_searcher[N];
byte spawns = SPAWNS;   /* how many more tasks the tasks may queue */
byte held_up;           /* workers whose task waits for what it has queued */
byte made;              /* ghost: tasks accepted */
byte ran;               /* ghost: tasks ended */

#if N > 2
#define RING_2 ring[2]
#define STARTED_2 started[2]
#else
#define RING_2 0
#define STARTED_2 0
#endif
#if N > 3
#define RING_3 ring[3]
#define STARTED_3 started[3]
#else
#define RING_3 0
#define STARTED_3 0
#endif
#define nothing_queued (injected == 0 && ring[0] == 0 && ring[1] == 0 && RING_2 == 0 && RING_3 == 0)
#ifdef FAULT_14
#define injected_looks_empty (injected == 0 || consuming)
#else
#define injected_looks_empty (injected == 0)
#endif
/* In one step. Reading queue by queue may also miss what moves meanwhile; that is no more than what is missed while it
 * is in a taker's hands, which is a state here.
 * mirrors: include/treadle/detail/waking.hpp anything_queued 209c1eb2 */
#define anything_queued (!injected_looks_empty || ring[0] > 0 || ring[1] > 0 || RING_2 > 0 || RING_3 > 0)

/* A fresh thread is started in the step that claims it (spawn.pml has the steps), a parked one in two. The lowest
 * claimable worker is woken; a waker waits while there is none.
 * mirrors: include/treadle/detail/waking.hpp notify 5f3ee4ee
 * mirrors: include/treadle/detail/waking.hpp wake 9a9f8e18
 * mirrors: include/treadle/detail/waking.hpp start c89d838f */
inline notify(count) {
  do
  :: atomic {
      (count >> woken) != 0 -> claim_wake(LIMIT, woken > 0, kind, as_searcher);
      if
      :: kind == NOBODY -> break
      :: kind == FRESH ->
        d_step {
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
      :: else
      fi
    };
    d_step {
      kind == FRESH || some_claimable;
      if
      :: kind == PARKED ->
        i = 0;
        do
        :: !is_claimable(i) -> i++
        :: else -> break
        od;
        event_claim_and_wake(i, as_searcher);
        as_searcher = false;
        i = 0
      :: else
      fi;
      woken++;
      kind = NOBODY
    }
  :: (count >> woken) == 0 -> break
  od;
  woken = 0
}

inline arm_injected(seen) {
  d_step {
    seen = !injected_looks_empty;
    injected_armed = true
  }
}

/* mirrors: include/treadle/detail/waking.hpp wake_if_work_is_left b99c05c5 */
inline wake_if_work_is_left(count) {
  atomic {
    !searching && can_wake ->
    if
    :: anything_queued -> seen = true
    :: else
    fi
  };
  if
  :: !seen -> arm_injected(seen)
  :: else
  fi;
  if
  :: seen -> seen = false; notify((count == 0 -> 1 : count))
  :: else
  fi
}

/* mirrors: include/treadle/detail/scheduler.hpp found ae10b427
 * mirrors: include/treadle/detail/scheduler.hpp keep be489ebb */
inline found(rest) {
#ifdef FAULT_41
  if
  :: wake_if_work_is_left(rest)
  :: searching || !can_wake
  fi;
#endif
  just_woken = false;
  if
  :: searcher -> release_search(searcher)
  :: else
  fi;
#ifndef FAULT_41
  if
  :: wake_if_work_is_left(rest)
  :: searching || !can_wake
  fi
#endif
}

/* The end of a take: what is left of it becomes visible in the taker's ring.
 * mirrors: include/treadle/detail/scheduler.hpp take_from 64ea3a48
 * mirrors: include/treadle/detail/scheduler.hpp steal c06f4324
 * mirrors: include/treadle/detail/scheduler.hpp steal_from f43204dd */
inline commit() {
  d_step {
    hand--;
    ring[self] = ring[self] + hand;
    if
    :: holds_queue ->
      consuming = false;
      holds_queue = false;
#ifndef FAULT_14
      hand = hand + (injected > 0 -> 1 : 0)
#endif
    :: else
    fi
  };
  if
  :: hand != 0 || just_woken -> found(hand); hand = 0
  :: else
  fi
}

#define can_take_injected (injected > 0 && !consuming)
inline take_injected(limit) {
  hand = (injected < limit -> injected : limit);
  injected = injected - hand;
  consuming = true;
  holds_queue = true
}
inline steal(victim) {
  hand = (ring[victim] + 1) / 2;
  ring[victim] = ring[victim] - hand
}

/* mirrors: include/treadle/detail/scheduler.hpp push_local c77f34e5 */
inline push_local() {
#ifdef FAULT_3
  seen = (!searching && can_wake);
#endif
  d_step { ring[self]++; made++ };
#ifndef FAULT_3
  seen = (!searching && can_wake);
#endif
  if
  :: seen -> seen = false; notify(1)
  :: else
  fi
}

/* A task may queue another one, and may go on until somebody has taken all that is queued: all but one worker may be
 * held by such a task. */
inline run_task() {
  if
  :: true
  :: atomic { spawns > 0 -> spawns-- }; push_local()
  fi;
  if
  :: ran++
  :: atomic { held_up < WIDTH - 1 -> held_up++ }; atomic { nothing_queued -> held_up--; ran++ }
  fi
}

/* mirrors: include/treadle/detail/scheduler.hpp work 6c874231
 * mirrors: include/treadle/detail/scheduler.hpp next b0503c65
 * mirrors: include/treadle/detail/scheduler.hpp search 6aeb166e
 * mirrors: include/treadle/detail/parking.hpp rest a0511cb9
 * mirrors: include/treadle/detail/parking.hpp sleep 56030230
 * mirrors: include/treadle/detail/parking.hpp woken 2334641a
 * mirrors: include/treadle/detail/parking.hpp resume 896fef82 */
proctype worker(byte self) {
  bool just_woken, searcher, seen, as_searcher, holds_queue;
  byte i, kind, hand, woken;

end_unborn:
  atomic {
    started[self] -> searcher = start_as_searcher[self];
    start_as_searcher[self] = false;
    just_woken = true
  };
next:
  /* Own work, or the injected queue, whose turn comes before the own work every 61 tasks: at any time, here. Or another
   * worker's. Work that another holds for the moment is waited for. */
  atomic {
    if
    :: ring[self] > 0 ->
      ring[self]--;
      if
      :: just_woken -> goto found_own
      :: else -> goto running
      fi
    :: can_take_injected -> d_step { take_injected(1) }
    :: can_take_injected && ring[self] == 0 -> d_step { take_injected(CHUNK) }
    :: ring[self] == 0 && injected_looks_empty && self != 0 && ring[0] > 0 -> d_step { steal(0) }
    :: ring[self] == 0 && injected_looks_empty && self != 1 && ring[1] > 0 -> d_step { steal(1) }
#if N > 2
    :: ring[self] == 0 && injected_looks_empty && self != 2 && ring[2] > 0 -> d_step { steal(2) }
#endif
#if N > 3
    :: ring[self] == 0 && injected_looks_empty && self != 3 && ring[3] > 0 -> d_step { steal(3) }
#endif
    :: !anything_queued -> goto rest
    fi
  };
  commit();
  goto running;
found_own:
  found(1);
  goto running;
rest:
  event_arm(self);
  announce_idle(searcher);
#ifndef FAULT_42
  arm_injected(seen);
#endif
#ifndef FAULT_40
  if
  :: !seen -> seen = anything_queued
  :: else
  fi;
#else
  seen = false;
#endif
  if
  :: seen ->
    seen = false;
    cancel_idle(kind);
    if
    :: kind == UNPARKED ->
      event_disarm(self, kind);
      if
      :: kind != NOTHING -> give_back_idle() /* a waker had chosen us: the count was another's */
      :: else
      fi;
      goto awake
    :: else -> kind = 0
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
awake:
  searcher = (kind == GRANTED);
  kind = NOTHING;
  just_woken = true;
  goto next;
running:
  run_task();
  goto next
}

/* mirrors: include/treadle/detail/scheduler.hpp inject ac5f7443
 * mirrors: include/treadle/detail/task_queue.hpp push 41bce2aa
 * mirrors: include/treadle/detail/task_queue.hpp arm 72d0bade */
active proctype producer() {
  byte i, kind, woken, pushes = PUSHES;
  bool as_searcher, must_wake;
  do
  :: pushes > 0 ->
    d_step {
      pushes--;
      injected = injected + BATCH;
      made = made + BATCH;
      must_wake = injected_armed;
      injected_armed = false
    };
    if
    :: must_wake -> must_wake = false; notify(BATCH)
    :: else
    fi
  :: else -> break
  od
}

/* Nothing moves any more: then nothing is left to do, and the word's counts are right. */
#ifndef LTL
active proctype quiescent() {
end_moving:
  timeout;
  assert(nothing_queued);
  assert(ran == made);
  assert(n_active == 0 && !searching);
  assert(n_idle == n_total);
  assert(n_total == started[0] + started[1] + STARTED_2 + STARTED_3)
}
#else
ltl progress { !(<>[](!nothing_queued && n_idle > 0 && n_active < WIDTH)) }
#endif

init {
  atomic {
    run worker(0);
    run worker(1);
#if N > 2
    run worker(2);
#endif
#if N > 3
    run worker(3)
#endif
  }
}
