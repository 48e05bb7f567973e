#include <policies.hpp>
#include <random.hpp>
#include <waiting.hpp>

#include <treadle/detail/sync_word.hpp>

#include <gtest/gtest.h>

#include <array>
#include <cstdint>
#include <string>

namespace treadle::test {
namespace {

using detail::lifecycle;
using detail::sync_state;
using detail::unpark;
using detail::wake_kind;
using word = detail::sync_word<detail::system_policy>;

/// The counts of a word, for comparison.
struct counts {
  std::uint32_t active, idle, total;
  friend bool operator==(const counts&, const counts&) = default;
};
counts counts_of(const sync_state& state) { return {state.active(), state.idle(), state.total()}; }

TEST(sync_word, starts_threads_up_to_the_width_and_one_search_at_a_time) {
  word sync;
  EXPECT_TRUE(sync.look().quiet());
  auto claim = sync.claim_wake(2, 3, false);
  EXPECT_EQ(claim.kind, wake_kind::fresh);
  EXPECT_TRUE(claim.searcher);
  EXPECT_EQ(counts_of(sync.look()), (counts{1, 0, 1}));
  EXPECT_EQ(sync.claim_wake(2, 3, false).kind, wake_kind::none) << "one searches already";
  EXPECT_EQ(sync.claim_wake(2, 3, true).kind, wake_kind::none) << "nobody sleeps whom an extra could be";
  sync.release_search();
  claim = sync.claim_wake(2, 3, false);
  EXPECT_EQ(claim.kind, wake_kind::fresh);
  sync.release_search();
  EXPECT_EQ(sync.claim_wake(2, 3, false).kind, wake_kind::none) << "the width is reached";
  sync.enter_blocking();
  EXPECT_EQ(sync.look().blocked(), 1u);
  EXPECT_EQ(sync.claim_wake(2, 3, false).kind, wake_kind::fresh) << "a blocked worker's slot is free";
  sync.release_search();
  sync.enter_blocking();
  EXPECT_EQ(sync.claim_wake(2, 3, false).kind, wake_kind::none) << "as many threads as may exist";
  sync.leave_blocking();
  sync.leave_blocking();
  EXPECT_EQ(counts_of(sync.look()), (counts{3, 0, 3}));
}

TEST(sync_word, prefers_sleepers_and_gives_one_the_search) {
  word sync;
  for (int i = 0; i < 3; ++i) {
    ASSERT_EQ(sync.claim_wake(4, 4, false).kind, wake_kind::fresh);
    sync.release_search();
  }
  for (int i = 0; i < 3; ++i) sync.announce_idle(false);
  EXPECT_TRUE(sync.look().quiet());
  auto claim = sync.claim_wake(4, 4, false);
  EXPECT_EQ(claim.kind, wake_kind::parked);
  EXPECT_TRUE(claim.searcher);
  claim = sync.claim_wake(4, 4, true);
  EXPECT_EQ(claim.kind, wake_kind::parked);
  EXPECT_FALSE(claim.searcher);
  EXPECT_EQ(counts_of(sync.look()), (counts{2, 1, 3}));
  EXPECT_EQ(counts_of(sync.announce_idle(true)), (counts{1, 2, 3}));
  EXPECT_FALSE(sync.look().searching());
}

TEST(sync_word, takes_a_failed_start_back_whole) {
  word sync;
  const std::uint64_t before = sync.look().word();
  const auto claim = sync.claim_wake(1, 1, false);
  sync.start_failed(claim.searcher);
  EXPECT_EQ(sync.look().word(), before);
  EXPECT_EQ(sync.claim_wake(1, 1, false).kind, wake_kind::fresh);
}

TEST(sync_word, settles_who_takes_a_sleeper_back) {
  word sync;
  static_cast<void>(sync.claim_wake(1, 2, false));
  sync.announce_idle(true);
  EXPECT_EQ(sync.cancel_idle(1), unpark::done);
  EXPECT_EQ(counts_of(sync.look()), (counts{1, 0, 1}));
  EXPECT_EQ(sync.cancel_idle(1), unpark::claimed_by_waker);
  sync.announce_idle(false);
  static_cast<void>(sync.claim_wake(1, 2, false));
  EXPECT_EQ(sync.cancel_idle(1), unpark::claimed_by_waker);
  EXPECT_FALSE(sync.retire_idle()) << "its waker counts on it";
  sync.announce_idle(true);
  EXPECT_TRUE(sync.retire_idle());
  EXPECT_EQ(counts_of(sync.look()), (counts{0, 0, 1}));
  sync.leave_retired();
  EXPECT_EQ(counts_of(sync.look()), (counts{0, 0, 0}));
}

/// Whoever retires may find that a waker has chosen it, and stays: nobody may have been started in its place meanwhile.
TEST(sync_word, keeps_the_place_of_one_who_retires_until_it_has_left) {
  word sync;
  for (int i = 0; i < 2; ++i) {
    static_cast<void>(sync.claim_wake(2, 2, false));
    sync.release_search();
  }
  sync.announce_idle(false);
  ASSERT_TRUE(sync.retire_idle());
  EXPECT_EQ(sync.claim_wake(2, 2, false).kind, wake_kind::none) << "both records are taken";
  sync.give_back_retired();
  EXPECT_EQ(counts_of(sync.look()), (counts{1, 1, 2}));
  ASSERT_TRUE(sync.retire_idle());
  sync.leave_retired();
  EXPECT_EQ(sync.claim_wake(2, 2, false).kind, wake_kind::fresh);
}

TEST(sync_word, leaves_no_slot_to_one_who_wants_back_above_the_width) {
  word sync;
  static_cast<void>(sync.claim_wake(1, 2, false));
  sync.release_search();
  sync.enter_blocking();
  static_cast<void>(sync.claim_wake(1, 2, false));
  sync.announce_idle(true);
  sync.leave_blocking();
  EXPECT_EQ(sync.cancel_idle(1), unpark::no_slot);
  EXPECT_EQ(counts_of(sync.look()), (counts{1, 1, 2}));
}

TEST(sync_word, moves_its_life_forward_only) {
  word sync;
  EXPECT_EQ(sync.advance(lifecycle::draining).life(), lifecycle::running);
  EXPECT_EQ(sync.advance(lifecycle::cancelling).life(), lifecycle::draining);
  EXPECT_EQ(sync.advance(lifecycle::draining).life(), lifecycle::cancelling);
  EXPECT_EQ(sync.look().life(), lifecycle::cancelling);
  EXPECT_EQ(sync.claim_wake(4, 4, false).kind, wake_kind::none) << "nothing is started under cancel";
  EXPECT_EQ(sync.advance(lifecycle::stopped).life(), lifecycle::cancelling);
  EXPECT_EQ(sync.look().life(), lifecycle::stopped);
}

TEST(sync_word, ends_a_drain_only_in_the_state_that_was_seen) {
  word sync;
  static_cast<void>(sync.claim_wake(1, 1, false));
  sync.announce_idle(true);
  sync.advance(lifecycle::draining);
  const sync_state seen = sync.look();
  ASSERT_TRUE(seen.quiet());
  static_cast<void>(sync.claim_wake(1, 1, false));
  EXPECT_FALSE(sync.stop_if_unchanged(seen));
  sync.announce_idle(true);
  EXPECT_TRUE(sync.stop_if_unchanged(sync.look()));
  EXPECT_EQ(sync.look().life(), lifecycle::stopped);
  EXPECT_FALSE(sync.retire_idle()) << "at the end workers leave another way";
  sync.leave_idle();
  EXPECT_EQ(sync.look().total(), 0u);
}

TEST(sync_word, keeps_the_watch_apart) {
  word sync;
  sync.watch();
  EXPECT_TRUE(sync.look().watched());
  static_cast<void>(sync.claim_wake(1, 1, false));
  EXPECT_TRUE(sync.announce_idle(true).watched());
  sync.unwatch();
  EXPECT_FALSE(sync.look().watched());
  EXPECT_EQ(counts_of(sync.look()), (counts{0, 1, 1}));
}

/// The most that a field can count leaves the others alone.
TEST(sync_word, has_room_for_the_most_workers) {
  word sync;
  const std::uint32_t most = sync_state::max_count;
  for (std::uint32_t i = 0; i < most; ++i) {
    ASSERT_EQ(sync.claim_wake(most, most, false).kind, wake_kind::fresh);
    sync.release_search();
  }
  EXPECT_EQ(counts_of(sync.look()), (counts{most, 0, most}));
  EXPECT_EQ(sync.claim_wake(most, most, false).kind, wake_kind::none);
  for (std::uint32_t i = 0; i < most; ++i) sync.announce_idle(false);
  EXPECT_EQ(counts_of(sync.look()), (counts{0, most, most}));
  EXPECT_EQ(sync.look().life(), lifecycle::running);
  EXPECT_FALSE(sync.look().searching() || sync.look().watched());
}

/// Random walks against plain counters.
TEST(sync_word, agrees_with_plain_counters) {
  const std::uint64_t seed = run_seed();
  SCOPED_TRACE("TREADLE_TEST_SEED=" + std::to_string(seed));
  random_source random(seed);
  for (int walk = 0; walk < 200; ++walk) {
    word sync;
    counts plain{0, 0, 0};
    bool searching = false;
    const auto width = static_cast<std::uint32_t>(1 + random.below(4));
    const auto limit = static_cast<std::uint32_t>(width + random.below(3));
    for (int step = 0; step < 200; ++step) {
      const bool extra = random.one_in(2);
      switch (random.below(6)) {
        case 0:
        case 1: {
          const auto claim = sync.claim_wake(width, limit, extra);
          const bool possible =
              plain.active < width && (plain.idle != 0 || (plain.total < limit && !extra)) && (!searching || extra);
          ASSERT_EQ(claim.kind != wake_kind::none, possible);
          if (!possible) break;
          ASSERT_EQ(claim.kind == wake_kind::parked, plain.idle != 0);
          ++plain.active;
          plain.idle != 0 ? --plain.idle : ++plain.total;
          ASSERT_EQ(claim.searcher, !searching);
          searching = true;
          break;
        }
        case 2:
          if (plain.active == 0 || (searching && plain.active == 1)) break;
          sync.announce_idle(false);
          --plain.active, ++plain.idle;
          break;
        case 3:
          if (!searching) break;
          sync.release_search();
          searching = false;
          break;
        case 4:
          ASSERT_EQ(sync.cancel_idle(width) == unpark::done, plain.idle != 0 && plain.active < width);
          if (plain.idle != 0 && plain.active < width) --plain.idle, ++plain.active;
          break;
        default:
          ASSERT_EQ(sync.retire_idle(), plain.idle != 0);
          if (plain.idle == 0) break;
          sync.leave_retired();
          --plain.idle, --plain.total;
      }
      ASSERT_EQ(counts_of(sync.look()), plain) << "in walk " << walk << ", step " << step;
      ASSERT_EQ(sync.look().searching(), searching);
    }
  }
}

}  // namespace
}  // namespace treadle::test
