/* Who comes for a fork: its owner shares on request, workers that search look at every stack, and while there are forks
 * one of the parked is the lookout, who gets up now and then.
 *
 * Shows: a shared fork and a worker that might take it do not last side by side; whenever a worker has forks that nobody
 * has started, one of them is shared or the next push shares one, so the one thing that lasts is a private fork under a
 * running leaf, until that leaf forks, joins or hands over; every fork runs once; when nothing moves any more, nothing is
 * forked, everybody is parked and there is no lookout.
 *
 * run: safety -DN=2 -DFORKS=4
 * run: safety -DN=3 -DFORKS=2 -DUNRIPE=0
 * run: ltl -DN=2 -DFORKS=3
 * fault: FAULT_90 -DN=2 -DFORKS=2
 * fault: FAULT_91 -DN=2 -DFORKS=2
 * fault: FAULT_92 -DN=2 -DFORKS=3
 * fault: FAULT_93 -DN=2 -DFORKS=2
 * fault: FAULT_94 -DN=2 -DFORKS=3
 *
 * The threads exist; the first of them runs a task that forks, the others are awake. There are no queued tasks: wake.pml
 * has those. What a worker keeps to run next is offered in the same way, and would be one more shared fork here. UNRIPE says how often a fork may be found not to lie there long enough. Who waits for
 * a thief takes what that one shares, as a leaf, and keeps its slot: tests/model has the rest of it, and the zone's word.
 *
 * FAULT_90  the lookout leaves its post without a last look
 * FAULT_91  who shares asks for the lookout before the fork can be seen
 * FAULT_92  who takes the last shared fork does not ask for another
 * FAULT_93  nobody becomes the lookout
 * FAULT_94  who shares wakes nobody when there is no lookout
 */
#ifndef UNRIPE
#define UNRIPE 1
#endif
#define PATIENCE 1
#define WIDTH N
#define LIMIT N

#include "lib/sync_word.pml"
#include "lib/worker_event.pml"

/* A stack, from the oldest: stolen, shared, private. */
byte stolen[N], shared[N], private[N];
byte over[N];             /* a bit for each stolen fork that has ended */
byte taker[N * FORKS];    /* who has stolen it */
bool must_share[N] = true;
byte asking[N];           /* ghost: thieves between their last steal and the request */
bool forks_are_used, lookout;
byte unripe = UNRIPE;
byte forks = FORKS;       /* how many more may be pushed */
byte pushed, ran;         /* ghost */
byte held_up;             /* workers whose leaf waits for a fork to be taken */

#if N > 2
#define shared_2 shared[2]
#define forked_2 (stolen[2] + shared[2] + private[2])
#else
#define shared_2 0
#define forked_2 0
#endif
/* mirrors: include/treadle/detail/waking.hpp any_offers df4391a6 */
#define any_offers (shared[0] + shared[1] + shared_2 != 0)

/* mirrors: include/treadle/detail/waking.hpp notify 5f3ee4ee
 * mirrors: include/treadle/detail/waking.hpp wake 9a9f8e18 */
inline notify_one() {
  claim_wake(LIMIT, false, kind, as_searcher);
  if
  :: kind == PARKED ->
    d_step {
      some_claimable;
      i = 0;
      do
      :: !is_claimable(i) -> i++
      :: else -> break
      od;
      event_claim_and_wake(i, as_searcher);
      as_searcher = false;
      i = 0
    }
  :: else -> assert(kind == NOBODY)
  fi;
  kind = 0
}

/* The look at the post is a step of its own, after the zone has moved.
 * mirrors: include/treadle/detail/fork_stack.hpp share 7c288506
 * mirrors: include/treadle/detail/forking.hpp share 2972bb5a */
inline share(most) {
#ifdef FAULT_91
  seen = lookout;
#endif
  d_step {
    shared[self] = shared[self] + (private[self] < (most) -> private[self] : (most));
    private[self] = (private[self] < (most) -> 0 : private[self] - (most))
  };
#ifndef FAULT_91
  seen = lookout;
#endif
#ifdef FAULT_94
  seen = true;
#endif
  if
  :: !seen && !searching && can_wake -> notify_one()
  :: else
  fi;
  seen = false
}

