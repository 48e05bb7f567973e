/* Parking in the driver: workers sleep on their own events or in the driver, and descriptors come, become ready and end
 * while they park, are woken for tasks, compute and retire.
 *
 * Shows: what becomes ready is served while some worker sleeps or may be started, though the others compute until it is;
 * a claim wakes one sleeper, through what that one sleeps on, and no token is lost when two rings are heard as one; the
 * last watcher stays while there is something to watch; after the end everyone leaves.
 *
 * run: safety -DN=3 -DWIDTH=3 -DSTART=ELSEWHERE -DPUSHES=0 -DBUSY=1 -DTIMEOUTS=0
 * run: safety -DN=2 -DWIDTH=2 -DSTART=IN_DRIVER -DBATCH=2 -DPUSHES=2 -DBUSY=1 -DTIMEOUTS=0
 * run: safety -DN=3 -DWIDTH=3 -DSTART=IN_DRIVER -DPUSHES=0 -DBUSY=1 -DTIMEOUTS=1
 * run: safety -DN=2 -DWIDTH=2 -DSTART=IN_DRIVER -DPUSHES=1 -DBUSY=1 -DLOOKS -DTIMEOUTS=1
 * run: safety -DN=2 -DWIDTH=2 -DSTART=UNBORN -DPUSHES=1 -DBUSY=1 -DTIMEOUTS=1
 * run: safety -DN=2 -DWIDTH=1 -DSTART=ELSEWHERE -DPUSHES=1 -DBUSY=1 -DFREE -DTIMEOUTS=1
 * run: safety -DN=2 -DWIDTH=2 -DSTART=ELSEWHERE -DPUSHES=0 -DBUSY=1 -DTASK_WATCHES -DTIMEOUTS=1
 * run: safety -DN=3 -DWIDTH=3 -DSTART=IN_DRIVER -DPUSHES=0 -DBUSY=0 -DTIMEOUTS=1 -DEND=CANCELLING
 * run: safety -DN=3 -DWIDTH=3 -DSTART=IN_DRIVER -DPUSHES=1 -DBUSY=0 -DTIMEOUTS=0 -DEND=DRAINING
 * run: safety -DN=4 -DWIDTH=4 -DSTART=ELSEWHERE -DPUSHES=0 -DBUSY=0 -DTIMEOUTS=0
 * run: ltl -DN=3 -DWIDTH=3 -DSTART=ELSEWHERE -DPUSHES=0 -DBUSY=1 -DTIMEOUTS=0
 * run: ltl -DN=2 -DWIDTH=2 -DSTART=IN_DRIVER -DPUSHES=0 -DBUSY=1 -DTIMEOUTS=1
 * run: ltl -DN=2 -DWIDTH=2 -DSTART=IN_DRIVER -DPUSHES=1 -DBUSY=0 -DTIMEOUTS=0 -DEND=CANCELLING
 * fault: FAULT_100 -DN=2 -DWIDTH=2 -DSTART=ELSEWHERE -DPUSHES=0 -DBUSY=1 -DTIMEOUTS=0
 * fault: FAULT_101 -DN=2 -DWIDTH=2 -DSTART=ELSEWHERE -DPUSHES=1 -DBUSY=1 -DTIMEOUTS=0
 * fault: FAULT_102 -DN=2 -DWIDTH=2 -DSTART=IN_DRIVER -DBATCH=2 -DPUSHES=2 -DBUSY=1 -DTIMEOUTS=0
 * fault: FAULT_103 -DN=2 -DWIDTH=2 -DSTART=ELSEWHERE -DPUSHES=0 -DBUSY=0 -DTIMEOUTS=2
 * fault: FAULT_104 -DN=2 -DWIDTH=2 -DSTART=ELSEWHERE -DPUSHES=0 -DBUSY=1 -DTIMEOUTS=0
 * fault: FAULT_105 -DN=2 -DWIDTH=2 -DSTART=IN_DRIVER -DPUSHES=1 -DBUSY=1 -DLOOKS -DTIMEOUTS=0
 * fault: FAULT_106 -DN=2 -DWIDTH=2 -DSTART=IN_DRIVER -DPUSHES=0 -DBUSY=0 -DTIMEOUTS=0 -DEND=CANCELLING
 * fault: FAULT_107 -DN=2 -DWIDTH=2 -DSTART=IN_DRIVER -DPUSHES=1 -DBUSY=0 -DTIMEOUTS=0
 * fault: FAULT_108 -DN=2 -DWIDTH=2 -DSTART=IN_DRIVER -DPUSHES=2 -DBUSY=0 -DTIMEOUTS=1
 *
 * FAULT_100  who adds a descriptor does not look whether somebody is parked elsewhere
 * FAULT_101  who parks elsewhere does not look whether there is something to watch by now
 * FAULT_102  who has heard the bell and leaves tokens behind does not ring again
 * FAULT_103  who retires does not look whether there is something to watch by now
 * FAULT_104  who has watched, or might have, is called away and does not look whether others watch
 * FAULT_105  who looks in while it runs, and hears the bell, keeps it for itself
 * FAULT_106  who is told of the end does not ring for the next
 * FAULT_107  who finds a token forgets what else it has taken out of the driver
 * FAULT_108  who may not retire from the driver is not announced there any more
 */
