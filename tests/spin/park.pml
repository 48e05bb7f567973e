/* Parking against being woken and against its time-out, in the smallest steps: a claim is a count first and a worker
 * second, and so are a worker's taking back of its announcement and its retirement.
 *
 * Shows: the search for a claimable worker ends; whoever is counted as woken is woken, and nobody twice; a worker that
 * retires takes no wake-up with it; the counts of the word are those of the threads when nothing moves any more.
 *
 * run: safety -DN=3 -DALL_PARKED -DOUTSIDERS=1 -DPUSHES=1 -DBATCH=3 -DTIMEOUTS=1
 * run: safety -DN=2 -DOUTSIDERS=1 -DPUSHES=3 -DTIMEOUTS=1
 * run: safety -DN=4 -DALL_PARKED -DOUTSIDERS=1 -DPUSHES=1 -DBATCH=2 -DTIMEOUTS=1
 * run: safety -DN=3 -DALL_PARKED -DOUTSIDERS=2 -DPUSHES=1 -DTIMEOUTS=2
 * run: safety -DN=2 -DALL_PARKED -DOUTSIDERS=1 -DPUSHES=2 -DTIMEOUTS=2
 * run: ltl -DN=2 -DOUTSIDERS=2 -DPUSHES=1 -DTIMEOUTS=1
 * fault: FAULT_81 -DN=2 -DOUTSIDERS=2 -DPUSHES=2 -DTIMEOUTS=0
 * fault: FAULT_82 -DN=2 -DOUTSIDERS=2 -DPUSHES=2 -DTIMEOUTS=1
 * fault: FAULT_83 -DN=2 -DOUTSIDERS=1 -DPUSHES=2 -DBATCH=2 -DTIMEOUTS=1
 * fault: FAULT_84 -DN=2 -DOUTSIDERS=1 -DPUSHES=2 -DTIMEOUTS=1
 * fault: FAULT_85 -DN=3 -DALL_PARKED -DOUTSIDERS=1 -DPUSHES=1 -DBATCH=3 -DTIMEOUTS=1
 * fault: FAULT_86 -DN=2 -DALL_PARKED -DOUTSIDERS=1 -DPUSHES=1 -DTIMEOUTS=2
 *
 * FAULT_81  a worker that takes its announcement back keeps the count of another, whose waker had chosen it
 * FAULT_82  the same when it retires
 * FAULT_83  a retiring worker does not look whether somebody has chosen it
 * FAULT_84  a worker retires although it is not counted as idle any more
 * FAULT_85  a retiring worker gives its place away before it knows that nobody has chosen it (a defect that this model
 *           found in treadle: with the threads at their limit, who starts one waits for a record in vain)
 * FAULT_86  a retiring worker leaves without a look at what came while it could not be woken
 */
#define WIDTH N
#define LIMIT N
#include "lib/sync_word.pml"
#include "lib/worker_event.pml"

#ifndef BATCH
#define BATCH 1
#endif

byte injected;
bool injected_armed = true;
bool started[N];
bool start_as_searcher[N];
byte timeouts = TIMEOUTS; /* how many parked workers will find their time over */
byte made, ran, pushed, waking;

#if N > 2
#define STARTED_2 started[2]
#else
#define STARTED_2 0
#endif
#if N > 3
#define STARTED_3 started[3]
#else
#define STARTED_3 0
#endif

#define some_vacant (started[0] + started[1] + STARTED_2 + STARTED_3 < N)

/* By index, lowest first, one worker a step; again from the start when none was claimable.
 * mirrors: include/treadle/detail/waking.hpp wake 9a9f8e18
 * mirrors: include/treadle/detail/waking.hpp notify 5f3ee4ee
 * mirrors: include/treadle/detail/worker_list.hpp try_take f6f02b57 */
inline notify(count) {
  do
  :: (count >> woken) != 0 ->
    claim_wake(LIMIT, woken > 0, kind, as_searcher);
    if
    :: kind == FRESH ->
      d_step {
        some_vacant; /* take_vacant waits for the record of a thread that is leaving */
        i = 0;
        do
        :: started[i] -> i++
        :: else -> break
        od;
        start_as_searcher[i] = as_searcher;
        started[i] = true;
        as_searcher = false;
        i = 0
      }
    :: kind == PARKED ->
      waking++;
      do
      :: d_step {
          i < N && is_claimable(i) ->
          event_claim_and_wake(i, as_searcher);
          as_searcher = false;
          i = 0;
          waking--
        };
        break
      :: d_step { i < N && !is_claimable(i) -> i++ }
      :: d_step { i == N -> i = 0 }
      od
    :: else -> break
    fi;
    kind = NOBODY;
    woken++
  :: else -> break
  od;
  kind = NOBODY;
  woken = 0
}

