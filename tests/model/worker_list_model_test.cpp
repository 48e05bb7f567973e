// Models of worker_list.hpp: each starter gets a record of its own, whole, with what the last thread on it has left.
#include "model_test.hpp"

#include <treadle/detail/sync_word.hpp>
#include <treadle/detail/worker_list.hpp>

#include <array>

namespace {

using mc::model_policy;
using treadle::detail::record_state;

struct record {
  explicit record(std::uint32_t own_index) : index(own_index) { made.set(1); }
  mc::atomic<record_state> state{record_state::vacant};
  mc::plain<int> made{0};
  mc::plain<int> used{0};
  const std::uint32_t index;
};

constexpr std::uint32_t capacity = 2;

struct state {
  using list = treadle::detail::worker_list<model_policy, record>;
  list workers;
  std::array<list::cell, capacity> table{};
  std::array<record*, 3> got{};
  std::array<int, 3> reclaimed{};

  state() { workers.adopt(table.data(), capacity); }
  ~state() {
    for (std::uint32_t i = 0; i < workers.count(); ++i) {
      if (workers.at(i) != nullptr) mc::destroy(workers.at(i));
    }
  }
  record* take(std::size_t starter) {
    got[starter] = workers.take_vacant([](std::uint32_t i) { return mc::make<record>(i); },
                                       [this, starter](record* unused) {
                                         ++reclaimed[starter];
                                         mc::destroy(unused);
                                       });
    return got[starter];
  }
  /// What a thread does on its record, and its leave.
  static void live_and_leave(record& own, record_state after) {
    own.used.set(own.used.get() + own.made.get());
    own.state.store(after, std::memory_order_release);
  }
};

model::settings settings_for(int preemptions, int stale_reads) {
  return {{.preemptions = preemptions, .stale_reads = stale_reads, .weak_failures = 1, .time_limit_ms = 2'000},
          {.weak_failures = 1},
          5'000};
}

/// Two start at once: two records, both counted; a third party that looks meanwhile sees none or whole ones.
void two_starters(mc::execution& x) {
  auto* s = x.make<state>();
  for (std::size_t i = 0; i < 2; ++i) {
    x.thread([s, i] { state::live_and_leave(*s->take(i), record_state::live); });
  }
  x.thread([s] {
    for (std::uint32_t i = 0; i < s->workers.count(); ++i) {
      const record* const seen = s->workers.at(i);
      if (seen != nullptr) MC_CHECK(seen->made.get() == 1 && seen->index == i);
    }
  });
  x.run();
  MC_CHECK(s->got[0] != s->got[1]);
  MC_CHECK(s->workers.count() == 2);
  for (std::uint32_t i = 0; i < 2; ++i) MC_CHECK(s->workers.at(i)->index == i && s->workers.at(i)->used.peek() == 1);
}

/// Three need two records: the third waits for one that comes free, and sees what was left in it.
void a_record_is_used_again(mc::execution& x) {
  auto* s = x.make<state>();
  for (std::size_t i = 0; i < 3; ++i) {
    x.thread([s, i] { state::live_and_leave(*s->take(i), i == 1 ? record_state::vacant : record_state::left); });
  }
  x.run();
  int used = 0;
  for (std::uint32_t i = 0; i < s->workers.count(); ++i) used += s->workers.at(i)->used.peek();
  MC_CHECK(used == 3);
}

/// One that exists is taken by one of two; the other makes the next.
void one_vacant_two_starters(mc::execution& x) {
  auto* s = x.make<state>();
  s->take(2);
  s->got[2]->state.store(record_state::left, std::memory_order_release);
  for (std::size_t i = 0; i < 2; ++i) {
    x.thread([s, i] { s->take(i)->used.set(1); });
  }
  x.run();
  MC_CHECK(s->got[0] != s->got[1]);
  MC_CHECK(s->got[0] == s->got[2] || s->got[1] == s->got[2]);
}

using pool_record = treadle::detail::worker_record<model_policy, mc::plain<int>>;

/// Who finds a worker settled sees all that it did before.
void settled(mc::execution& x) {
  using treadle::detail::activity;
  auto* one = x.make<pool_record>(0U);
  auto* done = x.make<mc::plain<int>>(0);
  x.thread([one, done] {
    one->become(activity::awake);
    done->set(1);
    one->become(activity::parked);
  });
  x.thread([one, done] {
    std::uint64_t stamp = 0;
    if (!one->is_settled(stamp)) return;
    // Twice, as a sweep does: a worker that was never awake may be about to be.
    if (stamp >> 2 == 2) MC_CHECK(done->get() == 1);
  });
  x.run();
}

/// Who admits a task of the pool's making, and who cancels and looks for those: one sees the other.
void admission_against_cancel(mc::execution& x) {
  struct parties {
    treadle::detail::sync_word<model_policy> sync{treadle::detail::sync_state::of(1, 0, 1)};
    pool_record worker{0};
    mc::plain<int> brought{0};
    bool admitted = false;
  };
  auto* s = x.make<parties>();
  x.thread([s] {
    s->worker.admitting.store(1, std::memory_order_relaxed);
    s->sync.barrier();
    if (s->sync.look().life() < treadle::detail::lifecycle::cancelling) {
      s->admitted = true;
      s->brought.set(1);
    }
    s->worker.admitting.store(0, std::memory_order_release);
  });
  x.thread([s] {
    s->sync.advance(treadle::detail::lifecycle::cancelling);
    s->sync.sleeper_barrier(s->sync.look(), 0);
    std::uint64_t stamp = 0;
    while (!s->worker.is_settled(stamp)) model_policy::yield();
    s->brought.get();
  });
  x.run();
}

TREADLE_MODEL(worker_list_model, settled, settings_for(mc::unlimited, 3), settled)
TREADLE_MODEL(worker_list_model, admission_against_cancel, settings_for(mc::unlimited, 3), admission_against_cancel)
TREADLE_MODEL(worker_list_model, two_starters, settings_for(2, 2), two_starters)
TREADLE_MODEL(worker_list_model, a_record_is_used_again, settings_for(2, 1), a_record_is_used_again)
TREADLE_MODEL(worker_list_model, one_vacant_two_starters, settings_for(3, 2), one_vacant_two_starters)

/// A record that cannot be had is no record: the starter is told.
TEST(worker_list_model, no_memory_for_a_record) {
  model::expect_holds("exhaustive", mc::explore({}, [](mc::execution& x) {
                        auto* s = x.make<state>();
                        x.thread([s] {
                          s->got[0] = s->workers.take_vacant([](std::uint32_t) -> record* { return nullptr; },
                                                             [](record*) { MC_CHECK(false); });
                        });
                        x.thread([s] { s->take(1); });
                        x.run();
                        MC_CHECK(s->got[1] != nullptr);
                        MC_CHECK(s->got[0] == nullptr || s->got[0] != s->got[1]);
                      }));
}

}  // namespace
