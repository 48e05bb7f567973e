// Models of ring.hpp with four slots and indices of three bits that wrap: every node is taken exactly once, in order,
// and nobody reads a slot that another writes.
#include "model_test.hpp"

#include <treadle/detail/ring.hpp>

#include <array>

namespace {

using treadle::detail::steal_status;

struct narrow_policy : mc::model_policy {
  using ring_index = std::uint32_t;
  static constexpr ring_index ring_index_mask = 7;
};
template <int N>
using with_defect = mc::with_defect<N, narrow_policy>;

struct node {
  mc::plain<int> value{0};
};

constexpr int max_nodes = 10;

template <class P>
struct state {
  using ring = treadle::detail::ring<P, node>;
  ring from;
  ring own[2];
  std::array<node, max_nodes> nodes;
  std::array<int, max_nodes> taken[3] = {};  ///< by each thread: an own counter, so that nothing else orders them
  int last[3] = {-1, -1, -1};
  int pushed = 0;

  /// Moves all indices on by `count`, so that they wrap in the middle of what follows.
  void turn(int count) {
    for (int i = 0; i < count; ++i) {
      MC_CHECK(from.push(&nodes[0]));
      MC_CHECK(from.pop() == &nodes[0]);
    }
  }
  bool push() {
    nodes[static_cast<std::size_t>(pushed)].value.set(pushed);
    if (!from.push(&nodes[static_cast<std::size_t>(pushed)])) return false;
    ++pushed;
    return true;
  }
  /// Notes that `thread` got `one`, which must come after what it got before, or in the same steal.
  void take(int thread, node* one) {
    const int number = one->value.get();
    MC_CHECK(&nodes[static_cast<std::size_t>(number)] == one);
    MC_CHECK(number > last[thread]);
    last[thread] = number;
    ++taken[thread][static_cast<std::size_t>(number)];
  }
  bool pop(int thread) {
    node* const one = from.pop();
    if (one != nullptr) take(thread, one);
    return one != nullptr;
  }
  /// Steals into the thief's own ring and empties that.
  void steal(int thread) {
    last[thread] = -1;  // an earlier catch may have been newer: the owner holds the oldest itself
    ring& mine = own[thread - 1];
    node* first = nullptr;
    std::size_t staged = 0;
    std::uint64_t retries = 0;
    if (from.steal_into(mine, first, staged, retries) != steal_status::stolen) return;
    if (staged != 0) mine.commit(staged);
    take(thread, first);
    for (std::size_t i = 0; i < staged; ++i) {
      node* const one = mine.pop();
      MC_CHECK(one != nullptr);
      take(thread, one);
    }
    MC_CHECK(mine.pop() == nullptr);
  }
  /// Empties the ring's older half into the hands of its owner.
  void evict() {
    static_cast<void>(from.evict(
        2, [this](node* one) { take(0, one); }, [] {}));
  }
  void check_all_taken_once() {
    while (pop(0)) {
    }
    for (int i = 0; i < max_nodes; ++i) {
      const auto at = static_cast<std::size_t>(i);
      MC_CHECK(taken[0][at] + taken[1][at] + taken[2][at] == (i < pushed ? 1 : 0));
    }
  }
};

model::settings settings_for(int preemptions, int stale_reads) {
  return {{.preemptions = preemptions, .stale_reads = stale_reads, .weak_failures = 1, .time_limit_ms = 1'500},
          {.weak_failures = 1, .refused_barriers = true},
          6'000};
}

/// The owner pushes more than the ring holds and pops now and then; a thief steals twice.
template <class P>
void owner_and_thief(mc::execution& x) {
  auto* s = x.make<state<P>>();
  s->turn(6);
  x.thread([s] {
    for (int i = 0; i < 5; ++i) {
      if (!s->push()) s->pop(0);
    }
    s->pop(0);
    s->push();
  });
  x.thread([s] {
    s->steal(1);
    s->steal(1);
  });
  x.run();
  s->last[0] = -1;
  s->check_all_taken_once();
}

/// A thief stands still after its first look while the owner turns the ring over: what it saw then is long gone.
template <class P, int Turns>
void stalled_thief(mc::execution& x) {
  auto* s = x.make<state<P>>();
  s->turn(3);
  s->push();
  x.thread([s] {
    for (int i = 0; i < Turns; ++i) {
      s->pop(0);
      s->push();
      s->push();
      s->pop(0);
    }
    s->push();
    s->push();
    s->push();
  });
  x.thread([s] { s->steal(1); });
  x.run();
  s->check_all_taken_once();
}

template <class P>
void two_thieves(mc::execution& x) {
  auto* s = x.make<state<P>>();
  s->turn(6);
  for (int i = 0; i < 3; ++i) s->push();
  x.thread([s] {
    s->pop(0);
    s->push();
    s->push();
  });
  for (int thief = 1; thief <= 2; ++thief) x.thread([s, thief] { s->steal(thief); });
  x.run();
  s->check_all_taken_once();
}

/// One steals from a ring into which its owner is stealing at that moment.
template <class P>
void steal_from_a_thief(mc::execution& x) {
  auto* s = x.make<state<P>>();
  for (int i = 0; i < 4; ++i) s->push();
  x.thread([s] {
    node* first = nullptr;
    std::size_t staged = 0;
    std::uint64_t retries = 0;
    if (s->from.steal_into(s->own[0], first, staged, retries) != steal_status::stolen) return;
    s->own[0].commit(staged);
    s->take(1, first);
    while (node* const one = s->own[0].pop()) s->take(1, one);
  });
  x.thread([s] {
    node* first = nullptr;
    std::size_t staged = 0;
    std::uint64_t retries = 0;
    if (s->own[0].steal_into(s->own[1], first, staged, retries) != steal_status::stolen) return;
    if (staged != 0) s->own[1].commit(staged);
    s->take(2, first);
    while (node* const one = s->own[1].pop()) s->take(2, one);
  });
  x.thread([s] {
    s->pop(0);
    s->push();
    s->push();
  });
  x.run();
  s->check_all_taken_once();
}

/// The owner takes its last two back while a thief comes: either they are all back or none is.
template <class P>
void retract(mc::execution& x) {
  auto* s = x.make<state<P>>();
  s->turn(5);
  s->push();
  x.thread([s] {
    s->push();
    s->push();
    if (s->from.retract(2)) {
      s->pushed -= 2;
      s->push();
    }
    s->pop(0);
  });
  x.thread([s] { s->steal(1); });
  x.run();
  s->check_all_taken_once();
}

/// A third party empties the ring at shutdown, against owner and thief.
template <class P>
void drain(mc::execution& x) {
  auto* s = x.make<state<P>>();
  s->turn(6);
  for (int i = 0; i < 3; ++i) s->push();
  x.thread([s] { s->pop(0); });
  x.thread([s] { s->steal(1); });
  x.thread([s] { s->from.drain([s](node* one) { s->take(2, one); }); });
  x.run();
  s->check_all_taken_once();
}

/// One node of a lease is left. The owner and a thief dispute about it, and the thief comes back for it.
template <class P>
void last_of_a_lease(mc::execution& x) {
  auto* s = x.make<state<P>>();
  s->turn(4);
  for (int i = 0; i < 3; ++i) s->push();
  s->pop(0);
  s->pop(0);
  x.thread([s] { s->pop(0); });
  x.thread([s] {
    s->steal(1);
    s->steal(1);
  });
  x.run();
  s->check_all_taken_once();
}

/// A thief that saw neither the lease nor that another has stolen what is behind it: it takes of the lease, while the
/// owner fills the ring up.
template <class P>
void lease_behind_a_steal(mc::execution& x) {
  auto* s = x.make<state<P>>();
  auto* leased = x.make<mc::atomic<int>>(0);  // relaxed: they tell when, and order nothing
  auto* stolen = x.make<mc::atomic<int>>(0);
  const auto wait_for = [](const mc::atomic<int>& flag) {
    while (flag.load(std::memory_order_relaxed) == 0) P::yield();
  };
  for (int i = 0; i < 4; ++i) s->push();
  x.thread([=] {
    s->pop(0);
    leased->store(1, std::memory_order_relaxed);
    wait_for(*stolen);
    s->pop(0);
    for (int i = 0; i < 3; ++i) s->push();
  });
  x.thread([=] {
    wait_for(*leased);
    s->steal(1);
  });
  x.thread([=] {
    wait_for(*leased);
    s->steal(2);
    stolen->store(1, std::memory_order_relaxed);
  });
  x.run();
  s->check_all_taken_once();
}

/// What lies there all the time is seen by whoever counts, whatever the owner does with the rest.
template <class P, bool Evicts>
void counted_meanwhile(mc::execution& x) {
  auto* s = x.make<state<P>>();
  s->turn(6);
  for (int i = 0; i < 3; ++i) s->push();
  x.thread([s] {
    if constexpr (Evicts) {
      s->evict();
    } else {
      s->pop(0);
      s->pop(0);
    }
    s->push();
  });
  x.thread([s] { MC_CHECK(s->from.size() != 0); });
  x.run();
  s->check_all_taken_once();
}

/// The owner moves all that it has leased out of the ring, and a thief comes twice.
template <class P>
void evict_against_thief(mc::execution& x) {
  auto* s = x.make<state<P>>();
  s->turn(4);
  for (int i = 0; i < 3; ++i) s->push();
  s->pop(0);
  x.thread([s] { s->evict(); });
  x.thread([s] {
    s->steal(1);
    s->steal(1);
  });
  x.run();
  s->check_all_taken_once();
}

/// A ring whose owner leases nothing.
struct without_leases : narrow_policy {
  static constexpr ring_index least_lease = 8;
};

TREADLE_MODEL(ring_model, last_of_a_lease, settings_for(3, 3), last_of_a_lease<narrow_policy>)
TREADLE_MODEL(ring_model, lease_behind_a_steal, settings_for(2, 2), lease_behind_a_steal<narrow_policy>)
TREADLE_MODEL(ring_model, counted_meanwhile, settings_for(3, 3), counted_meanwhile<narrow_policy, false>)
TREADLE_MODEL(ring_model, counted_without_leases, settings_for(3, 3), counted_meanwhile<without_leases, false>)
TREADLE_MODEL(ring_model, counted_while_evicting, settings_for(3, 3), counted_meanwhile<narrow_policy, true>)
TREADLE_MODEL(ring_model, evict_without_leases, settings_for(3, 3), counted_meanwhile<without_leases, true>)
TREADLE_MODEL(ring_model, evict_against_thief, settings_for(3, 2), evict_against_thief<narrow_policy>)
TREADLE_MODEL(ring_model, owner_and_thief, settings_for(2, 1), owner_and_thief<narrow_policy>)
TREADLE_MODEL(ring_model, stalled_thief, settings_for(2, 1), stalled_thief<narrow_policy, 1>)
TREADLE_MODEL(ring_model, stalled_thief_wide_indices, settings_for(2, 1), stalled_thief<mc::model_policy, 3>)
TREADLE_MODEL(ring_model, two_thieves, settings_for(2, 1), two_thieves<narrow_policy>)
TREADLE_MODEL(ring_model, steal_from_a_thief, settings_for(2, 1), steal_from_a_thief<narrow_policy>)
TREADLE_MODEL(ring_model, retract, settings_for(2, 1), retract<narrow_policy>)
TREADLE_MODEL(ring_model, drain, settings_for(2, 1), drain<narrow_policy>)

const bool faults_listed =
    model::list(
        {11, "ring", owner_and_thief<with_defect<11>>, owner_and_thief<narrow_policy>, settings_for(2, 1).bounds}) &&
    // Indices that come back to the same value under a stalled thief deceive it: 32 bits do after seconds, 3 at once.
    model::list(
        {12, "ring", stalled_thief<narrow_policy, 3>, stalled_thief<mc::model_policy, 3>, settings_for(2, 1).bounds});

}  // namespace