/* mirrors: include/treadle/detail/forking.hpp feed 994c65ff
 * mirrors: include/treadle/detail/fork_stack.hpp push ff1dc489
 * mirrors: include/treadle/detail/fork_stack.hpp takes_request 07a5a9dc */
inline fork() {
  d_step {
    forks != 0;
    forks--;
    pushed++;
    private[self]++;
    seen = must_share[self];
    assert(seen || shared[self] != 0 || asking[self] != 0);
    must_share[self] = false
  };
  if
  :: seen -> forks_are_used = true; share(1)
  :: else
  fi
}

/* A long leaf: it goes on until the forks that are shared under it were taken. */
#define may_wait (shared[self] != 0 && held_up < N - 1)
inline long_leaf() {
  held_up++;
  atomic { shared[self] == 0 -> held_up-- }
}

/* mirrors: include/treadle/detail/forking.hpp hand_over 4a585316
 * mirrors: include/treadle/detail/forking.hpp share_all 4848a014 */
inline hand_over() {
  if
  :: private[self] != 0 -> share(FORKS)
  :: else
  fi;
  if
  :: !searching && can_wake && any_offers -> notify_one()
  :: else
  fi
}

/* mirrors: include/treadle/detail/fork_stack.hpp claim 56d320c8
 * mirrors: include/treadle/detail/forking.hpp steal_fork e6064a97 */
inline take(from, victim, place) {
  d_step {
    victim = from;
    place = stolen[from];
    taker[victim * FORKS + place] = self;
    stolen[from]++;
    shared[from]--;
    if
    :: shared[from] == 0 -> asking[from]++; seen = true
    :: else
    fi
  };
  if
  :: seen ->
    d_step {
#ifndef FAULT_92
      must_share[victim] = true;
#endif
      asking[victim]--;
      seen = false
    }
  :: else
  fi
}

/* mirrors: include/treadle/detail/fork_stack.hpp pop 0bcbbdfb
 * mirrors: include/treadle/detail/fork_stack.hpp take_back 4180c159
 * mirrors: include/treadle/detail/fork_stack.hpp close b7ebed78
 * mirrors: include/treadle/detail/forking.hpp settled 4030c3a5
 * mirrors: include/treadle/detail/forking.hpp wait_for b092cab6 */
#define newest_is_over ((over[self] & (1 << (stolen[self] - 1))) != 0)
#define newest_is_away (private[self] == 0 && shared[self] == 0 && !newest_is_over)
#define newest_taker taker[self * FORKS + stolen[self] - 1]
inline join() {
  if
  :: atomic { private[self] != 0 -> private[self]--; ran++ }
  :: atomic { private[self] == 0 && shared[self] != 0 -> shared[self]--; ran++ };
    if
    :: shared[self] == 0 -> must_share[self] = true
    :: else
    fi
  :: atomic {
      private[self] == 0 && shared[self] == 0 && newest_is_over ->
      stolen[self]--;
      over[self] = over[self] & ~(1 << stolen[self])
    };
    must_share[self] = true
  :: atomic {
      newest_is_away && shared[newest_taker] != 0 -> take(newest_taker, helped, help_place)
    };
    d_step {
      over[helped] = over[helped] | (1 << help_place);
      ran++;
      helped = 0;
      help_place = 0
    }
  fi
}

/* A fork that is there and ripe, or that is not ripe now, as often as UNRIPE says.
 * mirrors: include/treadle/detail/fork_stack.hpp is_ripe 7eeb648c
 * mirrors: include/treadle/detail/forking.hpp ripe_offers 51131dee */
inline look_for_ripe(found) {
  atomic {
    if
    :: any_offers -> found = true
    :: any_offers && unripe != 0 -> unripe--; found = false
    :: !any_offers -> found = false
    fi
  }
}

/* mirrors: include/treadle/detail/scheduler.hpp found ae10b427
 * mirrors: include/treadle/detail/waking.hpp wake_if_work_is_left b99c05c5 */
inline found() {
  just_woken = false;
  release_search(searcher);
  if
  :: !searching && can_wake && any_offers -> notify_one()
  :: else
  fi
}

/* mirrors: include/treadle/detail/forking.hpp leave_lookout 09b1b3e1 */
inline leave_lookout() {
  if
  :: naps -> d_step { naps = false; vain = 0; lookout = false }
  :: else
  fi
}

