/* One event a worker, with the worker as its only waiter. `asleep` is the futex: a sleeper stays there until somebody
 * calls futex_wake, whatever the word holds, so that a wake which is left out is missed.
 */
#define NOTHING 0
#define NOTIFIED 1
#define GRANTED 2
#define SHUT_DOWN 3

typedef event_word {
  bool armed;
  bool token;
  bool grant;
  bool stopped;
  bool asleep
}
event_word wake_up[N];

/* mirrors: include/treadle/detail/event.hpp arm e437815b */
inline event_arm(w) {
  d_step {
    assert(!wake_up[w].armed);
    wake_up[w].armed = true
  }
}

/* mirrors: include/treadle/detail/event.hpp disarm 1e0ac491 */
inline event_disarm(w, result) {
  d_step {
    assert(wake_up[w].armed);
    if
    :: wake_up[w].token -> result = (wake_up[w].grant -> GRANTED : NOTIFIED)
    :: else -> result = (wake_up[w].stopped -> SHUT_DOWN : NOTHING)
    fi;
    wake_up[w].armed = false;
    wake_up[w].token = false;
    wake_up[w].grant = false
  }
}

/* The part of wait_armed before the sleep; the worker sleeps while `asleep`.
 * mirrors: include/treadle/detail/event.hpp wait_armed 6165703f */
inline event_look_or_sleep(w, result) {
  d_step {
    if
    :: wake_up[w].token || wake_up[w].stopped ->
      if
      :: wake_up[w].token -> result = (wake_up[w].grant -> GRANTED : NOTIFIED)
      :: else -> result = SHUT_DOWN
      fi;
      wake_up[w].armed = false;
      wake_up[w].token = false;
      wake_up[w].grant = false
    :: else -> wake_up[w].asleep = true
    fi
  }
}

#define is_claimable(w) (wake_up[w].armed && !wake_up[w].token && !wake_up[w].stopped)
#if N == 2
#define some_claimable (is_claimable(0) || is_claimable(1))
#elif N == 3
#define some_claimable (is_claimable(0) || is_claimable(1) || is_claimable(2))
#else
#define some_claimable (is_claimable(0) || is_claimable(1) || is_claimable(2) || is_claimable(3))
#endif
/* Inside a step. That the word and the futex are two is shown by event.pml.
 * mirrors: include/treadle/detail/event.hpp claim 147d1649 */
inline event_claim_and_wake(w, with_grant) {
  assert(is_claimable(w));
  wake_up[w].token = true;
  wake_up[w].grant = with_grant;
  wake_up[w].asleep = false
}

/* mirrors: include/treadle/detail/event.hpp shut_down 0bfc0cd7 */
inline event_shut_down(w) { wake_up[w].stopped = true }

inline futex_wake(w) { wake_up[w].asleep = false }