#define LIMIT N
#include "lib/sync_word.pml"
#include "lib/worker_event.pml"

#define UNBORN 0
#define ELSEWHERE 1 /* all sleep on their own events: the first descriptor, and the driver, come late */
#define IN_DRIVER 2
#ifndef BATCH
#define BATCH 1
#endif

byte plain, busy;        /* tasks in the injected queue: some only run, some compute until the descriptor was served */
byte ringed;             /* tasks in the workers' rings: the flow that has waited for the descriptor */
bool injected_armed = true;
#define injected (plain + busy)
#define anything_queued (injected > 0 || ringed > 0)

bool started[N], start_as_searcher[N], polls[N];
byte timeouts = TIMEOUTS;
byte sources;
bool waiting;            /* a flow waits for the descriptor */
bool came, served;       /* ghost: it has become ready; the flow has gone on */
byte unfinished, pushed, waking, owed; /* ghost: tasks, outsiders, wakers that look, tokens that were left */
bool joined;

/* The driver: events of which each is taken by one sleeper, and a bell of which two rings may be one. */
bool bell, ready;
byte sleepers, tokens;   /* the poll event's word */
bool poll_grant, poll_stopped;

#if N > 2
#define STARTED_2 started[2]
#define POLLS_2 polls[2]
#else
#define STARTED_2 0
#define POLLS_2 0
#endif
#if N > 3
#define STARTED_3 started[3]
#define POLLS_3 polls[3]
#else
#define STARTED_3 0
#define POLLS_3 0
#endif
#define all_started (started[0] + started[1] + STARTED_2 + STARTED_3)
#define all_polls (polls[0] + polls[1] + POLLS_2 + POLLS_3)

/* mirrors: include/treadle/detail/polling.hpp io_is_unwatched c640619e
 * mirrors: include/treadle/detail/poll_event.hpp has_waiters b0dac873 */
#define io_is_unwatched (sources > 0 && sleepers == 0)

/* mirrors: include/treadle/detail/poll_event.hpp arm 81be1878 */
inline poll_arm() { d_step { sleepers++; assert(sleepers <= N) } }

/* mirrors: include/treadle/detail/poll_event.hpp end 5c8c5eea
 * mirrors: include/treadle/detail/poll_event.hpp disarm 8fcfc191 */