/* mirrors: include/treadle/detail/parking.hpp rest a0511cb9
 * mirrors: include/treadle/detail/parking.hpp sleep 56030230
 * mirrors: include/treadle/detail/parking.hpp resume 896fef82
 * mirrors: include/treadle/detail/parking.hpp end_retire f474ec19 */
proctype worker(byte self) {
  bool just_woken, searcher, seen, as_searcher, done, in_time;
  byte i, kind, woken;
#ifdef ALL_PARKED
  goto parked;
#endif
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
      :: !seen -> d_step { seen = (injected > 0); injected_armed = true }
      :: else
      fi;
      if
      :: seen -> seen = false; notify(1)
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
  d_step { seen = (injected > 0); injected_armed = true };
  if
  :: seen ->
    seen = false;
    cancel_idle(kind);
    if
    :: kind == UNPARKED ->
      event_disarm(self, kind);
#ifndef FAULT_81
      if
      :: kind != NOTHING -> give_back_idle()
      :: else
      fi;
#endif
      goto awake
    :: else -> kind = NOTHING
    fi
  :: else
  fi;
parked:
  in_time = true;
  do
  :: kind == NOTHING ->
    event_look_or_sleep(self, kind);
end_asleep:
    if
    :: !wake_up[self].asleep
    :: atomic { wake_up[self].asleep && in_time && timeouts > 0 -> timeouts--; wake_up[self].asleep = false };
      in_time = false;
      if
      :: d_step { !wake_up[self].token && !wake_up[self].stopped -> skip };
#ifdef FAULT_84
        d_step { n_idle--; done = true; check_word() };
#else
        retire_idle(done);
#endif
        if
        :: done ->
          done = false;
#ifdef FAULT_85
          leave_retired();
#endif
#ifdef FAULT_83
          d_step { wake_up[self].armed = false; wake_up[self].token = false; wake_up[self].grant = false };
          goto gone;
#else
          event_disarm(self, kind);
          if
          :: kind == NOTHING -> goto gone
          :: else ->
#ifndef FAULT_82
#ifdef FAULT_85
            d_step { n_total++; check_word() };
#endif
            give_back_retired()
#endif
          fi
#endif
        :: else
        fi
      :: else
      fi
    fi
  :: else -> break
  od;
awake:
  searcher = (kind == GRANTED);
  kind = NOTHING;
  just_woken = true;
  in_time = false;
  goto next;
gone:
#ifndef FAULT_85
  leave_retired();
#endif
  atomic { started[self] = false; in_time = false };
#ifndef FAULT_86
  /* Whom nobody could wake while this one was neither asleep nor gone: it may be this thread that is started. */
  if
  :: atomic { !searching && can_wake -> seen = (injected > 0) };
    if
    :: !seen -> d_step { seen = (injected > 0); injected_armed = true }
    :: else
    fi;
    if
    :: seen -> seen = false; notify(1)
    :: else
    fi
  :: searching || !can_wake
  fi;
#endif
  goto end_unborn
}

/* mirrors: include/treadle/detail/scheduler.hpp inject ac5f7443
 * mirrors: include/treadle/detail/task_queue.hpp push 41bce2aa */
proctype outsider() {
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
  od;
  pushed++
}

#ifndef LTL
active proctype quiescent() {
end_moving:
  timeout;
  assert(pushed == OUTSIDERS && waking == 0);
  assert(injected == 0 && ran == made);
  assert(n_active == 0 && !searching);
  assert(n_idle == n_total);
  assert(n_total == started[0] + started[1] + STARTED_2 + STARTED_3)
}
#else
ltl the_search_ends { [] (waking > 0 -> <>(waking == 0)) }
#endif

init {
  byte at;
  atomic {
#ifdef ALL_PARKED
    n_idle = N;
    n_total = N;
#endif
    do
    :: at < N ->
#ifdef ALL_PARKED
      wake_up[at].armed = true;
      started[at] = true;
#endif
      run worker(at);
      at++
    :: else -> at = 0; break
    od;
    do
    :: at < OUTSIDERS -> run outsider(); at++
    :: else -> break
    od
  }
}