/* mirrors: include/treadle/detail/forking.hpp become_lookout a3ceaab8 */
inline become_lookout() {
#ifdef FAULT_93
  skip
#else
  if
  :: lookout
  :: !lookout && !forks_are_used && !any_offers
  :: !lookout && (forks_are_used || any_offers) ->
    d_step {
      naps = !lookout;
      lookout = true;
      vain = 0
    }
  fi
#endif
}

/* Says in `seen` whether the lookout should get up.
 * mirrors: include/treadle/detail/forking.hpp look_out e62820f4 */
inline look_out() {
  look_for_ripe(seen);
  if
  :: !seen ->
    d_step {
      vain = (forks_are_used -> 0 : vain + 1);
      forks_are_used = false
    };
    if
    :: vain < PATIENCE && n_active != 0
    :: else ->
      leave_lookout();
#ifndef FAULT_90
      seen = any_offers
#endif
    fi
  :: else
  fi
}



/* mirrors: include/treadle/detail/scheduler.hpp work 6c874231
 * mirrors: include/treadle/detail/scheduler.hpp search 6aeb166e
 * mirrors: include/treadle/detail/scheduler.hpp steal c06f4324
 * mirrors: include/treadle/detail/parking.hpp rest a0511cb9
 * mirrors: include/treadle/detail/parking.hpp sleep 56030230
 * mirrors: include/treadle/detail/parking.hpp woken 2334641a
 * mirrors: include/treadle/detail/parking.hpp resume 896fef82
 * mirrors: include/treadle/detail/forking.hpp run_stolen 5e2017d8 */
proctype worker(byte self) {
  bool just_woken, searcher, seen, as_searcher, naps;
  byte i, kind, victim = N, place, helped, help_place, vain;

  if
  :: self == 0 -> goto running
  :: else
  fi;
search:
  look_for_ripe(seen);
  if
  :: !seen -> goto rest
  :: else -> seen = false
  fi;
  atomic {
    if
    :: self != 0 && shared[0] != 0 -> take(0, victim, place)
    :: self != 1 && shared[1] != 0 -> take(1, victim, place)
#if N > 2
    :: self != 2 && shared[2] != 0 -> take(2, victim, place)
#endif
    :: else -> goto search
    fi
  };
  if
  :: just_woken -> found()
  :: else
  fi;
running:
  /* A task, or a branch: some forks and leaves, then all joins. */
  do
  :: fork()
  :: atomic { may_wait -> long_leaf() }
  :: private[self] != 0 -> hand_over()
  :: break
  od;
  do
  :: stolen[self] + shared[self] + private[self] != 0 -> join()
  :: else -> break
  od;
  if
  :: victim != N ->
    d_step {
      over[victim] = over[victim] | (1 << place);
      ran++;
      victim = N;
      place = 0
    }
  :: else
  fi;
  goto search;
rest:
  event_arm(self);
  become_lookout();
  announce_idle(searcher);
  become_lookout();
  kind = NOTHING;
  do
  :: kind == NOTHING ->
    event_look_or_sleep(self, kind);
    if
    :: kind == NOTHING ->
end_asleep:
      if
      :: !wake_up[self].asleep
      :: atomic { naps && wake_up[self].asleep -> wake_up[self].asleep = false };
        look_out();
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
        :: else
        fi
      fi
    :: else
    fi
  :: else -> break
  od;
awake:
  leave_lookout();
  searcher = (kind == GRANTED);
  kind = NOTHING;
  just_woken = true;
  goto search
}

/* Nothing moves any more. */
#ifndef LTL
active proctype quiescent() {
end_moving:
  timeout;
  assert(stolen[0] + shared[0] + private[0] + stolen[1] + shared[1] + private[1] + forked_2 == 0);
  assert(ran == pushed);
  assert(n_active == 0 && n_idle == N && !searching && !lookout)
}
#else
ltl progress { !(<>[](any_offers && n_idle > 0 && n_active < WIDTH)) }
#endif

init {
  atomic {
    n_active = N;
    n_total = N;
    run worker(0);
    run worker(1);
#if N > 2
    run worker(2)
#endif
  }
}
