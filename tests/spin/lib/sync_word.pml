/* The pool's one word as named fields. Each transition is one step: a read-modify-write, or a loop around a
 * compare-exchange whose failures change nothing. WIDTH and LIMIT come from the model.
 */
#define RUNNING 0
#define DRAINING 1
#define CANCELLING 2
#define STOPPED 3

#define NOBODY 0
#define PARKED 1
#define FRESH 2

byte n_active, n_idle, n_total;
bool searching;
byte life = RUNNING;
byte token_holders; /* ghost: who believes to hold the searcher token, wakers on their way included */

#define could_wake(limit) (n_active < WIDTH && (n_idle != 0 || n_total < (limit)) && life < CANCELLING)
#define can_wake could_wake(LIMIT)
#define is_idle_quiet (n_idle == n_total)

inline check_word() {
  assert(n_active + n_idle <= n_total);
  assert(n_total <= LIMIT);
  assert(token_holders == (searching -> 1 : 0)) /* at most one searcher token, and nobody forgets it */
}
inline drop_token(held) {
  if
  :: held -> assert(searching); searching = false; token_holders--; held = false
  :: else
  fi
}

/* mirrors: include/treadle/detail/sync_word.hpp claim_wake 06c47a8f */
inline claim_wake(limit, extra, kind, as_searcher) {
  d_step {
    kind = NOBODY;
    as_searcher = false;
    if
    :: could_wake(limit) && (!searching || (extra)) && !((extra) && n_idle == 0) ->
      as_searcher = !searching;
      if
      :: n_idle == 0 -> kind = FRESH; n_total++
      :: else -> kind = PARKED; n_idle--
      fi;
      n_active++;
      if
      :: as_searcher -> searching = true; token_holders++
      :: else
      fi;
      assert(n_active <= WIDTH)
    :: else
    fi;
    check_word()
  }
}

/* mirrors: include/treadle/detail/sync_word.hpp start_failed 73be4fff */
inline start_failed(held) {
  d_step {
    n_active--;
    n_total--;
    drop_token(held);
    check_word()
  }
}

/* mirrors: include/treadle/detail/sync_word.hpp wake_failed edbe3df1 */
inline wake_failed(held) {
  d_step {
    n_active--;
    n_idle++;
    drop_token(held);
    check_word()
  }
}

/* mirrors: include/treadle/detail/sync_word.hpp announce_idle 0c380a2d */
inline announce_idle(held) {
  d_step {
    n_active--;
    n_idle++;
    drop_token(held);
    check_word()
  }
}

#define UNPARKED 0
#define CLAIMED_BY_WAKER 1
#define NO_SLOT 2
/* mirrors: include/treadle/detail/sync_word.hpp cancel_idle 8b51584a */
inline cancel_idle(result) {
  d_step {
    if
    :: n_idle == 0 -> result = CLAIMED_BY_WAKER
    :: n_idle != 0 && n_active >= WIDTH -> result = NO_SLOT
    :: else -> result = UNPARKED; n_idle--; n_active++
    fi;
    check_word()
  }
}
/* mirrors: include/treadle/detail/sync_word.hpp give_back_idle 0b2d3ebc */
inline give_back_idle() {
  d_step {
    n_active--;
    n_idle++;
    check_word()
  }
}

/* mirrors: include/treadle/detail/sync_word.hpp retire_idle 3418b0ad */
inline retire_idle(done) {
  d_step {
    done = (n_idle != 0 && life == RUNNING);
    if
    :: done -> n_idle--
    :: else
    fi;
    check_word()
  }
}
/* mirrors: include/treadle/detail/sync_word.hpp give_back_retired afad1046 */
inline give_back_retired() {
  d_step {
    n_idle++;
    check_word()
  }
}
/* mirrors: include/treadle/detail/sync_word.hpp leave_retired 5c6303e9 */
inline leave_retired() {
  d_step {
    n_total--;
    check_word()
  }
}

/* mirrors: include/treadle/detail/sync_word.hpp release_search 058adafa */
inline release_search(held) {
  d_step {
    drop_token(held);
    check_word()
  }
}

/* mirrors: include/treadle/detail/sync_word.hpp enter_blocking 8b2af5bc */
inline word_enter_blocking() {
  d_step {
    n_active--;
    check_word()
  }
}
/* mirrors: include/treadle/detail/sync_word.hpp leave_blocking b8298dee */
inline word_leave_blocking() {
  d_step {
    n_active++;
    check_word()
  }
}

/* mirrors: include/treadle/detail/sync_word.hpp leave_active bd5754ab */
inline leave_active(held) {
  d_step {
    n_active--;
    n_total--;
    drop_token(held);
    check_word()
  }
}
/* mirrors: include/treadle/detail/sync_word.hpp leave_idle 903fe21e */
inline leave_idle() {
  d_step { /* blocks while a waker holds the count */
    n_idle != 0;
    n_idle--;
    n_total--;
    check_word()
  }
}

/* mirrors: include/treadle/detail/sync_word.hpp advance 8df99bfb */
inline advance(next) {
  d_step {
    if
    :: life < next -> life = next
    :: else
    fi
  }
}
