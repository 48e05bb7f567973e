// The checker's own proof, first half: for each of these programs the exact set of outcomes that its memory allows.
// Each runs twice, with and without the reduction, which must not change the set.
#include "model_test.hpp"

#include <initializer_list>
#include <set>
#include <string>

namespace {

constexpr auto rlx = std::memory_order_relaxed;
constexpr auto acq = std::memory_order_acquire;
constexpr auto rel = std::memory_order_release;
constexpr auto acq_rel = std::memory_order_acq_rel;
constexpr auto sc = std::memory_order_seq_cst;

struct state {
  mc::atomic<int> x{0}, y{0}, z{0}, w{0};
  int r[4] = {};
};

using outcomes = std::set<std::string>;
using thread = void (*)(state&);

/// Explores all executions; an outcome is the registers r[0..registers) and, after a bar, the last x and y.
outcomes explore(unsigned registers, bool finals, std::initializer_list<thread> threads, int weak_failures = 0) {
  outcomes found[2];
  for (const bool reduce : {false, true}) {
    const auto r = mc::explore({.weak_failures = weak_failures, .reduce = reduce}, [&](mc::execution& x) {
      auto* s = x.make<state>();
      for (const thread run : threads) x.thread([s, run] { run(*s); });
      x.run();
      std::string text;
      for (unsigned i = 0; i < registers; ++i) text += static_cast<char>('0' + s->r[i]);
      if (finals) text += "|" + std::to_string(s->x.peek()) + std::to_string(s->y.peek());
      found[reduce].insert(text);
    });
    EXPECT_FALSE(r.failed) << model::text_of(r);
    EXPECT_TRUE(r.complete);
  }
  EXPECT_EQ(found[0], found[1]) << "the reduction changes what is found";
  return found[1];
}
outcomes registers(unsigned count, std::initializer_list<thread> threads) { return explore(count, false, threads); }
outcomes finals(unsigned count, std::initializer_list<thread> threads) { return explore(count, true, threads); }

outcomes all_but(unsigned bits, const outcomes& excluded) {
  outcomes all;
  for (unsigned value = 0; value < 1U << bits; ++value) {
    std::string text;
    for (unsigned i = 0; i < bits; ++i) text += (value >> i & 1U) != 0 ? '1' : '0';
    if (excluded.count(text) == 0) all.insert(text);
  }
  return all;
}

// --- store buffering: x = 1; r0 = y || y = 1; r1 = x ---------------------------------------------------------------

template <std::memory_order Store, std::memory_order Load>
outcomes sb() {
  return registers(2, {[](state& s) { s.x.store(1, Store), s.r[0] = s.y.load(Load); },
                       [](state& s) { s.y.store(1, Store), s.r[1] = s.x.load(Load); }});
}
TEST(litmus, sb_release_acquire_allows_all) { EXPECT_EQ((sb<rel, acq>()), all_but(2, {})); }
TEST(litmus, sb_relaxed_allows_all) { EXPECT_EQ((sb<rlx, rlx>()), all_but(2, {})); }
TEST(litmus, sb_seq_cst) { EXPECT_EQ((sb<sc, sc>()), all_but(2, {"00"})); }
TEST(litmus, sb_seq_cst_stores_are_not_enough) { EXPECT_EQ((sb<sc, acq>()), all_but(2, {})); }
TEST(litmus, sb_seq_cst_loads_are_not_enough) { EXPECT_EQ((sb<rel, sc>()), all_but(2, {})); }

template <std::memory_order First, std::memory_order Second>
outcomes sb_fences() {
  return registers(2, {[](state& s) {
                         s.x.store(1, rlx);
                         mc::atomic_thread_fence(First);
                         s.r[0] = s.y.load(rlx);
                       },
                       [](state& s) {
                         s.y.store(1, rlx);
                         mc::atomic_thread_fence(Second);
                         s.r[1] = s.x.load(rlx);
                       }});
}
TEST(litmus, sb_seq_cst_fences) { EXPECT_EQ((sb_fences<sc, sc>()), all_but(2, {"00"})); }
TEST(litmus, sb_one_seq_cst_fence_is_not_enough) { EXPECT_EQ((sb_fences<sc, acq_rel>()), all_but(2, {})); }
TEST(litmus, sb_acq_rel_fences_are_not_enough) { EXPECT_EQ((sb_fences<acq_rel, acq_rel>()), all_but(2, {})); }

template <bool FirstHeavy, bool SecondHeavy>
outcomes sb_barriers() {
  return registers(
      2, {[](state& s) {
            s.x.store(1, rlx);
            FirstHeavy ? static_cast<void>(mc::model_policy::heavy_barrier()) : mc::model_policy::light_barrier();
            s.r[0] = s.y.load(rlx);
          },
          [](state& s) {
            s.y.store(1, rlx);
            SecondHeavy ? static_cast<void>(mc::model_policy::heavy_barrier()) : mc::model_policy::light_barrier();
            s.r[1] = s.x.load(rlx);
          }});
}
TEST(litmus, sb_light_and_heavy_barrier) { EXPECT_EQ((sb_barriers<false, true>()), all_but(2, {"00"})); }
TEST(litmus, sb_two_heavy_barriers) { EXPECT_EQ((sb_barriers<true, true>()), all_but(2, {"00"})); }
TEST(litmus, sb_two_light_barriers_are_not_enough) { EXPECT_EQ((sb_barriers<false, false>()), all_but(2, {})); }

TEST(litmus, sb_seq_cst_fence_against_seq_cst_accesses) {
  EXPECT_EQ(registers(2, {[](state& s) { s.x.store(1, sc), s.r[0] = s.y.load(sc); },
                          [](state& s) {
                            s.y.store(1, rlx);
                            mc::atomic_thread_fence(sc);
                            s.r[1] = s.x.load(rlx);
                          }}),
            all_but(2, {"00"}));
}
TEST(litmus, sb_updates_of_one_word_on_both_sides) {
  EXPECT_EQ(registers(2, {[](state& s) { s.x.store(1, rlx), s.r[0] = s.y.fetch_add(0, acq_rel); },
                          [](state& s) { s.y.fetch_or(1, acq_rel), s.r[1] = s.x.load(rlx); }}),
            all_but(2, {"00"}));
}
TEST(litmus, sb_updates_of_other_words_are_no_fences) {
  EXPECT_EQ(registers(2, {[](state& s) { s.x.store(1, rlx), s.z.fetch_add(1, sc), s.r[0] = s.y.load(rlx); },
                          [](state& s) { s.y.store(1, rlx), s.w.fetch_add(1, sc), s.r[1] = s.x.load(rlx); }}),
            all_but(2, {}));
}
TEST(litmus, sb_seq_cst_exchanges) {
  EXPECT_EQ(registers(2, {[](state& s) { s.x.exchange(1, sc), s.r[0] = s.y.load(sc); },
                          [](state& s) { s.y.exchange(1, sc), s.r[1] = s.x.load(sc); }}),
            all_but(2, {"00"}));
}
TEST(litmus, sb_acq_rel_exchanges_are_not_enough) {
  EXPECT_EQ(registers(2, {[](state& s) { s.x.exchange(1, acq_rel), s.r[0] = s.y.load(acq); },
                          [](state& s) { s.y.exchange(1, acq_rel), s.r[1] = s.x.load(acq); }}),
            all_but(2, {}));
}

// --- message passing: x = 1; y = 1 || r0 = y; r1 = x ---------------------------------------------------------------

template <std::memory_order Store, std::memory_order Load>
outcomes mp() {
  return registers(2, {[](state& s) { s.x.store(1, rlx), s.y.store(1, Store); },
                       [](state& s) { s.r[0] = s.y.load(Load), s.r[1] = s.x.load(rlx); }});
}
TEST(litmus, mp_release_acquire) { EXPECT_EQ((mp<rel, acq>()), all_but(2, {"10"})); }
TEST(litmus, mp_seq_cst) { EXPECT_EQ((mp<sc, sc>()), all_but(2, {"10"})); }
TEST(litmus, mp_release_relaxed) { EXPECT_EQ((mp<rel, rlx>()), all_but(2, {})); }
TEST(litmus, mp_relaxed_acquire) { EXPECT_EQ((mp<rlx, acq>()), all_but(2, {})); }
TEST(litmus, mp_relaxed) { EXPECT_EQ((mp<rlx, rlx>()), all_but(2, {})); }

template <std::memory_order Store, std::memory_order Load, std::memory_order Before, std::memory_order After>
outcomes mp_fences() {
  return registers(2, {[](state& s) {
                         s.x.store(1, rlx);
                         mc::atomic_thread_fence(Before);
                         s.y.store(1, Store);
                       },
                       [](state& s) {
                         s.r[0] = s.y.load(Load);
                         mc::atomic_thread_fence(After);
                         s.r[1] = s.x.load(rlx);
                       }});
}
TEST(litmus, mp_fence_to_fence) { EXPECT_EQ((mp_fences<rlx, rlx, rel, acq>()), all_but(2, {"10"})); }
TEST(litmus, mp_fence_to_load) { EXPECT_EQ((mp_fences<rlx, acq, rel, rlx>()), all_but(2, {"10"})); }
TEST(litmus, mp_store_to_fence) { EXPECT_EQ((mp_fences<rel, rlx, rlx, acq>()), all_but(2, {"10"})); }
TEST(litmus, mp_seq_cst_fences) { EXPECT_EQ((mp_fences<rlx, rlx, sc, sc>()), all_but(2, {"10"})); }
TEST(litmus, mp_release_fence_alone) { EXPECT_EQ((mp_fences<rlx, rlx, rel, rlx>()), all_but(2, {})); }
TEST(litmus, mp_acquire_fence_alone) { EXPECT_EQ((mp_fences<rlx, rlx, rlx, acq>()), all_but(2, {})); }
TEST(litmus, mp_fences_the_wrong_way_round) { EXPECT_EQ((mp_fences<rlx, rlx, acq, rel>()), all_but(2, {})); }

TEST(litmus, mp_fence_before_the_load_does_nothing) {
  EXPECT_EQ(registers(2, {[](state& s) { s.x.store(1, rlx), s.y.store(1, rel); },
                          [](state& s) {
                            mc::atomic_thread_fence(acq);
                            s.r[0] = s.y.load(rlx), s.r[1] = s.x.load(rlx);
                          }}),
            all_but(2, {}));
}
TEST(litmus, mp_a_failing_compare_exchange_has_its_own_order) {
  const auto run = [](thread reader) {
    return registers(2, {[](state& s) { s.x.store(1, rlx), s.y.store(1, rel); }, reader});
  };
  EXPECT_EQ(run([](state& s) {
              int expected = 7;
              s.y.compare_exchange_strong(expected, 8, rlx, acq);
              s.r[0] = expected, s.r[1] = s.x.load(rlx);
            }),
            all_but(2, {"10"}));
  EXPECT_EQ(run([](state& s) {
              int expected = 7;
              s.y.compare_exchange_strong(expected, 8, acq_rel, rlx);
              s.r[0] = expected, s.r[1] = s.x.load(rlx);
            }),
            all_but(2, {}));
}

// --- coherence of one location -------------------------------------------------------------------------------------

TEST(litmus, corr) {
  EXPECT_EQ(registers(2, {[](state& s) { s.x.store(1, rlx); },
                          [](state& s) { s.r[0] = s.x.load(rlx), s.r[1] = s.x.load(rlx); }}),
            all_but(2, {"10"}));
}
TEST(litmus, corr_two_readers_agree_on_the_order) {
  const auto found = registers(4, {[](state& s) { s.x.store(1, rlx); }, [](state& s) { s.x.store(2, rlx); },
                                   [](state& s) { s.r[0] = s.x.load(rlx), s.r[1] = s.x.load(rlx); },
                                   [](state& s) { s.r[2] = s.x.load(rlx), s.r[3] = s.x.load(rlx); }});
  outcomes expected;
  for (const std::string order : {"012", "021"}) {
    for (int i = 0; i < 81; ++i) {
      const int at[] = {i % 3, i / 3 % 3, i / 9 % 3, i / 27};
      if (at[0] > at[1] || at[2] > at[3]) continue;
      std::string text;
      for (const int place : at) text += order[static_cast<std::size_t>(place)];
      expected.insert(text);
    }
  }
  EXPECT_EQ(found, expected);
}
TEST(litmus, corr_across_threads_that_synchronise) {
  // What a thread read, a thread that it synchronises with must not see older.
  EXPECT_EQ(
      registers(3, {[](state& s) { s.x.store(1, rlx); }, [](state& s) { s.r[0] = s.x.load(rlx), s.y.store(1, rel); },
                    [](state& s) { s.r[1] = s.y.load(acq), s.r[2] = s.x.load(rlx); }}),
      all_but(3, {"110"}));
}
TEST(litmus, cowr) {
  EXPECT_EQ(
      registers(1, {[](state& s) { s.x.store(1, rlx), s.r[0] = s.x.load(rlx); }, [](state& s) { s.x.store(2, rlx); }}),
      (outcomes{"1", "2"}));
}
TEST(litmus, corw) {
  EXPECT_EQ(
      finals(1, {[](state& s) { s.r[0] = s.x.load(rlx), s.x.store(1, rlx); }, [](state& s) { s.x.store(2, rlx); }}),
      (outcomes{"0|10", "0|20", "2|10"}));
}
TEST(litmus, coww) {
  EXPECT_EQ(finals(0, {[](state& s) { s.x.store(1, rlx), s.x.store(2, rlx); }}), (outcomes{"|20"}));
}

// --- read-modify-writes --------------------------------------------------------------------------------------------

TEST(litmus, updates_are_atomic) {
  EXPECT_EQ(
      finals(2, {[](state& s) { s.r[0] = s.x.fetch_add(1, rlx); }, [](state& s) { s.r[1] = s.x.fetch_add(1, rlx); }}),
      (outcomes{"01|20", "10|20"}));
}
TEST(litmus, one_compare_exchange_wins) {
  constexpr thread take = [](state& s) {
    int expected = 0;
    if (s.x.compare_exchange_strong(expected, 1, rlx, rlx)) s.y.fetch_add(1, rlx);
  };
  EXPECT_EQ(finals(0, {take, take, take}), (outcomes{"|11"}));
}
TEST(litmus, a_failing_compare_exchange_may_read_an_old_value) {
  EXPECT_EQ(registers(2, {[](state& s) { s.x.store(1, rlx), s.y.store(1, rlx); },
                          [](state& s) {
                            s.r[0] = s.y.load(rlx);
                            int expected = 5;
                            s.x.compare_exchange_strong(expected, 6, rlx, rlx);
                            s.r[1] = expected;
                          }}),
            all_but(2, {}));
}
TEST(litmus, a_strong_compare_exchange_does_not_fail_on_the_value_it_expects) {
  EXPECT_EQ(finals(1, {[](state& s) {
                     int expected = 0;
                     s.r[0] = s.x.compare_exchange_strong(expected, 1, rlx, rlx) ? 1 : 0;
                   }}),
            (outcomes{"1|10"}));
}
TEST(litmus, a_weak_compare_exchange_fails_for_no_reason) {
  constexpr thread take = [](state& s) {
    int expected = 0;
    s.r[0] = s.x.compare_exchange_weak(expected, 1, rlx, rlx) ? 1 : 0;
    s.r[1] = expected;
  };
  EXPECT_EQ(explore(2, true, {take}, 1), (outcomes{"00|00", "10|10"}));
  EXPECT_EQ(explore(2, true, {take}, 0), (outcomes{"10|10"}));
}
TEST(litmus, a_seq_cst_load_sees_the_last_of_two_exchanges) {
  EXPECT_EQ(finals(1, {[](state& s) { s.x.exchange(1, sc); }, [](state& s) { s.r[0] = s.x.exchange(2, sc); }}),
            (outcomes{"0|10", "1|20"}));
}

// --- release sequences: z = 1; x =rel 1 || (x again) || r0 =acq x; r1 = z ------------------------------------------

outcomes release_sequence(thread middle) {
  return registers(2, {[](state& s) { s.z.store(1, rlx), s.x.store(1, rel); }, middle,
                       [](state& s) { s.r[0] = s.x.load(acq), s.r[1] = s.z.load(rlx); }});
}
TEST(litmus, release_sequence_goes_through_an_update) {
  const auto found = release_sequence([](state& s) {
    int expected = 1;
    s.x.compare_exchange_strong(expected, 2, rlx, rlx);
  });
  EXPECT_EQ(found, (outcomes{"00", "01", "11", "21"}));
}
TEST(litmus, release_sequence_goes_through_two_updates) {
  const auto found = release_sequence([](state& s) {
    int expected = 1;
    if (s.x.compare_exchange_strong(expected, 2, rlx, rlx)) s.x.fetch_add(1, rlx);
  });
  EXPECT_EQ(found, (outcomes{"00", "01", "11", "21", "31"}));
}
TEST(litmus, release_sequence_ends_at_a_store_of_another_thread) {
  const auto found = release_sequence([](state& s) { s.x.store(2, rlx); });
  EXPECT_EQ(found, (outcomes{"00", "01", "11", "20", "21"}));
}
TEST(litmus, release_sequence_ends_at_a_store_of_the_same_thread) {
  EXPECT_EQ(registers(2, {[](state& s) { s.z.store(1, rlx), s.x.store(1, rel), s.x.store(2, rlx); },
                          [](state& s) { s.r[0] = s.x.load(acq), s.r[1] = s.z.load(rlx); }}),
            (outcomes{"00", "01", "11", "20", "21"}));
}
TEST(litmus, release_sequence_headed_by_a_fence) {
  EXPECT_EQ(registers(2, {[](state& s) {
                            s.z.store(1, rlx);
                            mc::atomic_thread_fence(rel);
                            s.x.store(1, rlx);
                          },
                          [](state& s) {
                            int expected = 1;
                            s.x.compare_exchange_strong(expected, 2, rlx, rlx);
                          },
                          [](state& s) { s.r[0] = s.x.load(acq), s.r[1] = s.z.load(rlx); }}),
            (outcomes{"00", "01", "11", "21"}));
}
TEST(litmus, a_release_update_carries_both_itself_and_what_it_continues) {
  const auto found = registers(3, {[](state& s) { s.z.store(1, rlx), s.x.fetch_add(1, rel); },
                                   [](state& s) { s.w.store(1, rlx), s.x.fetch_add(1, rel); },
                                   [](state& s) {
                                     s.r[0] = s.x.load(acq);
                                     s.r[1] = s.z.load(rlx), s.r[2] = s.w.load(rlx);
                                   }});
  EXPECT_EQ(found, (outcomes{"000", "001", "010", "011", "101", "110", "111", "211"}));
}

// --- three and four threads ----------------------------------------------------------------------------------------

template <std::memory_order Store, std::memory_order Load>
outcomes iriw() {
  return registers(4, {[](state& s) { s.x.store(1, Store); }, [](state& s) { s.y.store(1, Store); },
                       [](state& s) { s.r[0] = s.x.load(Load), s.r[1] = s.y.load(Load); },
                       [](state& s) { s.r[2] = s.y.load(Load), s.r[3] = s.x.load(Load); }});
}
TEST(litmus, iriw_release_acquire_allows_all) { EXPECT_EQ((iriw<rel, acq>()), all_but(4, {})); }
TEST(litmus, iriw_seq_cst) { EXPECT_EQ((iriw<sc, sc>()), all_but(4, {"1010"})); }
TEST(litmus, iriw_seq_cst_loads) { EXPECT_EQ((iriw<rel, sc>()), all_but(4, {"1010"})); }
TEST(litmus, iriw_seq_cst_stores_are_not_enough) { EXPECT_EQ((iriw<sc, acq>()), all_but(4, {})); }
TEST(litmus, iriw_seq_cst_fences) {
  EXPECT_EQ(registers(4, {[](state& s) { s.x.store(1, rlx); }, [](state& s) { s.y.store(1, rlx); },
                          [](state& s) {
                            s.r[0] = s.x.load(rlx);
                            mc::atomic_thread_fence(sc);
                            s.r[1] = s.y.load(rlx);
                          },
                          [](state& s) {
                            s.r[2] = s.y.load(rlx);
                            mc::atomic_thread_fence(sc);
                            s.r[3] = s.x.load(rlx);
                          }}),
            all_but(4, {"1010"}));
}

template <std::memory_order Store, std::memory_order Load>
outcomes wrc() {
  return registers(3,
                   {[](state& s) { s.x.store(1, rlx); }, [](state& s) { s.r[0] = s.x.load(Load), s.y.store(1, Store); },
                    [](state& s) { s.r[1] = s.y.load(Load), s.r[2] = s.x.load(rlx); }});
}
TEST(litmus, wrc_release_acquire) { EXPECT_EQ((wrc<rel, acq>()), all_but(3, {"110"})); }
TEST(litmus, wrc_relaxed_allows_all) { EXPECT_EQ((wrc<rlx, rlx>()), all_but(3, {})); }

template <std::memory_order Store, std::memory_order Load>
outcomes isa2() {
  return registers(3, {[](state& s) { s.x.store(1, rlx), s.y.store(1, Store); },
                       [](state& s) { s.r[0] = s.y.load(Load), s.z.store(1, Store); },
                       [](state& s) { s.r[1] = s.z.load(Load), s.r[2] = s.x.load(rlx); }});
}
TEST(litmus, isa2_release_acquire) { EXPECT_EQ((isa2<rel, acq>()), all_but(3, {"110"})); }
TEST(litmus, isa2_relaxed_allows_all) { EXPECT_EQ((isa2<rlx, rlx>()), all_but(3, {})); }

template <std::memory_order Store, std::memory_order Load>
outcomes rwc() {
  return registers(
      3, {[](state& s) { s.x.store(1, Store); }, [](state& s) { s.r[0] = s.x.load(Load), s.r[1] = s.y.load(Load); },
          [](state& s) { s.y.store(1, Store), s.r[2] = s.x.load(Load); }});
}
TEST(litmus, rwc_seq_cst) { EXPECT_EQ((rwc<sc, sc>()), all_but(3, {"100"})); }
TEST(litmus, rwc_release_acquire_allows_all) { EXPECT_EQ((rwc<rel, acq>()), all_but(3, {})); }
TEST(litmus, rwc_seq_cst_fences) {
  EXPECT_EQ(registers(3, {[](state& s) { s.x.store(1, rlx); },
                          [](state& s) {
                            s.r[0] = s.x.load(rlx);
                            mc::atomic_thread_fence(sc);
                            s.r[1] = s.y.load(rlx);
                          },
                          [](state& s) {
                            s.y.store(1, rlx);
                            mc::atomic_thread_fence(sc);
                            s.r[2] = s.x.load(rlx);
                          }}),
            all_but(3, {"100"}));
}

// --- stores against stores -----------------------------------------------------------------------------------------

TEST(litmus, s_release_acquire) {
  EXPECT_EQ(finals(1, {[](state& s) { s.x.store(2, rlx), s.y.store(1, rel); },
                       [](state& s) { s.r[0] = s.y.load(acq), s.x.store(1, rlx); }}),
            (outcomes{"0|11", "0|21", "1|11"}));
}
template <std::memory_order Store, std::memory_order Load>
outcomes store_then_look() {  // known as R
  return finals(1, {[](state& s) { s.x.store(1, Store), s.y.store(1, Store); },
                    [](state& s) { s.y.store(2, Store), s.r[0] = s.x.load(Load); }});
}
TEST(litmus, r_release_acquire_allows_all) {
  EXPECT_EQ((store_then_look<rel, acq>()), (outcomes{"0|11", "0|12", "1|11", "1|12"}));
}
TEST(litmus, r_seq_cst) { EXPECT_EQ((store_then_look<sc, sc>()), (outcomes{"0|11", "1|11", "1|12"})); }

// --- what C++ allows and this checker does not show (README.md, "Limits") --------------------------------------------

TEST(litmus, limit_no_load_buffering) {
  EXPECT_EQ(registers(2, {[](state& s) { s.r[0] = s.x.load(rlx), s.y.store(1, rlx); },
                          [](state& s) { s.r[1] = s.y.load(rlx), s.x.store(1, rlx); }}),
            all_but(2, {"11"}));
}
TEST(litmus, lb_release_acquire) {  // forbidden by C++, too
  EXPECT_EQ(registers(2, {[](state& s) { s.r[0] = s.x.load(acq), s.y.store(1, rel); },
                          [](state& s) { s.r[1] = s.y.load(acq), s.x.store(1, rel); }}),
            all_but(2, {"11"}));
}
TEST(litmus, limit_no_2_plus_2w) {
  EXPECT_EQ(finals(0, {[](state& s) { s.x.store(1, rlx), s.y.store(2, rlx); },
                       [](state& s) { s.y.store(1, rlx), s.x.store(2, rlx); }}),
            (outcomes{"|12", "|21", "|22"}));
}
TEST(litmus, limit_seq_cst_follows_happens_before) {
  // C++20 allows r0 = 1, r1 = 3, r2 = 0 (P0668); an order that agrees with execution does not.
  const auto found = registers(3, {[](state& s) { s.x.store(1, sc), s.y.store(1, rel); },
                                   [](state& s) { s.r[0] = s.y.fetch_add(1, sc), s.r[1] = s.y.load(rlx); },
                                   [](state& s) { s.y.store(3, sc), s.r[2] = s.x.load(sc); }});
  EXPECT_EQ(found.count("130"), 0U);
  EXPECT_EQ(found.count("131"), 1U);
}

}  // namespace