inline poll_end(only_if_called, result) {
  d_step {
    if
    :: only_if_called && tokens == 0 && !poll_stopped -> result = NOTHING
    :: else ->
      assert(sleepers > 0);
      if
      :: tokens > 0 -> result = (poll_grant -> GRANTED : NOTIFIED); tokens--; poll_grant = false; owed--
      :: else -> result = (poll_stopped -> SHUT_DOWN : NOTHING)
      fi;
      sleepers--;
      polls[self] = false;
#ifndef FAULT_102
      must_ring = must_ring || (sleepers > 0 && heard && tokens > 0);
#endif
#ifndef FAULT_106
      must_ring = must_ring || (sleepers > 0 && poll_stopped);
#endif
      assert(tokens <= sleepers)
    fi
  };
  if
  :: must_ring -> d_step { bell = true; must_ring = false }
  :: else
  fi
}

/* mirrors: include/treadle/detail/poll_event.hpp leave e2da16ec
 * mirrors: include/treadle/detail/parking.hpp retire ef4fbf4c */
inline poll_leave(stays, result) {
  d_step {
    result = !(poll_stopped || tokens > 0 || ((stays) && sleepers == 1));
    if
    :: result -> sleepers--
    :: else
    fi
  }
}

/* A claim is a count first and a sleeper second: one in the driver, whichever that will be, or else the lowest whose
 * event can be claimed.
 * mirrors: include/treadle/detail/waking.hpp wake 9a9f8e18
 * mirrors: include/treadle/detail/poll_event.hpp claim 4f4339b3 */
inline wake_parked() {
  waking++;
  do
  :: d_step { i == 0 && !poll_stopped && tokens < sleepers ->
      tokens++;
      owed++;
      poll_grant = poll_grant || as_searcher;
      as_searcher = false;
      waking-- };
    d_step { bell = true };
    break
  :: d_step { i == 0 && (poll_stopped || tokens == sleepers) -> i = 1 }
  :: d_step { i == 1 && some_claimable ->
      i = 0;
      do
      :: !is_claimable(i) -> i++
      :: else -> break
      od;
      event_claim_and_wake(i, as_searcher);
      owed++;
      as_searcher = false;
      i = 0;
      waking-- };
    break
#ifdef END
  :: atomic { i == 1 && !some_claimable && life >= CANCELLING -> i = 0; waking-- };
    wake_failed(as_searcher);
    break
#endif
  :: d_step { i == 1 && !some_claimable && life < CANCELLING -> i = 0 }
  od
}

/* mirrors: include/treadle/detail/waking.hpp notify 5f3ee4ee
 * mirrors: include/treadle/detail/waking.hpp start c89d838f */
