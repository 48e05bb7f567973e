#include <policies.hpp>
#include <waiting.hpp>

#include <treadle/detail/ring.hpp>

#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <thread>
#include <vector>

namespace treadle::test {
namespace {

using detail::steal_status;

struct node {
  std::size_t number = 0;
  std::atomic<int> taken{0};
};

template <class P>
using ring_of = detail::ring<P, node>;

using big_ring = ring_of<detail::system_policy>;
using tiny_ring = ring_of<tiny_ring_policy>;

std::vector<node> numbered(std::size_t count) {
  std::vector<node> nodes(count);
  for (std::size_t i = 0; i < count; ++i) nodes[i].number = i;
  return nodes;
}

TEST(ring, is_first_in_first_out_and_bounded) {
  auto nodes = numbered(big_ring::capacity + 1);
  auto ring = std::make_unique<big_ring>();
  EXPECT_EQ(ring->pop(), nullptr);
  EXPECT_EQ(ring->size(), 0u);
  for (std::size_t i = 0; i < big_ring::capacity; ++i) {
    EXPECT_EQ(ring->room(), big_ring::capacity - i);
    ASSERT_TRUE(ring->push(&nodes[i]));
    EXPECT_EQ(ring->size(), i + 1);
  }
  EXPECT_FALSE(ring->push(&nodes[big_ring::capacity]));
  EXPECT_EQ(ring->room(), 0u);
  for (std::size_t i = 0; i < big_ring::capacity; ++i) ASSERT_EQ(ring->pop(), &nodes[i]);
  EXPECT_EQ(ring->pop(), nullptr);
  EXPECT_EQ(ring->size(), 0u);
}

TEST(ring, shows_staged_nodes_only_once_they_are_committed) {
  auto nodes = numbered(4);
  tiny_ring ring;
  ASSERT_GE(ring.room(), 3u);
  for (std::size_t i = 0; i < 3; ++i) ring.stage(i, &nodes[i]);
  EXPECT_EQ(ring.size(), 0u);
  EXPECT_EQ(ring.pop(), nullptr);
  ring.commit(3);
  EXPECT_EQ(ring.size(), 3u);
  for (std::size_t i = 0; i < 3; ++i) EXPECT_EQ(ring.pop(), &nodes[i]);
}

TEST(ring, retracts_what_nobody_has_taken) {
  auto nodes = numbered(4);
  tiny_ring ring;
  for (node& each : nodes) ASSERT_TRUE(ring.push(&each));
  EXPECT_TRUE(ring.retract(2));
  EXPECT_EQ(ring.size(), 2u);
  EXPECT_EQ(ring.pop(), &nodes[0]);
  EXPECT_EQ(ring.pop(), &nodes[1]);
  EXPECT_EQ(ring.pop(), nullptr);
  ASSERT_TRUE(ring.push(&nodes[0]));
  EXPECT_EQ(ring.pop(), &nodes[0]);
  EXPECT_FALSE(ring.retract(1)) << "there is nothing to take back";
}

TEST(ring, gives_a_thief_the_older_half) {
  for (std::size_t count = 1; count <= big_ring::capacity; ++count) {
    auto nodes = numbered(count);
    auto victim = std::make_unique<big_ring>(), thief = std::make_unique<big_ring>();
    for (node& each : nodes) ASSERT_TRUE(victim->push(&each));
    node* first = nullptr;
    std::size_t staged = 0;
    std::uint64_t retries = 0;
    ASSERT_EQ(victim->steal_into(*thief, first, staged, retries), steal_status::stolen);
    EXPECT_EQ(staged + 1, count - count / 2) << "of " << count;
    EXPECT_EQ(retries, 0u);
    thief->commit(staged);
    ASSERT_EQ(first, &nodes[0]);
    for (std::size_t i = 1; i <= staged; ++i) ASSERT_EQ(thief->pop(), &nodes[i]);
    for (std::size_t i = staged + 1; i < count; ++i) ASSERT_EQ(victim->pop(), &nodes[i]);
    EXPECT_EQ(victim->size() + thief->size(), 0u);
  }
}

TEST(ring, gives_a_thief_no_more_than_fits) {
  auto nodes = numbered(8);
  tiny_ring victim, thief;
  for (std::size_t i = 0; i < 4; ++i) ASSERT_TRUE(victim.push(&nodes[i]));
  for (std::size_t i = 4; i < 8; ++i) ASSERT_TRUE(thief.push(&nodes[i]));
  node* first = nullptr;
  std::size_t staged = 9;
  std::uint64_t retries = 0;
  ASSERT_EQ(victim.steal_into(thief, first, staged, retries), steal_status::stolen);
  EXPECT_EQ(first, &nodes[0]);
  EXPECT_EQ(staged, 0u);
  EXPECT_EQ(victim.size(), 3u);
  EXPECT_EQ(thief.size(), 4u);
  tiny_ring empty;
  EXPECT_EQ(empty.steal_into(thief, first, staged, retries), steal_status::empty);
}

/// Indices of three bits wrap after eight nodes. What a wrap does to a thief that stalls is seed_defect_12 in tests/model.
TEST(ring, goes_on_when_its_indices_wrap) {
  static_assert(detail::system_policy::ring_index_mask >= INT64_MAX, "one task a nanosecond for 292 years");
  auto nodes = numbered(64);
  tiny_ring ring, other;
  std::size_t in = 0, out = 0;
  for (int step = 0; step < 10'000; ++step) {
    const std::size_t fill = static_cast<std::size_t>(step % 4) + 1;
    while (ring.size() < fill) {
      ASSERT_TRUE(ring.push(&nodes[in % nodes.size()]));
      ++in;
    }
    if (step % 3 == 0) {
      node* first = nullptr;
      std::size_t staged = 0;
      std::uint64_t retries = 0;
      ASSERT_EQ(ring.steal_into(other, first, staged, retries), steal_status::stolen);
      ASSERT_EQ(first, &nodes[out++ % nodes.size()]);
      other.commit(staged);
      for (std::size_t i = 0; i < staged; ++i) ASSERT_EQ(other.pop(), &nodes[out++ % nodes.size()]);
    } else {
      ASSERT_EQ(ring.pop(), &nodes[out++ % nodes.size()]);
    }
    ASSERT_EQ(ring.size(), in - out);
  }
}

/// Makes compare-exchanges of indices fail, as they do for a thief whom the owner outruns.
template <int Defect>
struct outrun_policy : with_seed_defect<Defect> {
  static constexpr std::uint32_t steal_attempts = 4;
  static inline std::uint64_t losses_left = 0;
  static inline bool lock_first = false;
  template <class T>
  struct atomic : std::atomic<T> {
    using std::atomic<T>::atomic;
    bool compare_exchange_strong(T& expected, T desired, std::memory_order success,
                                 std::memory_order failure) noexcept {
      if (lock_first) {
        lock_first = false;  // a visit's first exchange is the lock of the ring
      } else if (losses_left != 0) {
        --losses_left;
        return false;
      }
      return std::atomic<T>::compare_exchange_strong(expected, desired, success, failure);
    }
  };
};
template <class P>
std::uint64_t retries_of_an_outrun_thief(steal_status& status) {
  auto nodes = numbered(8);
  auto victim = std::make_unique<ring_of<P>>(), thief = std::make_unique<ring_of<P>>();
  for (node& each : nodes) EXPECT_TRUE(victim->push(&each));
  node* first = nullptr;
  std::size_t staged = 0;
  std::uint64_t retries = 0;
  P::losses_left = 1'000;
  P::lock_first = true;
  status = victim->steal_into(*thief, first, staged, retries);
  P::losses_left = 0;
  EXPECT_EQ(thief->size(), 0u) << "nothing was committed";
  return retries;
}

/// Thieves of the seed copied up to 128 pointers before their exchange, and did it all again, without bound, when they
/// lost. Ours give up, and have copied nothing.
TEST(ring, seed_defect_23) {
  steal_status status{};
  EXPECT_EQ(retries_of_an_outrun_thief<outrun_policy<0>>(status), outrun_policy<0>::steal_attempts);
  EXPECT_EQ(status, steal_status::contended);
  EXPECT_EQ(retries_of_an_outrun_thief<outrun_policy<23>>(status), 1'000u) << "the switch no longer restores the fault";
  EXPECT_EQ(status, steal_status::stolen);
}

/// The owner's end and the thieves' end of the seed's ring were neighbours.
TEST(ring, seed_defect_24) {
  locating_policy::places().clear();
  const auto made = std::make_unique<ring_of<locating_policy>>();
  const std::vector<std::uintptr_t>& places = locating_policy::places();
  ASSERT_GE(places.size(), 3u + ring_of<locating_policy>::capacity);
  const auto line = [&](std::size_t i) { return places[i] / TREADLE_CACHE_LINE; };
  // In the order of their making: head, the thieves' lock, tail, what the owner keeps, the slots.
  EXPECT_NE(line(0), line(2)) << "head and tail";
  EXPECT_EQ(line(0), line(1)) << "the thieves' two words";
  const std::size_t first_slot = places.size() - ring_of<locating_policy>::capacity;
  EXPECT_NE(line(first_slot), line(0));
  EXPECT_NE(line(first_slot), line(2));
  EXPECT_EQ(places[first_slot] % TREADLE_CACHE_LINE, 0u);
}

/// An owner that pushes and pops and thieves that steal: each node is taken once.
template <class P>
void owner_and_thieves(std::size_t count) {
  constexpr std::size_t thieves = 2;
  auto nodes = numbered(count);
  auto victim = std::make_unique<ring_of<P>>();
  std::atomic<bool> over{false};
  tally taken;
  const auto take = [&](node* each) {
    each->taken.fetch_add(1, std::memory_order_relaxed);
    taken.add();
  };
  std::vector<std::thread> threads;
  for (std::size_t t = 0; t < thieves; ++t) {
    threads.emplace_back([&] {
      auto own = std::make_unique<ring_of<P>>();
      while (!over.load(std::memory_order_acquire)) {
        node* first = nullptr;
        std::size_t staged = 0;
        std::uint64_t retries = 0;
        if (victim->steal_into(*own, first, staged, retries) != steal_status::stolen) {
          std::this_thread::yield();
          continue;
        }
        take(first);
        own->commit(staged);
        while (node* const each = own->pop()) take(each);
      }
    });
  }
  std::size_t retracted = nodes.size();  // each at most once, or the same one would go in and out for ever
  for (std::size_t next = 0; next < nodes.size();) {
    while (next < nodes.size() && next % 7 != 6 && victim->push(&nodes[next])) ++next;
    if (next < nodes.size() && next % 7 == 6 && victim->push(&nodes[next])) {
      ++next;
      if (next % 5 == 0 && retracted != next && victim->retract(1)) retracted = next--;
    }
    for (int i = 0; i < 3; ++i) {
      if (node* const each = victim->pop()) take(each);
    }
  }
  while (node* const each = victim->pop()) take(each);
  EXPECT_TRUE(taken.reaches(count));
  over.store(true, std::memory_order_release);
  for (std::thread& thread : threads) thread.join();
  for (const node& each : nodes) ASSERT_EQ(each.taken.load(), 1) << "node " << each.number;
}

TEST(ring, gives_each_node_to_one_taker) { owner_and_thieves<detail::system_policy>(smaller_if_slow(60'000)); }
TEST(ring, gives_each_node_to_one_taker_while_it_is_small) {
  owner_and_thieves<small_ring_policy>(smaller_if_slow(60'000));
}

TEST(ring, drains_in_order) {
  auto nodes = numbered(4);
  tiny_ring ring;
  for (node& each : nodes) ASSERT_TRUE(ring.push(&each));
  EXPECT_EQ(ring.pop(), &nodes[0]);
  std::vector<std::size_t> seen;
  ring.drain([&](const node* each) { seen.push_back(each->number); });
  EXPECT_EQ(ring.size(), 0u);
  std::sort(seen.begin(), seen.end());
  EXPECT_EQ(seen, (std::vector<std::size_t>{1, 2, 3}));
}

TEST(ring, evicts_the_oldest_in_order) {
  auto nodes = numbered(4);
  tiny_ring ring;
  for (node& each : nodes) ASSERT_TRUE(ring.push(&each));
  std::vector<std::size_t> seen;
  bool done = false;
  EXPECT_TRUE(ring.evict(
      2, [&](const node* each) { seen.push_back(each->number); }, [&] { done = true; }));
  EXPECT_TRUE(done);
  EXPECT_EQ(seen, (std::vector<std::size_t>{0, 1}));
  EXPECT_EQ(ring.pop(), &nodes[2]);
  EXPECT_EQ(ring.pop(), &nodes[3]);
  EXPECT_EQ(ring.pop(), nullptr);
}

}  // namespace
}  // namespace treadle::test
