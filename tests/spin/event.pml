/* The event with several waiters: its word and its futex are two things here, and each return of the futex is only a
 * reason to look.
 *
 * Shows: after a shutdown every waiter leaves; a token and a sleeper do not last side by side; each claim that was won
 * reaches exactly one waiter, with its grant.
 *
 * run: safety -DWAITERS=3 -DNOTIFIERS=2 -DSHUT=1
 * run: safety -DWAITERS=2 -DNOTIFIERS=3 -DSHUT=1
 * run: safety -DWAITERS=3 -DNOTIFIERS=3 -DSHUT=0
 * run: ltl -DWAITERS=2 -DNOTIFIERS=2 -DSHUT=1
 * fault: FAULT_6 -DWAITERS=2 -DNOTIFIERS=1 -DSHUT=1
 * fault: FAULT_7 -DWAITERS=2 -DNOTIFIERS=1 -DSHUT=1
 * fault: FAULT_50 -DWAITERS=2 -DNOTIFIERS=1 -DSHUT=0
 * fault: FAULT_51 -DWAITERS=2 -DNOTIFIERS=2 -DSHUT=0
 *
 * FAULT_6   the shutdown wakes nobody if it finds a token, which may be a newcomer's (seed defect 6)
 * FAULT_7   a notification overwrites the shutdown (seed defect 7)
 * FAULT_50  a sleeper goes to sleep although the word has changed since its look
 * FAULT_51  a claim is won although a token is pending already
 */
byte waiters;
bool token, grant, stopped;
bool asleep[WAITERS];
byte left_count;     /* waiters that are through */
byte notifiers_done;
bool shut_down_done;
byte claims_won, grants_won, came, grants_came; /* ghosts */

/* futex_wake of one: any sleeper, or nobody if none sleeps. */
inline futex_wake_one() {
  atomic {
    if
    :: asleep[0] -> asleep[0] = false
#if WAITERS > 1
    :: asleep[1] -> asleep[1] = false
#endif
#if WAITERS > 2
    :: asleep[2] -> asleep[2] = false
#endif
    :: else
    fi
  }
}
inline futex_wake_all() {
  d_step {
    i = 0;
    do
    :: i < WAITERS -> asleep[i] = false; i++
    :: else -> i = 0; break
    od
  }
}

#define NOTHING 0
#define NOTIFIED 1
#define SHUT_DOWN 2
/* mirrors: include/treadle/detail/event.hpp disarm 1e0ac491 */
inline disarm(result) {
  d_step {
    assert(waiters > 0);
    waiters--;
    if
    :: token -> result = NOTIFIED; came++; grants_came = grants_came + grant
    :: else -> result = (stopped -> SHUT_DOWN : NOTHING)
    fi;
    token = false;
    grant = false
  }
}

/* mirrors: include/treadle/detail/event.hpp arm e437815b
 * mirrors: include/treadle/detail/event.hpp wait_armed 6165703f
 * mirrors: include/treadle/detail/event.hpp wait 75a92d8e */
proctype waiter(byte self) {
  byte result;
  bool in_time = true;
  waiters++;
  do
  :: atomic { token || stopped -> skip };
    disarm(result);
    if
    :: result != NOTHING -> break
    :: else -> waiters++ /* another waiter was faster */
    fi
  :: atomic { !token && !stopped && in_time -> skip };
    atomic {
      if
#ifdef FAULT_50
      :: true -> asleep[self] = true
#else
      :: !token && !stopped -> asleep[self] = true
#endif
      :: token || stopped
      fi
    };
end_asleep:
    if
    :: !asleep[self]
    :: atomic { asleep[self] && self == 0 -> asleep[self] = false; in_time = false } /* one of them has a deadline */
    fi
  :: atomic { !token && !stopped && !in_time -> skip };
    disarm(result);
    break
  od;
  left_count++
}

/* mirrors: include/treadle/detail/event.hpp notify 6a1ae4bb
 * mirrors: include/treadle/detail/event.hpp claim 147d1649 */
proctype notifier() {
  bool must_wake;
  if
  :: d_step { /* notify */
#ifdef FAULT_7
      must_wake = (!token && waiters > 0);
      token = true;
      stopped = false
#else
      must_wake = (!stopped && !token && waiters > 0);
      token = (token || !stopped)
#endif
    }
  :: d_step { /* claim */
      if
#ifdef FAULT_51
      :: waiters > 0 && !stopped ->
#else
      :: waiters > 0 && !stopped && !token ->
#endif
        token = true;
        grant = true;
        claims_won++;
        grants_won++;
        must_wake = true
      :: else
      fi
    }
  fi;
  if
  :: must_wake -> futex_wake_one()
  :: else
  fi;
  notifiers_done++
}

/* mirrors: include/treadle/detail/event.hpp shut_down 0bfc0cd7 */
proctype shutter() {
  byte i;
  bool must_wake;
  d_step {
    must_wake = true;
#ifdef FAULT_6
    must_wake = (waiters > 0 && !token);
#endif
    stopped = true
  };
  if
  :: must_wake -> futex_wake_all()
  :: else
  fi;
  shut_down_done = true
}

#ifndef LTL
active proctype quiescent() {
end_moving:
  timeout;
  assert(notifiers_done == NOTIFIERS && shut_down_done == SHUT);
  assert(!shut_down_done || left_count == WAITERS);
  assert(!token || waiters == 0);
  assert(waiters + left_count == WAITERS);
  assert(grants_won == grants_came) /* a claim is won only while somebody waits, and is never lost */
}
#else
ltl everyone_leaves { [] (shut_down_done -> <>(left_count == WAITERS)) }
#endif

init {
  byte at;
  atomic {
    do
    :: at < WAITERS -> run waiter(at); at++
    :: else -> at = 0; break
    od;
    do
    :: at < NOTIFIERS -> run notifier(); at++
    :: else -> break
    od;
    if
    :: SHUT -> run shutter()
    :: else
    fi
  }
}