inline notify(count) {
  do
  :: (count >> woken) != 0 ->
    atomic {
      claim_wake(LIMIT, woken > 0, kind, as_searcher);
      if
      :: kind == FRESH ->
        d_step {
          all_started < N;
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
      :: else
      fi
    };
    if
    :: kind == FRESH
    :: kind == PARKED -> wake_parked()
    :: else -> break
    fi;
    kind = NOBODY;
    woken++
  :: else -> break
  od;
  kind = NOBODY;
  woken = 0
}

/* mirrors: include/treadle/detail/waking.hpp work_is_left b1a6ff90 */
inline look_for_the_rest() {
#ifndef FAULT_104
  if
  :: !seen -> seen = io_is_unwatched
  :: else
  fi;
#endif
  if
  :: !seen -> d_step { seen = (injected > 0); injected_armed = true }
  :: else
  fi
}

/* mirrors: include/treadle/detail/waking.hpp add_source 7c6b9dc9 */
inline add_source() {
  d_step { sources++; waiting = true };
#ifndef FAULT_100
  if
  :: atomic { !searching && can_wake -> seen = io_is_unwatched };
    if
    :: seen -> seen = false; notify(1)
    :: else
    fi
  :: searching || !can_wake
  fi
#endif
}

/* mirrors: include/treadle/detail/scheduler.hpp next b0503c65
 * mirrors: include/treadle/detail/scheduler.hpp deliver d79fd9e0
 * mirrors: include/treadle/detail/scheduler.hpp bring_ready 52250729
 * mirrors: include/treadle/detail/scheduler.hpp found ae10b427
 * mirrors: include/treadle/detail/parking.hpp look_into_driver 00700797
 * mirrors: include/treadle/detail/poll_event.hpp must_ring_again 80f1821b
 * mirrors: include/treadle/detail/poll_event.hpp wait_armed f5c85d38
 * mirrors: include/treadle/detail/parking.hpp rest a0511cb9
 * mirrors: include/treadle/detail/parking.hpp sleep 56030230
 * mirrors: include/treadle/detail/parking.hpp arm ba3f7dae
 * mirrors: include/treadle/detail/parking.hpp disarm 7d1501c6
 * mirrors: include/treadle/detail/parking.hpp wait_armed a5f38723
 * mirrors: include/treadle/detail/parking.hpp resume 896fef82
 * mirrors: include/treadle/detail/parking.hpp end_retire f474ec19
 * mirrors: include/treadle/detail/parking.hpp leave_parked e048c4ff
 * mirrors: include/treadle/detail/parking.hpp leave_running 19446fda */
#define DISARM(result)                                                     \
  if                                                                       \
  :: polls[self] -> poll_end(false, result)                                \
  :: else ->                                                               \
    d_step {                                                               \
      event_disarm(self, result);                                          \
      owed = owed - (result == NOTIFIED || result == GRANTED -> 1 : 0)     \
    }                                                                      \
  fi

#define NO_TASK 0
#define A_PLAIN 1
#define A_BUSY 2
#define THE_FLOW 3

proctype worker(byte self) {
  bool just_woken, searcher, seen, as_searcher, done, heard, arrived, must_ring;
  byte i, kind, woken, task;
#if START != UNBORN
  goto parked;
#endif
end_unborn:
  atomic {
    started[self] -> searcher = start_as_searcher[self];
    start_as_searcher[self] = false;
    just_woken = true
  };
next:
#ifdef END
  if
  :: life >= CANCELLING -> goto rest
  :: life < CANCELLING
  fi;
#endif
  if
  :: arrived ->
    d_step {
      arrived = false;
      if
      :: waiting -> waiting = false; ringed++
      :: else
      fi
    }
  :: else
  fi;
#if WIDTH < N
  if
  :: n_active > WIDTH -> goto rest
  :: n_active <= WIDTH
  fi;
#endif
#ifdef LOOKS
  if
  :: skip
  :: io_is_unwatched -> /* one task of many, or the time that has passed, bids it look in */
    d_step {
      heard = bell;
      bell = false;
      if
      :: ready -> ready = false;
        if
        :: waiting -> waiting = false; ringed++
        :: else
        fi
      :: else
      fi
    };
#ifndef FAULT_105
    if
    :: heard && sleepers > 0 && (tokens > 0 || poll_stopped) -> bell = true
    :: else
    fi;
#endif
    heard = false
  fi;
#endif
  atomic {
    if
    :: ringed > 0 -> ringed--; task = THE_FLOW
    :: plain > 0 -> plain--; task = A_PLAIN
    :: busy > 0 -> busy--; task = A_BUSY
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
    :: atomic { !searching && can_wake -> seen = anything_queued };
      look_for_the_rest();
      if
      :: seen -> seen = false; notify(1)
      :: else
      fi
    :: searching || !can_wake
    fi
  :: else
  fi;
  if
  :: task == THE_FLOW -> served = true
  :: task == A_PLAIN
  :: task == A_BUSY ->
#ifdef TASK_WATCHES
    add_source();
#endif
#ifdef FREE
    came || life >= CANCELLING
#else
    (served && unfinished == 1) || life >= CANCELLING
#endif
  fi;
  d_step { unfinished = unfinished - (task != THE_FLOW -> 1 : 0); task = NO_TASK };
  goto next;
rest:
#ifdef END
  if
  :: life >= CANCELLING -> leave_active(searcher); goto gone
  :: life < CANCELLING
  fi;
#endif
  /* In one step: who adds a source between the two looks for sleepers only after that, and finds none. */
  atomic {
    just_woken = false;
    if
    :: sources > 0 -> polls[self] = true; poll_arm()
    :: else -> event_arm(self)
    fi
  };
  announce_idle(searcher);
#ifdef END
  if
  :: life >= CANCELLING ->
    DISARM(kind);
    if
    :: kind == NOTIFIED || kind == GRANTED ->
      searcher = (kind == GRANTED);
      leave_active(searcher)
    :: else -> leave_idle()
    fi;
    goto gone
  :: life < CANCELLING
  fi;
#endif
  d_step { seen = (injected > 0); injected_armed = true };
  if
  :: !seen -> seen = anything_queued
  :: else
  fi;
#ifndef FAULT_101
  if
  :: !seen -> seen = io_is_unwatched
  :: else
  fi;
#endif
  if
  :: seen ->
    seen = false;
    cancel_idle(kind);
    if
    :: kind == UNPARKED -> goto resume
    :: else -> kind = NOTHING
    fi
  :: else
  fi;
parked:
  do
  :: polls[self] ->
    poll_end(true, kind);
    if
    :: kind != NOTHING -> break
    :: kind == NOTHING && arrived ->
      d_step { /* above the width if no slot is free */
        if
        :: n_idle == 0 -> kind = CLAIMED_BY_WAKER
        :: else -> kind = UNPARKED; n_idle--; n_active++
        fi;
        check_word()
      };
      if
      :: kind == UNPARKED -> goto resume
      :: else -> kind = NOTHING; tokens > 0 || poll_stopped || n_idle > 0 /* what it yields for */
      fi
    :: kind == NOTHING && !arrived ->
end_in_driver:
      if
      :: d_step { bell || ready ->
          heard = heard || bell;
          arrived = ready;
          bell = false;
          ready = false }
      :: atomic { !bell && !ready && timeouts > 0 -> timeouts-- };
        poll_leave(sources > 0, done);
        if
        :: done ->
          retire_idle(done);
          if
          :: done -> polls[self] = false; kind = NOTHING; goto retired
          :: else ->
#ifdef FAULT_108
            skip
#else
            poll_arm()
#endif
          fi
        :: else
        fi
      fi
    fi
  :: !polls[self] ->
    d_step {
      event_look_or_sleep(self, kind);
      owed = owed - (kind == NOTIFIED || kind == GRANTED -> 1 : 0)
    };
    if
    :: kind != NOTHING -> break
    :: kind == NOTHING ->
end_asleep:
      if
      :: !wake_up[self].asleep
      :: atomic { wake_up[self].asleep && timeouts > 0 -> timeouts--; wake_up[self].asleep = false };
        if
        :: d_step { !wake_up[self].token && !wake_up[self].stopped -> skip };
          retire_idle(done);
          if
          :: done ->
            DISARM(kind);
            goto retired
          :: else
          fi
        :: else
        fi
      fi
    fi
  od;
  if
  :: kind == SHUT_DOWN -> leave_idle(); goto gone
  :: else
  fi;
awake:
  atomic {
    searcher = (kind == GRANTED);
    kind = NOTHING;
    heard = false;
#ifdef FAULT_107
    arrived = false;
#endif
    just_woken = true
  };
  goto next;
resume: /* its count is taken back, and may be another's */
  kind = NOTHING;
  DISARM(kind);
  if
  :: kind == NOTIFIED || kind == GRANTED -> give_back_idle()
  :: else -> kind = NOTHING
  fi;
  goto awake;
retired:
  done = false;
  if
  :: kind == NOTIFIED || kind == GRANTED -> give_back_retired(); goto awake
  :: else -> kind = NOTHING
  fi;
  leave_retired();
#ifndef FAULT_103
  if
  :: atomic { !searching && can_wake -> seen = anything_queued };
    look_for_the_rest();
    if
    :: seen ->
      seen = false;
      claim_wake(LIMIT, false, kind, as_searcher);
      if
      :: kind == FRESH -> kind = (as_searcher -> GRANTED : NOTIFIED); as_searcher = false; goto awake
      :: kind == PARKED -> wake_parked()
      :: else
      fi;
      kind = NOTHING
    :: else
    fi
  :: searching || !can_wake
  fi;
#endif
gone:
  atomic { started[self] = false; kind = NOTHING; arrived = false; just_woken = false; heard = false };
  goto end_unborn
}

/* mirrors: include/treadle/detail/scheduler.hpp inject ac5f7443
 * mirrors: include/treadle/detail/task_queue.hpp push 41bce2aa */
inline push(queue, count) {
  d_step {
    queue = queue + count;
    unfinished = unfinished + count;
    must_wake = injected_armed;
    injected_armed = false
  };
  if
  :: must_wake -> must_wake = false; notify(count)
  :: else
  fi
}
proctype pusher() {
  byte i, kind, woken, plain_left = PUSHES, busy_left = BUSY;
  bool as_searcher, must_wake;
  do
  :: plain_left >= BATCH -> plain_left = plain_left - BATCH; push(plain, BATCH)
  :: busy_left > 0 -> busy_left--; push(busy, 1)
  :: plain_left < BATCH && busy_left == 0 -> break
  od;
  pushed++
}
proctype watcher() {
  byte i, kind, woken;
  bool as_searcher, seen;
  add_source();
  pushed++
}
#if START == IN_DRIVER || defined(TASK_WATCHES)
#define OUTSIDERS 1
#else
#define OUTSIDERS 2
#endif

active proctype world() {
end_nothing_to_tell_of:
  atomic { sources > 0 -> came = true; ready = true }
}

#ifdef END
/* mirrors: src/core/lifecycle.cpp shut_down b635e9f8
 * mirrors: include/treadle/detail/parking.hpp stop_parked a824554b
 * mirrors: include/treadle/detail/poll_event.hpp shut_down faea2b14 */
active proctype owner() {
  byte i;
  pushed == OUTSIDERS;
  advance(END);
  waiting = false; /* the driver is closed: the flow ends */
  if
  :: END == DRAINING -> atomic { !anything_queued && is_idle_quiet -> life = STOPPED }
  :: else
  fi;
  do
  :: i < N -> d_step { event_shut_down(i); futex_wake(i); i++ }
  :: else -> break
  od;
  atomic { poll_stopped = true; i = sleepers };
  if
  :: i > 0 -> bell = true
  :: else
  fi;
  n_total == 0;
  joined = true
}
#endif

#ifndef LTL
active proctype quiescent() {
end_moving:
  timeout;
  assert(pushed == OUTSIDERS && waking == 0 && tokens == 0);
  assert(owed == 0);
  assert(n_active == 0 && !searching);
  assert(n_idle == n_total && n_total == all_started);
  assert(sleepers == all_polls);
#ifdef END
  assert(joined && n_total == 0)
#else
  assert(!anything_queued && unfinished == 0);
  assert(sources == 0 || (came && served && sleepers > 0))
#endif
}
#elif defined(END)
ltl everyone_leaves { <> joined }
#else
ltl what_is_ready_is_served { ([] (came -> <> served)) && ([] (injected > 0 -> <> (injected == 0))) }
#endif

init {
  byte at;
  atomic {
#if START != UNBORN
    n_idle = N;
    n_total = N;
#endif
#if START == IN_DRIVER
    sources = 1;
    waiting = true;
    sleepers = N;
#endif
    do
    :: at < N ->
#if START != UNBORN
      started[at] = true;
#endif
#if START == IN_DRIVER
      polls[at] = true;
#elif START == ELSEWHERE
      wake_up[at].armed = true;
#endif
      run worker(at);
      at++
    :: else -> at = 0; break
    od;
    run pusher();
#if OUTSIDERS > 1
    run watcher();
#endif
  }
}
